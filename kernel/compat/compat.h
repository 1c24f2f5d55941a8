/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Force-included into every object of ip_vs_fullnat: the core is written for the
 * newest kernel, and this makes older ones look like it. Only this file,
 * compat_base.h and compat_toa.h ask HAVE_. Where no older kernel can be made to
 * look like the newest one, an fnat_ inline hides the difference.
 */
#ifndef COMPAT_H
#define COMPAT_H

#include "compat_base.h"

#include <linux/compiler.h>
#include <linux/ip.h>
#include <linux/random.h>
#include <linux/skbuff.h>
#include <linux/timer.h>
#include <linux/unaligned.h>
#include <net/genetlink.h>
#include <net/gso.h>
#include <net/ip.h>
#include <net/ip6_fib.h>
#include <net/ip_vs.h>
#include <net/net_namespace.h>
#include <net/route.h>
#include <net/tcp.h>

#ifndef HAVE_GET_RANDOM_U32_BELOW
/* Biased by ceil / 2^32 at most: for spreading load, not for secrets. */
static inline u32 get_random_u32_below(u32 ceil)
{
	return ((u64)get_random_u32() * ceil) >> 32;
}
#endif

#ifndef HAVE_SKB_CLEAR_TSTAMP
static inline void skb_clear_tstamp(struct sk_buff *skb)
{
	skb->tstamp = 0;
}
#endif

#ifndef HAVE_DST_RT6_INFO
static inline struct rt6_info *dst_rt6_info(struct dst_entry *dst)
{
	return container_of(dst, struct rt6_info, dst);
}
#endif

/* A line of a genl_family's initializer. */
#ifdef HAVE_GENL_FAMILY_RESV_START_OP
#define FNAT_GENL_RESV_START_OP(first) .resv_start_op = (first),
#else
#define FNAT_GENL_RESV_START_OP(...)
#endif

/* A line of a genl_multicast_group's initializer: who may listen. */
#ifdef HAVE_GENL_MULTICAST_GROUP_FLAGS
#define FNAT_GENL_MCGRP_UNS_ADMIN .flags = GENL_UNS_ADMIN_PERM,
#else
#define FNAT_GENL_MCGRP_UNS_ADMIN
#endif

/* The attributes that came with the request for a dump. */
static inline struct nlattr **fnat_nl_dump_attrs(struct netlink_callback *cb)
{
#ifdef HAVE_GENL_INFO_DUMP
	return genl_info_dump(cb)->attrs;
#else
	return genl_dumpit_info(cb)->attrs;
#endif
}

/*
 * Finds out how an IPv4 packet came in, for an skb that has not been routed.
 * The route is valid in this RCU read section. Returns 0 when there is one.
 */
static inline int fnat_route_input(struct sk_buff *skb)
{
	const struct iphdr *iph = ip_hdr(skb);

#ifdef HAVE_IP_ROUTE_INPUT_NOREF_DSCP
	return ip_route_input_noref(skb, iph->daddr, iph->saddr, ip4h_dscp(iph),
				    skb->dev);
#else
	return ip_route_input_noref(skb, iph->daddr, iph->saddr, iph->tos,
				    skb->dev);
#endif
}

/* Takes cp->lock; iph_len is where the TCP header starts. */
static inline void fnat_state_transition(struct ip_vs_protocol *pp,
					 struct ip_vs_conn *cp, int direction,
					 const struct sk_buff *skb,
					 unsigned int iph_len,
					 struct ip_vs_proto_data *pd)
{
	if (!pp->state_transition)
		return;
#ifdef HAVE_STATE_TRANSITION_IPH_LEN
	pp->state_transition(cp, direction, skb, pd, iph_len);
#else
	pp->state_transition(cp, direction, skb, pd);
#endif
}

static inline bool fnat_dest_is_available(const struct ip_vs_dest *dest)
{
#ifdef HAVE_IP_VS_DEST_CFLAGS
	return dest->cflags & IP_VS_DEST_CF_AVAILABLE;
#else
	return dest->flags & IP_VS_DEST_F_AVAILABLE;
#endif
}

static inline struct ip_vs_stats *fnat_total_stats(struct netns_ipvs *ipvs)
{
#ifdef HAVE_NETNS_IPVS_TOT_STATS_POINTER
	return &ipvs->tot_stats->s;
#else
	return &ipvs->tot_stats;
#endif
}

#ifdef HAVE_IP_VS_COUNTERS_U64_STATS
#define fnat_stats_count(pkts, bytes, len)		\
	do {						\
		u64_stats_inc(pkts);			\
		u64_stats_add(bytes, len);		\
	} while (0)
#else
#define fnat_stats_count(pkts, bytes, len)		\
	do {						\
		++*(pkts);				\
		*(bytes) += (len);			\
	} while (0)
#endif

/* Bottom halves are off: the counters are this CPU's. */
static inline void fnat_stats_add(struct ip_vs_stats *stats, int direction,
				  unsigned int len)
{
	struct ip_vs_cpu_stats *s = this_cpu_ptr(stats->cpustats);

	u64_stats_update_begin(&s->syncp);
	if (direction == IP_VS_DIR_INPUT)
		fnat_stats_count(&s->cnt.inpkts, &s->cnt.inbytes, len);
	else
		fnat_stats_count(&s->cnt.outpkts, &s->cnt.outbytes, len);
	u64_stats_update_end(&s->syncp);
}

#ifndef HAVE_TIMER_DELETE
static inline int timer_delete(struct timer_list *timer)
{
	return del_timer(timer);
}
#endif

/* The MSS if th->ack_seq acknowledges a SYN cookie of the kernel's, else 0. */
static inline u16 fnat_cookie_v4_check(const struct iphdr *iph,
				       const struct tcphdr *th)
{
#ifdef HAVE_COOKIE_CHECK_TH
	return __cookie_v4_check(iph, th);
#else
	return __cookie_v4_check(iph, th, ntohl(th->ack_seq) - 1);
#endif
}

static inline u16 fnat_cookie_v6_check(const struct ipv6hdr *ip6h,
				       const struct tcphdr *th)
{
#ifdef HAVE_COOKIE_CHECK_TH
	return __cookie_v6_check(ip6h, th);
#else
	return __cookie_v6_check(ip6h, th, ntohl(th->ack_seq) - 1);
#endif
}

/*
 * Counts a packet as stock's ip_vs_in_stats() and ip_vs_out_stats() do: in the
 * destination, its service and the total. Caller is in an RCU read section.
 */
static inline void fnat_stats_packet(struct ip_vs_conn *cp, int direction,
				     const struct sk_buff *skb)
{
	struct ip_vs_dest *dest = cp->dest;
	struct ip_vs_service *svc;

	if (!dest || !fnat_dest_is_available(dest))
		return;

	local_bh_disable();
	fnat_stats_add(&dest->stats, direction, skb->len);
	svc = rcu_dereference(dest->svc);
	if (svc)
		fnat_stats_add(&svc->stats, direction, skb->len);
	fnat_stats_add(fnat_total_stats(cp->ipvs), direction, skb->len);
	local_bh_enable();
}

#endif
