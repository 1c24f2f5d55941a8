// SPDX-License-Identifier: GPL-2.0-only
/* net.ipv4.vs.fullnat_*: the knobs of a namespace, beside stock's. */
#include <linux/slab.h>
#include <linux/sysctl.h>

#include "fnat.h"

static int lport_floor = FNAT_LPORT_FLOOR;
static int lport_ceiling = 65535;

/* Names and defaults as in Alibaba's kernel. */
static const struct fnat_sysctl defaults = {
	.lport_min = 5000,
	.lport_max = 65535,
	.lport_tries = 10000,
};

/* .data is an offset into struct fnat_sysctl until a namespace takes a copy. */
#define OFFSET(member) ((void *)offsetof(struct fnat_sysctl, member))

static const struct ctl_table template[] = {
	{
		/* lowest local port, inclusive */
		.procname	= "fullnat_lport_min",
		.data		= OFFSET(lport_min),
		.maxlen		= sizeof(int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= &lport_floor,
		.extra2		= &lport_ceiling,
	},
	{
		/* highest local port, inclusive */
		.procname	= "fullnat_lport_max",
		.data		= OFFSET(lport_max),
		.maxlen		= sizeof(int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= &lport_floor,
		.extra2		= &lport_ceiling,
	},
	{
		/* ports looked at per local address for a new connection */
		.procname	= "fullnat_lport_tries",
		.data		= OFFSET(lport_tries),
		.maxlen		= sizeof(int),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ONE,
		.extra2		= &lport_ceiling,
	},
};

int fnat_sysctl_net_init(struct fnat_net *fn)
{
	struct ctl_table *table;
	unsigned int i;

	fn->sysctl = defaults;
	/* One empty entry behind: older kernels look for it. */
	table = kcalloc(ARRAY_SIZE(template) + 1, sizeof(*table), GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	memcpy(table, template, sizeof(template));
	for (i = 0; i < ARRAY_SIZE(template); i++)
		table[i].data = (void *)&fn->sysctl + (size_t)template[i].data;

	fn->sysctl_header = register_net_sysctl_sz(fn->net, "net/ipv4/vs",
						   table, ARRAY_SIZE(template));
	if (!fn->sysctl_header) {
		kfree(table);
		return -ENOMEM;
	}
	return 0;
}

void fnat_sysctl_net_exit(struct fnat_net *fn)
{
	const struct ctl_table *table = fn->sysctl_header->ctl_table_arg;

	unregister_net_sysctl_table(fn->sysctl_header);
	kfree(table);
}
