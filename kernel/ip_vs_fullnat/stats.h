/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters of a namespace. Each reason for which a packet or a connection can
 * be refused has one, so that no packet leaves our code silently.
 */
#ifndef FNAT_STATS_H
#define FNAT_STATS_H

#include <linux/percpu.h>
#include <linux/seq_file.h>

/* F(enumerator, name as operators see it) */
#define FNAT_STATS(F)							\
	/* connections */						\
	F(CONN_BOUND, "fullnat_conn_bound")				\
	F(CONN_DONE, "fullnat_conn_done")				\
	F(BIND_RACE, "fullnat_bind_race")				\
	F(NO_SERVICE, "fullnat_no_service")				\
	F(NO_LADDR, "fullnat_no_laddr")					\
	F(NO_PORT, "fullnat_no_port")					\
	F(NO_MEM, "fullnat_no_mem")					\
	F(BAD_PROTO, "fullnat_bad_proto")				\
	F(DRAINING, "fullnat_draining")					\
	/* packets */							\
	F(IN_PKTS, "fullnat_in_pkts")					\
	F(OUT_PKTS, "fullnat_out_pkts")					\
	F(ICMP_IN, "fullnat_icmp_in")					\
	F(ICMP_OUT, "fullnat_icmp_out")					\
	F(NO_CONN, "fullnat_no_conn")					\
	F(UNBOUND, "fullnat_unbound")					\
	F(NO_ROUTE, "fullnat_no_route")					\
	F(TTL_EXCEEDED, "fullnat_ttl_exceeded")				\
	F(MTU_EXCEEDED, "fullnat_mtu_exceeded")				\
	F(BAD_HEADER, "fullnat_bad_header")				\
	F(BAD_ICMP, "fullnat_bad_icmp")					\
	F(DEFRAG_FAIL, "fullnat_defrag_fail")

enum fnat_stat {
#define F(id, name) FNAT_STAT_##id,
	FNAT_STATS(F)
#undef F
	__FNAT_STAT_MAX
};

struct fnat_stats {
	u64 counter[__FNAT_STAT_MAX];
};

struct fnat_net;

const char *fnat_stat_name(enum fnat_stat id);
u64 fnat_stat_sum(const struct fnat_net *fn, enum fnat_stat id);
int fnat_stats_show(struct seq_file *seq, void *v);

#endif /* FNAT_STATS_H */
