// SPDX-License-Identifier: GPL-2.0
/*
 * A proc_handler gets a table that it may not change, upstream in 6.11.
 * Without: the same table, not const.
 */
#include <linux/sysctl.h>

proc_handler *compat_probe(int (*handler)(const struct ctl_table *table, int write,
					  void *buffer, size_t *lenp, loff_t *ppos));

proc_handler *compat_probe(int (*handler)(const struct ctl_table *table, int write,
					  void *buffer, size_t *lenp, loff_t *ppos))
{
	return handler;
}
