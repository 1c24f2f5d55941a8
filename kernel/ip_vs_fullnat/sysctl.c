// SPDX-License-Identifier: GPL-2.0-only
/* net.ipv4.vs.*: the knobs of a namespace, beside stock's. */
#include <linux/slab.h>
#include <linux/sysctl.h>

#include "../common/toa_wire.h"
#include "fnat.h"

static int lport_floor = FNAT_LPORT_FLOOR;
static int lport_ceiling = 65535;
static int toa_kind6_min = TOA_KIND_V6;
static int toa_kind6_max = TOA_KIND;

/* Names and defaults as in Alibaba's kernel, where it has them. */
static const struct fnat_sysctl defaults = {
	.lport_min = 5000,
	.lport_max = 65535,
	.lport_tries = 10000,
	.toa = 1,
	.toa_kind6 = TOA_KIND_V6,
	.mss_adjust = 1,
	.conn_reused = 1,
	.expire_rst = 1,
};

/* .data is an offset into struct fnat_sysctl until a namespace takes a copy. */
#define KNOB(name, member, min, max)					\
	{								\
		.procname	= name,					\
		.data		= (void *)offsetof(struct fnat_sysctl,	\
						   member),		\
		.maxlen		= sizeof(int),				\
		.mode		= 0644,					\
		.proc_handler	= proc_dointvec_minmax,			\
		.extra1		= min,					\
		.extra2		= max,					\
	}

static const struct ctl_table template[] = {
	/* lowest local port, inclusive */
	KNOB("fullnat_lport_min", lport_min,
	     &lport_floor, &lport_ceiling),
	/* highest local port, inclusive */
	KNOB("fullnat_lport_max", lport_max,
	     &lport_floor, &lport_ceiling),
	/* ports looked at per local address for a new connection */
	KNOB("fullnat_lport_tries", lport_tries,
	     SYSCTL_ONE, &lport_ceiling),
	/* tell real servers the client's address in a TCP option */
	KNOB("fullnat_toa_entry", toa,
	     SYSCTL_ZERO, SYSCTL_ONE),
	/* kind of that option for IPv6: 253 or 254 */
	KNOB("fullnat_toa_kind6", toa_kind6,
	     &toa_kind6_min, &toa_kind6_max),
	/* keep such an option that the client's side sent */
	KNOB("fullnat_toa_trust", toa_trust,
	     SYSCTL_ZERO, SYSCTL_ONE),
	/* leave room for it: lower the MSS in the SYN-ACK */
	KNOB("fullnat_mss_adjust_entry", mss_adjust,
	     SYSCTL_ZERO, SYSCTL_ONE),
	/* take time stamps out of the SYN, not translate them */
	KNOB("fullnat_timestamp_remove_entry", timestamp_remove,
	     SYSCTL_ZERO, SYSCTL_ONE),
	/* new SYN on an ended connection starts it anew */
	KNOB("fullnat_conn_reused_entry", conn_reused,
	     SYSCTL_ZERO, SYSCTL_ONE),
	/* RST to both sides when an established one expires */
	KNOB("conn_expire_tcp_rst", expire_rst,
	     SYSCTL_ZERO, SYSCTL_ONE),
	/* for an address of TCP services: drop TCP that nobody wants */
	KNOB("defence_tcp_drop", defence_tcp,
	     SYSCTL_ZERO, SYSCTL_ONE),
	/* and UDP */
	KNOB("defence_udp_drop", defence_udp,
	     SYSCTL_ZERO, SYSCTL_ONE),
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
