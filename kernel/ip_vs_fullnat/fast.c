// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fast path: packets in the middle of a connection are taken at
 * PRE_ROUTING and leave at POST_ROUTING, and see neither the host's route
 * look-up nor what stands in LOCAL_IN and LOCAL_OUT, rules of an operator
 * among it. Therefore it has to be switched on (fullnat_fast_path).
 *
 * Whatever is not of the usual kind goes the usual way, where stock decides;
 * so only what both would do alike is done here, in stock's order
 * (ip_vs_in_hook()): look-up, statistics, state, transmitter, timer.
 */
#include <net/ip.h>

#include "fnat.h"

/* Stock has things of its own to do with each packet, or none to do at all. */
static bool host_is_plain(struct netns_ipvs *ipvs)
{
	return ipvs->enable && !sysctl_backup_only(ipvs) &&
	       !ip_vs_conntrack_enabled(ipvs) &&
	       !(READ_ONCE(ipvs->sync_state) & IP_VS_STATE_MASTER);
}

/* Whole, and without options that a host or router looks at. */
static bool header_is_plain(const struct sk_buff *skb, u16 af,
			    struct ip_vs_iphdr *iph)
{
	if (af == AF_INET && (ip_hdr(skb)->ihl != 5 ||
			      ip_is_fragment(ip_hdr(skb))))
		return false;
	if (af == AF_INET6 && ipv6_hdr(skb)->nexthdr != IPPROTO_TCP &&
	    ipv6_hdr(skb)->nexthdr != IPPROTO_UDP)
		return false;
	if (!ip_vs_fill_iph_skb(af, skb, false, iph))
		return false;
	return iph->protocol == IPPROTO_TCP || iph->protocol == IPPROTO_UDP;
}

/* Stock's state machine has nothing to decide about it. */
static bool segment_is_plain(const struct sk_buff *skb,
			     const struct ip_vs_iphdr *iph)
{
	const struct tcphdr *th;
	struct tcphdr buf;

	if (iph->protocol != IPPROTO_TCP)
		return true;
	th = skb_header_pointer(skb, iph->len, sizeof(buf), &buf);
	return th && fnat_tcp_is_midway(th);
}

/* Bound, in the middle of its life, and to a real server that is there. */
static bool conn_is_plain(struct ip_vs_conn *cp)
{
	const struct ip_vs_dest *dest = READ_ONCE(cp->dest);
	const struct fnat_conn *c;

	/* Pairs with the release in attach(). */
	if (smp_load_acquire(&cp->packet_xmit) != fnat_xmit)
		return false;
	c = READ_ONCE(cp->app_data);
	return c && READ_ONCE(c->map) && dest &&
	       fnat_dest_is_available(dest) &&
	       (cp->protocol != IPPROTO_TCP ||
		cp->state == IP_VS_TCP_S_ESTABLISHED);
}

/*
 * PRE_ROUTING, a packet that may be a client's. NF_ACCEPT: it goes the usual
 * way.
 */
unsigned int fnat_fast(struct fnat_net *fn, struct sk_buff *skb, u16 af)
{
	struct netns_ipvs *ipvs = net_ipvs(fn->net);
	struct ip_vs_proto_data *pd;
	unsigned int verdict;
	struct ip_vs_iphdr iph;
	struct ip_vs_conn *cp;

	if (!host_is_plain(ipvs) || !header_is_plain(skb, af, &iph) ||
	    !segment_is_plain(skb, &iph))
		return NF_ACCEPT;
	pd = ip_vs_proto_data_get(ipvs, iph.protocol);
	cp = pd ? pd->pp->conn_in_get(ipvs, af, skb, &iph) : NULL;
	if (!cp)
		return NF_ACCEPT;
	if (!conn_is_plain(cp)) {
		/* Its timer is for the usual way to start. */
		__ip_vs_conn_put(cp);
		return NF_ACCEPT;
	}
	fnat_stats_packet(cp, IP_VS_DIR_INPUT, skb);
	if (!fnat_state_is_settled(cp, pd))
		fnat_state_transition(pd->pp, cp, IP_VS_DIR_INPUT, skb,
				      iph.len, pd);
	verdict = fnat_xmit(skb, cp, pd->pp, &iph);
	if (verdict == NF_STOLEN)
		fnat_stat_inc(fn, FAST_PKTS);
	atomic_inc(&cp->in_pkts);
	fnat_conn_touch_put(cp);
	return verdict;
}
