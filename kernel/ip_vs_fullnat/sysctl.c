// SPDX-License-Identifier: GPL-2.0-only
/* net.ipv4.vs.*: the knobs of a namespace, beside stock's. */
#include <linux/slab.h>
#include <linux/sysctl.h>

#include "../common/toa_wire.h"
#include "fnat.h"

static int lport_floor = FNAT_LPORT_FLOOR;
static int lport_ceiling = 65535;
static int icmp_timeout_max = 3600;
static int toa_kind6_min = TOA_KIND_V6;
static int toa_kind6_max = TOA_KIND;
static int init_mss_min = FNAT_TCP_MSS_MIN;
static int init_mss_max = 65535 - FNAT_TCP_HEADER_MAX - sizeof(struct iphdr);
static int wscale_max = 14;	/* RFC 7323 2.3 */
static int ttl_max = 255;
static int store_max = 1000;
static int retry_max = 6;
static int next_max = 15;

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
	.synproxy_init_mss = 1452,
	.synproxy_sack = 1,
	.synproxy_wscale = 7,
	.synproxy_timestamp = 1,
	.synproxy_synack_ttl = 63,
	.synproxy_bad_ack_rst = 1,
	.synproxy_rst_rate = 1000,
	.synproxy_store_thresh = 3,
	.synproxy_storm_thresh = 10,
	.synproxy_syn_retry = 3,
	.synproxy_conn_reuse = 1,
	.synproxy_reuse_close = 1,
	.synproxy_reuse_time_wait = 1,
	.snat_icmp_timeout = 30,
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
	/* packets pass by what stands in LOCAL_IN and LOCAL_OUT */
	KNOB("fullnat_fast_path", fast_path,
	     SYSCTL_ZERO, SYSCTL_ONE),
	/* for an address of TCP services: drop TCP that nobody wants */
	KNOB("defence_tcp_drop", defence_tcp,
	     SYSCTL_ZERO, SYSCTL_ONE),
	/* and UDP */
	KNOB("defence_udp_drop", defence_udp,
	     SYSCTL_ZERO, SYSCTL_ONE),
	/* MSS that clients are told; IPv6: 32 less */
	KNOB("synproxy_init_mss", synproxy_init_mss,
	     &init_mss_min, &init_mss_max),
	/* let clients use SACK */
	KNOB("synproxy_sack", synproxy_sack,
	     SYSCTL_ZERO, SYSCTL_ONE),
	/* window scale that clients are told; 0: none */
	KNOB("synproxy_wscale", synproxy_wscale,
	     SYSCTL_ZERO, &wscale_max),
	/* let clients use time stamps */
	KNOB("synproxy_timestamp", synproxy_timestamp,
	     SYSCTL_ZERO, SYSCTL_ONE),
	/* hop limit of what the director answers */
	KNOB("synproxy_synack_ttl", synproxy_synack_ttl,
	     SYSCTL_ONE, &ttl_max),
	/* answer by the routing table, not to the sending station */
	KNOB("synproxy_reply_route", synproxy_reply_route,
	     SYSCTL_ZERO, SYSCTL_ONE),
	/* RST for an ACK without a good cookie */
	KNOB("synproxy_bad_ack_rst", synproxy_bad_ack_rst,
	     SYSCTL_ZERO, SYSCTL_ONE),
	/* of those, and of challenges, per CPU and second */
	KNOB("synproxy_rst_rate", synproxy_rst_rate,
	     SYSCTL_ZERO, SYSCTL_INT_MAX),
	/* go to a real server when the client sends data */
	KNOB("synproxy_defer", synproxy_defer,
	     SYSCTL_ZERO, SYSCTL_ONE),
	/* packets of a client held for its real server */
	KNOB("synproxy_ack_skb_store_thresh", synproxy_store_thresh,
	     SYSCTL_ZERO, &store_max),
	/* packets of a client looked at meanwhile */
	KNOB("synproxy_ack_storm_thresh", synproxy_storm_thresh,
	     SYSCTL_ONE, SYSCTL_INT_MAX),
	/* how often a SYN to a real server is sent again */
	KNOB("synproxy_syn_retry", synproxy_syn_retry,
	     SYSCTL_ZERO, &retry_max),
	/* further real servers tried when one fails */
	KNOB("synproxy_next_rs", synproxy_next_rs,
	     SYSCTL_ZERO, &next_max),
	/* answer a SYN on an old connection with a cookie */
	KNOB("synproxy_conn_reuse", synproxy_conn_reuse,
	     SYSCTL_ZERO, SYSCTL_ONE),
	/* by its state */
	KNOB("synproxy_conn_reuse_close", synproxy_reuse_close,
	     SYSCTL_ZERO, SYSCTL_ONE),
	KNOB("synproxy_conn_reuse_time_wait", synproxy_reuse_time_wait,
	     SYSCTL_ZERO, SYSCTL_ONE),
	KNOB("synproxy_conn_reuse_fin_wait", synproxy_reuse_fin_wait,
	     SYSCTL_ZERO, SYSCTL_ONE),
	KNOB("synproxy_conn_reuse_close_wait", synproxy_reuse_close_wait,
	     SYSCTL_ZERO, SYSCTL_ONE),
	KNOB("synproxy_conn_reuse_last_ack", synproxy_reuse_last_ack,
	     SYSCTL_ZERO, SYSCTL_ONE),
	/* drop what SNAT is on for and comes from no zone */
	KNOB("snat_no_zone_drop", snat_no_zone_drop,
	     SYSCTL_ZERO, SYSCTL_ONE),
	/* drop a zone's TCP segments that belong to no flow */
	KNOB("snat_stray_drop", snat_stray_drop,
	     SYSCTL_ZERO, SYSCTL_ONE),
	/* seconds that an ICMP echo's identifier is kept */
	KNOB("snat_icmp_timeout", snat_icmp_timeout,
	     SYSCTL_ONE, &icmp_timeout_max),
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
