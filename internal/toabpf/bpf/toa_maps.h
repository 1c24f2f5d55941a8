/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the programs and the loader share: the maps and the values in them. The
 * loader's side of each is in ../maps.go. IPv4 addresses are in the v4-mapped
 * form, ports and addresses in network order.
 */
#ifndef TOA_MAPS_H
#define TOA_MAPS_H

#include "../../../kernel/common/toa_parse.h"

/* settings.mode: net.toa.enable of the module */
enum toa_mode {
	TOA_OFF,
	TOA_ON,
	TOA_DRAIN,
};

/* One, for all sockets that the hooks see. */
struct toa_settings {
	__u32 mode;
	struct toa_kinds kinds;
};

/* A network of directors, and what is looked for in the trie of these. */
struct toa_trusted_key {
	__u32 bits;		/* of what follows; 8 more than the prefix has */
	__u8 family;		/* 4 or 6: ::/0 is about IPv6 */
	__u8 addr[16];		/* an IPv4 address in the first four */
} __attribute__((packed));

/* A connection with a known client; lives and dies with its socket. */
struct toa_conn {
	struct in6_addr raddr;	/* of the wire */
	struct in6_addr client;
	__be16 rport;
	__be16 client_port;
};

/* What the iterator writes for each connection. */
struct toa_listed {
	struct in6_addr laddr;
	struct in6_addr raddr;
	struct in6_addr client;
	__u16 lport;		/* host order */
	__be16 rport;
	__be16 client_port;
	__u16 zero;
	__u32 netns;		/* inode */
	__u32 zero2;
};

/* Their names, those of the module's counters, are in ../stats.go. */
enum toa_stat {
	TOA_STAT_RECV_TOA,
	TOA_STAT_RECV_NO_TOA,
	TOA_STAT_GETNAME_OK,
	TOA_STAT_GETNAME_MISMATCH,
	TOA_STAT_GETNAME_BYPASS,
	TOA_STAT_GETNAME_NAT64,
	TOA_STAT_NAT64_OK,
	TOA_STAT_ADDED,
	TOA_STAT_IP6_ADDED,
	TOA_STAT_SYN_KEPT,
	TOA_STAT_UNTRUSTED,
	TOA_STAT_BAD_ADDR,
	TOA_STAT_NO_MEM,
	__TOA_STAT_MAX
};

struct toa_stats {
	__u64 counter[__TOA_STAT_MAX];
};

#endif /* TOA_MAPS_H */
