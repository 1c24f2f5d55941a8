// SPDX-License-Identifier: GPL-2.0-only
/* Per-namespace counters: their names, sums, and /proc/net/ip_vs_ext_stats. */
#include "fnat.h"

static const char * const stat_names[__FNAT_STAT_MAX] = {
#define F(id, name) [FNAT_STAT_##id] = name,
	FNAT_STATS(F)
#undef F
};

const char *fnat_stat_name(enum fnat_stat id)
{
	return stat_names[id];
}

u64 fnat_stat_sum(const struct fnat_net *fn, enum fnat_stat id)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu_ptr(fn->stats, cpu)->counter[id];
	return sum;
}

/* One line per counter, one column per CPU, as Alibaba's kernel prints it. */
int fnat_stats_show(struct seq_file *seq, void *v)
{
	const struct fnat_net *fn = fnat_net(seq_file_single_net(seq));
	int cpu, id;

	seq_printf(seq, "%-32s", "");
	for_each_possible_cpu(cpu)
		seq_printf(seq, " %10s%-3d", "CPU", cpu);
	seq_putc(seq, '\n');

	for (id = 0; id < __FNAT_STAT_MAX; id++) {
		seq_printf(seq, "%-32s", fnat_stat_name(id));
		for_each_possible_cpu(cpu)
			seq_printf(seq, " %13llu",
				   per_cpu_ptr(fn->stats, cpu)->counter[id]);
		seq_putc(seq, '\n');
	}
	return 0;
}
