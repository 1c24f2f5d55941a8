// SPDX-License-Identifier: GPL-2.0-only
/* The counters' names, and /proc/net/toa_stats. */
#include "toa.h"

/* Those that Alibaba's and DPVS's modules have keep their names. */
static const char * const stat_names[] = {
	[TOA_STAT_RECV_TOA] = "syn_recv_sock_toa",
	[TOA_STAT_RECV_NO_TOA] = "syn_recv_sock_no_toa",
	[TOA_STAT_GETNAME_OK] = "getname_toa_ok",
	[TOA_STAT_GETNAME_MISMATCH] = "getname_toa_mismatch",
	[TOA_STAT_GETNAME_BYPASS] = "getname_toa_bypass",
	[TOA_STAT_GETNAME_EMPTY] = "getname_toa_empty",
	[TOA_STAT_GETNAME_NAT64] = "getname_toa_nat64",
	[TOA_STAT_GETNAME_TOO_MANY] = "getname_too_many",
	[TOA_STAT_NAT64_OK] = "getsockopt_toa_ok",
	[TOA_STAT_ADDED] = "toa_entry_alloc",
	[TOA_STAT_FREED] = "toa_entry_free",
	[TOA_STAT_IP6_ALLOC] = "ip6_address_alloc",
	[TOA_STAT_IP6_FREE] = "ip6_address_free",
	[TOA_STAT_SYN_KEPT] = "toa_syn_kept",
	[TOA_STAT_SYN_DONE] = "toa_syn_done",
	[TOA_STAT_UNTRUSTED] = "toa_untrusted",
	[TOA_STAT_BAD_ADDR] = "toa_bad_addr",
	[TOA_STAT_NO_MEM] = "toa_no_mem",
};

static_assert(ARRAY_SIZE(stat_names) == __TOA_STAT_MAX);

u64 toa_stat_sum(const struct toa_net *tn, enum toa_stat id)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu_ptr(tn->stats, cpu)->counter[id];
	return sum;
}

/* A value of the whole module: in the first column, so that sums are right. */
static void show_global(struct seq_file *seq, const char *name, u64 value)
{
	int cpu;

	seq_printf(seq, "%-25s:", name);
	for_each_possible_cpu(cpu) {
		seq_printf(seq, " %10llu", value);
		value = 0;
	}
	seq_putc(seq, '\n');
}

/* The layout is that of Alibaba's and DPVS's modules. */
int toa_stats_show(struct seq_file *seq, void *v)
{
	const struct toa_net *tn = toa_net(seq_file_single_net(seq));
	int cpu, id;

	seq_printf(seq, "%-26s", "");
	for_each_possible_cpu(cpu)
		seq_printf(seq, " %6s%-4d", "CPU", cpu);
	seq_putc(seq, '\n');

	for (id = 0; id < __TOA_STAT_MAX; id++) {
		seq_printf(seq, "%-25s:", stat_names[id]);
		for_each_possible_cpu(cpu)
			seq_printf(seq, " %10llu",
				   per_cpu_ptr(tn->stats, cpu)->counter[id]);
		seq_putc(seq, '\n');
	}
	show_global(seq, "getname_missed", toa_getname_missed());
	show_global(seq, "getname_unhooked", !toa_health_check());
	return 0;
}
