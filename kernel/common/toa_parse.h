/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finding the client's address among the options of a TCP header. Nothing in
 * there is trusted. Compiles in user space too, where it is fuzzed.
 */
#ifndef TOA_PARSE_H
#define TOA_PARSE_H

#include <asm/byteorder.h>
#include <linux/in6.h>
#include <linux/types.h>

#include "tcpopt.h"
#include "toa_wire.h"

/* RFC 6994: Fast Open before it had a kind of its own, with this behind 254. */
#define TOA_EXID_FASTOPEN	0xf989

/* A client: IPv4 addresses in the v4-mapped form. */
struct toa_client {
	struct in6_addr addr;
	__be16 port;
};

/* Option kinds that are accepted, one bit each. */
struct toa_kinds {
	__u8 bits[32];
};

enum toa_found {
	TOA_FOUND_NONE,
	TOA_FOUND_CLIENT,
	TOA_FOUND_BAD_ADDR,	/* no client can have that address or port */
};

static inline bool toa_kinds_has(const struct toa_kinds *kinds, __u8 kind)
{
	return kinds->bits[kind / 8] & (1 << kind % 8);
}

static inline void toa_kinds_add(struct toa_kinds *kinds, __u8 kind)
{
	kinds->bits[kind / 8] |= 1 << kind % 8;
}

/* Kinds that TCP itself uses on connections of today (IANA's registry). */
static inline bool toa_kind_is_taken(unsigned int kind)
{
	return kind <= 8 ||	/* end, no-op, MSS, window, SACK, time stamps */
	       kind == 19 ||	/* MD5 signature */
	       kind == 29 ||	/* authentication */
	       kind == 30 ||	/* MPTCP */
	       kind == 34 ||	/* Fast Open */
	       kind > 255;
}

/* The form is the same for all kinds; the length tells the family. */
static inline bool toa_option_is_toa(const struct toa_kinds *kinds,
				     const struct tcpopt *opt)
{
	return (opt->len == TOA_LEN_V4 || opt->len == TOA_LEN_V6) &&
	       toa_kinds_has(kinds, opt->data[0]);
}

static inline bool toa_addr_is_v4(const struct in6_addr *addr)
{
	return !(addr->s6_addr[0] | addr->s6_addr[1] | addr->s6_addr[2] |
		 addr->s6_addr[3] | addr->s6_addr[4] | addr->s6_addr[5] |
		 addr->s6_addr[6] | addr->s6_addr[7] | addr->s6_addr[8] |
		 addr->s6_addr[9]) &&
	       addr->s6_addr[10] == 0xff && addr->s6_addr[11] == 0xff;
}

static inline bool toa_v4_is_client(const __u8 *addr)
{
	/* this network, loopback, multicast, broadcast */
	return addr[0] != 0 && addr[0] != 127 && addr[0] >> 4 != 14 &&
	       !(addr[0] == 255 && addr[1] == 255 && addr[2] == 255 &&
		 addr[3] == 255);
}

static inline bool toa_v6_is_client(const struct in6_addr *addr)
{
	unsigned int i;

	/* multicast; an IPv4 address has an option of its own */
	if (addr->s6_addr[0] == 0xff || toa_addr_is_v4(addr))
		return false;
	for (i = 0; i < 15; i++)
		if (addr->s6_addr[i])
			return true;
	/* unspecified, loopback */
	return addr->s6_addr[15] > 1;
}

/*
 * Addresses that no client can have as its source on a wire: a program that
 * trusts its own host would be fooled by them.
 */
static inline bool toa_client_read(const struct tcpopt *opt,
				   struct toa_client *client)
{
	const __u8 *addr = opt->data + 4;
	bool v4 = opt->len == TOA_LEN_V4;

	__builtin_memcpy(&client->port, opt->data + 2, 2);
	if (v4) {
		client->addr.s6_addr32[0] = 0;
		client->addr.s6_addr32[1] = 0;
		client->addr.s6_addr32[2] = __cpu_to_be32(0xffff);
		__builtin_memcpy(&client->addr.s6_addr32[3], addr, 4);
	} else {
		__builtin_memcpy(&client->addr, addr, 16);
	}
	if (!client->port)
		return false;
	return v4 ? toa_v4_is_client(addr) : toa_v6_is_client(&client->addr);
}

/*
 * Looks for the client in the @size bytes of options at @opts, which are only
 * read. The first option of a form that is accepted counts, whatever it says.
 * On a SYN (@syn) kind 254 may be an old Fast Open cookie.
 */
static inline enum toa_found toa_parse(__u8 *opts, unsigned int size,
				       const struct toa_kinds *kinds, bool syn,
				       struct toa_client *client)
{
	unsigned int pos = 0;
	struct tcpopt opt;

	while (tcpopt_next(opts, size, &pos, &opt)) {
		if (!toa_option_is_toa(kinds, &opt))
			continue;
		if (syn && opt.data[0] == TOA_KIND &&
		    (opt.data[2] << 8 | opt.data[3]) == TOA_EXID_FASTOPEN)
			continue;
		return toa_client_read(&opt, client) ? TOA_FOUND_CLIENT :
						       TOA_FOUND_BAD_ADDR;
	}
	return TOA_FOUND_NONE;
}

#endif /* TOA_PARSE_H */
