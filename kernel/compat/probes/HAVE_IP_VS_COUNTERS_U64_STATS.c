// SPDX-License-Identifier: GPL-2.0
/*
 * ip_vs_counters holds u64_stats_t, seen since 6.1. Without: plain u64, to be
 * added to directly.
 */
#include <net/ip_vs.h>

void compat_probe(struct ip_vs_counters *cnt)
{
	u64_stats_inc(&cnt->outpkts);
}
