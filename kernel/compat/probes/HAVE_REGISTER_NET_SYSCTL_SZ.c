// SPDX-License-Identifier: GPL-2.0
/*
 * register_net_sysctl_sz() takes the number of entries, upstream in 6.6.
 * Without: register_net_sysctl() stops at an empty entry, which a table then
 * has to end with.
 */
#include <net/net_namespace.h>

struct ctl_table_header *compat_probe(struct net *net, struct ctl_table *table)
{
	return register_net_sysctl_sz(net, "net", table, 1);
}
