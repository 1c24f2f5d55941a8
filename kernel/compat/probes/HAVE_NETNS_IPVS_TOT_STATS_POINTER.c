// SPDX-License-Identifier: GPL-2.0
/*
 * netns_ipvs.tot_stats points to an ip_vs_stats_rcu, seen since 6.12. Without:
 * it is the struct ip_vs_stats itself.
 */
#include <net/ip_vs.h>

struct ip_vs_stats *compat_probe(struct netns_ipvs *ipvs)
{
	return &ipvs->tot_stats->s;
}
