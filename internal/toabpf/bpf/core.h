/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few fields of the kernel's structures that are read. Where they are is
 * found out at loading (CO-RE), from the BTF of the kernel that runs.
 */
#ifndef TOA_CORE_H
#define TOA_CORE_H

#include <linux/in6.h>
#include <linux/types.h>

#define CORE __attribute__((preserve_access_index))

struct ns_common {
	unsigned int inum;
} CORE;

struct net {
	struct ns_common ns;
} CORE;

typedef struct {
	struct net *net;
} possible_net_t;

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
} CORE;

struct sock {
	struct sock_common __sk_common;
} CORE;

struct tcp_sock {
	__u8 save_syn : 2;
} CORE;

/* Only with CONFIG_MPTCP. */
struct mptcp_sock {
	struct sock *first;	/* its first subflow, as long as that is there */
} CORE;

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
} CORE;

/* The context of an iterator: an interface, with a fixed layout. */
struct storage_iter {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	struct sock *sk;
	void *value;
};

#endif /* TOA_CORE_H */
