/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters of a namespace. Their names, as operators see them, are in stats.c. */
#ifndef TOA_STATS_H
#define TOA_STATS_H

#include <linux/percpu.h>
#include <linux/seq_file.h>

enum toa_stat {
	/* connections that came into being */
	TOA_STAT_RECV_TOA,	/* with an option that was taken */
	TOA_STAT_RECV_NO_TOA,	/* without */
	/* questions for a peer */
	TOA_STAT_GETNAME_OK,	/* answered with the client */
	TOA_STAT_GETNAME_MISMATCH, /* socket has another peer by now */
	TOA_STAT_GETNAME_BYPASS, /* no client known for the socket */
	TOA_STAT_GETNAME_EMPTY,	/* socket has no peer */
	TOA_STAT_GETNAME_NAT64,	/* IPv6 client does not fit an AF_INET socket */
	TOA_STAT_GETNAME_TOO_MANY, /* who asks has too many under way */
	TOA_STAT_NAT64_OK,	/* asked for by the socket option */
	/* entries */
	TOA_STAT_ADDED,
	TOA_STAT_FREED,
	TOA_STAT_IP6_ALLOC,	/* of these, with an IPv6 client */
	TOA_STAT_IP6_FREE,
	TOA_STAT_SYN_KEPT,	/* option of a SYN kept for its connection */
	TOA_STAT_SYN_DONE,	/* of these, taken over by it or ended without */
	/* options that were not taken */
	TOA_STAT_UNTRUSTED,	/* from a source that is not in net.toa.trusted */
	TOA_STAT_BAD_ADDR,	/* no client can have that address or port */
	TOA_STAT_NO_MEM,
	__TOA_STAT_MAX
};

struct toa_stats {
	u64 counter[__TOA_STAT_MAX];
};

#define toa_stat_inc(tn, id) this_cpu_inc((tn)->stats->counter[TOA_STAT_##id])

struct toa_net;

u64 toa_stat_sum(const struct toa_net *tn, enum toa_stat id);
int toa_stats_show(struct seq_file *seq, void *v);

#endif /* TOA_STATS_H */
