// SPDX-License-Identifier: GPL-2.0-only
/* Real server to client: packets that arrive for a local address. */
#include <net/ip.h>

#include "fnat.h"

/* Translates a packet of connection @cp, which the caller holds. */
static unsigned int reply_xmit(struct fnat_conn *c, struct ip_vs_conn *cp,
			       struct sk_buff *skb,
			       const struct ip_vs_iphdr *iph)
{
	struct ip_vs_proto_data *pd;
	struct dst_entry *dst;
	bool noref;

	dst = fnat_xmit_rewrite(c, FNAT_DIR_REPLY, skb, iph->len, &noref);
	if (unlikely(!dst))
		return NF_DROP;
	fnat_stat_inc(c->fn, OUT_PKTS);
	fnat_stats_packet(cp, IP_VS_DIR_OUTPUT, skb);
	pd = ip_vs_proto_data_get(cp->ipvs, cp->protocol);
	/* fnat_mangle() has linearized TCP's header. */
	if (likely(pd) && !(fnat_state_is_settled(cp, pd) &&
			    fnat_tcp_is_midway((void *)(skb->data + iph->len))))
		fnat_state_transition(pd->pp, cp, IP_VS_DIR_OUTPUT, skb,
				      iph->len, pd);
	return fnat_route_send(c, skb, dst, noref);
}

/*
 * Stock enables nf_defrag_ipv6 with the first IPv6 service, ahead of us; IPv4
 * is put together here, and only what is for a local address. NF_ACCEPT: the
 * packet is whole.
 */
static unsigned int reply_defrag(struct fnat_net *fn, struct sk_buff *skb,
				 u16 af)
{
	int err;

	if (af != AF_INET || !ip_is_fragment(ip_hdr(skb)))
		return NF_ACCEPT;
	local_bh_disable();
	err = ip_defrag(fn->net, skb, IP_DEFRAG_VS_OUT);
	local_bh_enable();
	if (err == -EINPROGRESS)
		return NF_STOLEN;
	if (err) {
		/* ip_defrag() has freed it. */
		fnat_stat_inc(fn, DEFRAG_FAIL);
		return NF_STOLEN;
	}
	ip_send_check(ip_hdr(skb));
	/* It may be taken apart again, whatever DF says. */
	skb->ignore_df = 1;
	return NF_ACCEPT;
}

/*
 * PRE_ROUTING: takes packets of real servers. What is for a local address but
 * belongs to no connection goes on to the host, which owns the address.
 */
unsigned int fnat_reply(struct fnat_net *fn, struct sk_buff *skb, u16 af)
{
	unsigned int verdict;
	struct ip_vs_iphdr iph;
	struct ip_vs_conn *cp;
	struct fnat_conn *c;
	bool joined = false;

	verdict = reply_defrag(fn, skb, af);
	if (verdict != NF_ACCEPT)
		return verdict;
	if (!ip_vs_fill_iph_skb(af, skb, false, &iph) || iph.fragoffs)
		return NF_ACCEPT;
	if (iph.protocol == (af == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return fnat_icmp_to_client(fn, skb, af, &iph);
	if (iph.protocol != IPPROTO_TCP && iph.protocol != IPPROTO_UDP)
		return NF_ACCEPT;

	c = fnat_conn_find_rcu(fn, skb, af, &iph, FNAT_DIR_REPLY);
	if (c && c->snat)
		return fnat_snat_in(c, skb, &iph);
	cp = c ? fnat_attach_get_rcu(c) : NULL;
	if (!cp) {
		fnat_stat_inc(fn, NO_CONN);
		return NF_ACCEPT;
	}
	if (unlikely(READ_ONCE(c->splice)))
		verdict = fnat_splice_from_server(c, skb, iph.len, &joined);
	if (likely(verdict == NF_ACCEPT))
		verdict = reply_xmit(c, cp, skb, &iph);
	if (unlikely(joined))
		fnat_splice_joined(c);
	/* It has advanced the state, and with it the timeout. */
	fnat_conn_drains(c);
	fnat_conn_touch_put(cp);
	return verdict;
}
