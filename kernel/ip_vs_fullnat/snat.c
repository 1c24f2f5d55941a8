// SPDX-License-Identifier: GPL-2.0-only
/*
 * SNAT zones, packets. Those of a flow that there is are translated between
 * the firewall's FORWARD rules, which see the machine's own address, and
 * stock's hooks there, which need not look them up. A new flow begins behind
 * stock's hooks: what those know, such as answers of NAT real servers, is not
 * ours. Answers are translated ahead of routing and conntrack. Routing, hop
 * limit, MTU and fragments are the host's affair.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/netfilter_bridge.h>
#include <linux/tcp.h>
#include <net/ip.h>
#include <net/netfilter/nf_conntrack.h>

#include "fnat.h"

static bool is_icmp(u16 protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

/* What the machine's packet is about: false, nothing that is translated. */
static bool flow_parse(struct fnat_net *fn, const struct sk_buff *skb, u16 af,
		       struct fnat_snat_flow *flow)
{
	const struct ip_vs_iphdr *iph = &flow->iph;
	struct fnat_tuple *t = &flow->tuple;
	const struct fnat_ports *ports;
	const struct icmphdr *icmph;
	struct fnat_ports ports_buf;
	struct icmphdr icmp_buf;

	flow->iph.protocol = IPPROTO_IP;
	if (!ip_vs_fill_iph_skb(af, skb, false, &flow->iph) || iph->fragoffs)
		return false;
	/* Of an IPv4 address only the first word is there, and it is hashed whole. */
	memset(t, 0, sizeof(*t));
	t->fn = fn;
	ip_vs_addr_copy(af, &t->rip, &iph->daddr);
	ip_vs_addr_copy(af, &t->lip, &iph->saddr);
	t->af = af;
	t->protocol = iph->protocol;
	if (iph->protocol == IPPROTO_TCP || iph->protocol == IPPROTO_UDP) {
		ports = skb_header_pointer(skb, iph->len, sizeof(ports_buf),
					   &ports_buf);
		if (!ports)
			return false;
		t->lport = ports->source;
		t->rport = ports->dest;
		return true;
	}
	if (iph->protocol != (af == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return false;
	icmph = skb_header_pointer(skb, iph->len, sizeof(icmp_buf), &icmp_buf);
	if (!icmph || icmph->type != (af == AF_INET6 ? ICMPV6_ECHO_REQUEST :
						       ICMP_ECHO))
		return false;
	t->lport = icmph->un.echo.id;
	t->rport = 0;
	return true;
}

/* Is the family's switch on for it? Either one will do for an echo. */
static bool is_on(const struct fnat_net *fn, u16 af, u16 protocol)
{
	u8 on = READ_ONCE(fn->snat.on[af == AF_INET6]);

	if (is_icmp(protocol))
		return on;
	return on & (protocol == IPPROTO_TCP ? FNAT_SNAT_TCP : FNAT_SNAT_UDP);
}

/* Translates a packet of flow @c, which goes on to the outside. */
static unsigned int translate_out(struct fnat_conn *c, struct sk_buff *skb,
				  const struct fnat_snat_flow *flow)
{
	struct fnat_rewrite rw;

	fnat_snat_conn_touch(c, FNAT_DIR_ORIG, skb, flow->iph.len);
	fnat_conn_rewrite(c, FNAT_DIR_ORIG, &rw);
	if (unlikely(fnat_mangle(skb, c->tuple.af, c->tuple.protocol,
				 flow->iph.len, &rw)))
		return fnat_drop(c->fn, SNAT_BAD_HEADER);
	fnat_stat_inc(c->fn, SNAT_OUT_PKTS);
	/* Neither stock's hooks nor ours are to see it again. */
	skb->ipvs_property = 1;
	return NF_ACCEPT;
}

/* Answers: to the machine, before routing. */
unsigned int fnat_snat_in(struct fnat_conn *c, struct sk_buff *skb,
			  const struct ip_vs_iphdr *iph)
{
	struct fnat_rewrite rw;

	fnat_snat_conn_touch(c, FNAT_DIR_REPLY, skb, iph->len);
	fnat_conn_rewrite(c, FNAT_DIR_REPLY, &rw);
	if (unlikely(fnat_mangle(skb, c->tuple.af, c->tuple.protocol, iph->len,
				 &rw)))
		return fnat_drop(c->fn, SNAT_BAD_HEADER);
	fnat_stat_inc(c->fn, SNAT_IN_PKTS);
	skb_dst_drop(skb);
	skb->ipvs_property = 1;
	return NF_ACCEPT;
}

/*
 * Fragments of a zone's machine, and of one that has flows of a zone that is
 * gone, are put together, and taken apart again behind us. Without conntrack
 * nobody else has done it; IPv6 stock has (see reply.c).
 */
static unsigned int out_defrag(struct fnat_net *fn, struct sk_buff *skb, u16 af)
{
	union nf_inet_addr saddr;
	int err;

	if (af != AF_INET || likely(!ip_is_fragment(ip_hdr(skb))))
		return NF_ACCEPT;
	saddr.ip = ip_hdr(skb)->saddr;
	if (!fnat_zone_match_rcu(fn, AF_INET, &saddr) &&
	    !fnat_source_exists_rcu(fn, AF_INET, &saddr))
		return NF_ACCEPT;
	local_bh_disable();
	err = ip_defrag(fn->net, skb, IP_DEFRAG_VS_FWD);
	local_bh_enable();
	if (!err) {
		ip_send_check(ip_hdr(skb));
		/* It may be taken apart again, whatever DF says. */
		skb->ignore_df = 1;
		return NF_ACCEPT;
	}
	/* It keeps the packet, or has freed it. */
	if (err != -EINPROGRESS)
		fnat_stat_inc(fn, SNAT_DEFRAG_FAIL);
	return NF_STOLEN;
}

/* Bridged, and not routed: br_netfilter calls us for those as well. */
static bool is_bridged(const struct sk_buff *skb)
{
#if IS_ENABLED(CONFIG_BRIDGE_NETFILTER)
	return nf_bridge_get_physoutdev(skb);
#else
	return false;
#endif
}

/*
 * FORWARD, an answer that fnat_snat_in() has translated. When conntrack does
 * not know its flow (any more) it is about to make one that begins outside,
 * and the machine's packets would be answers in it, for is_answer().
 */
static void forget_reversed(struct sk_buff *skb)
{
	enum ip_conntrack_info ctinfo;
	const struct nf_conn *ct = nf_ct_get(skb, &ctinfo);

	if (likely(!ct || nf_ct_is_confirmed(ct)))
		return;
	nf_reset_ct(skb);
	nf_ct_set(skb, NULL, IP_CT_UNTRACKED);
}

/* FORWARD: packets of flows that there are, and ICMP errors about them. */
unsigned int fnat_snat_out(struct fnat_net *fn, struct sk_buff *skb, u16 af)
{
	struct fnat_snat_flow flow;
	unsigned int verdict;
	struct fnat_conn *c;

	if (is_bridged(skb))
		return NF_ACCEPT;
	if (skb->ipvs_property) {
		forget_reversed(skb);
		return NF_ACCEPT;
	}
	verdict = out_defrag(fn, skb, af);
	if (verdict != NF_ACCEPT)
		return verdict;
	if (!flow_parse(fn, skb, af, &flow)) {
		if (is_icmp(flow.iph.protocol) && !flow.iph.fragoffs)
			return fnat_snat_error_out(fn, skb, af, &flow.iph);
		return NF_ACCEPT;
	}
	c = fnat_snat_conn_find_rcu(&flow.tuple);
	if (!c)
		return NF_ACCEPT;
	return translate_out(c, skb, &flow);
}

/* An answer to a connection from outside is not a way out. */
static bool is_answer(const struct sk_buff *skb)
{
	enum ip_conntrack_info ctinfo;

	return nf_ct_get(skb, &ctinfo) && CTINFO2DIR(ctinfo) == IP_CT_DIR_REPLY;
}

/* TCP begins with a SYN. */
static bool is_first(const struct sk_buff *skb, const struct ip_vs_iphdr *iph)
{
	const struct tcphdr *th;
	struct tcphdr buf;

	if (iph->protocol != IPPROTO_TCP)
		return true;
	th = skb_header_pointer(skb, iph->len, sizeof(buf), &buf);
	return th && th->syn && !th->ack && !th->rst;
}

static unsigned int first_of_zone(struct fnat_net *fn, struct sk_buff *skb,
				  const struct fnat_zone *zone,
				  const struct fnat_snat_flow *flow,
				  int out_ifindex)
{
	unsigned int verdict;
	struct fnat_conn *c;
	bool made;

	/* A zone without addresses is a black list. */
	if (!rcu_dereference(zone->laddrs)->count)
		return fnat_drop(fn, SNAT_BLOCKED);
	if (!is_first(skb, &flow->iph)) {
		if (READ_ONCE(fn->sysctl.snat_stray_drop))
			return fnat_drop(fn, SNAT_STRAY_DROP);
		fnat_stat_inc(fn, SNAT_STRAY);
		return NF_ACCEPT;
	}
	c = fnat_snat_conn_new(fn, zone, &flow->tuple, out_ifindex, &made);
	if (!c)
		return NF_DROP;
	verdict = translate_out(c, skb, flow);
	if (made)
		fnat_snat_conn_start(c);
	return verdict;
}

/* FORWARD: what nobody knows may be the first packet of a zone's flow. */
unsigned int fnat_snat_first(struct fnat_net *fn, struct sk_buff *skb, u16 af,
			     int out_ifindex)
{
	const struct fnat_zone *zone;
	struct fnat_snat_flow flow;

	/* Multicast is routed through here as well. */
	if (skb->ipvs_property || skb->pkt_type != PACKET_HOST ||
	    is_bridged(skb) || is_answer(skb))
		return NF_ACCEPT;
	if (!flow_parse(fn, skb, af, &flow) ||
	    !is_on(fn, af, flow.tuple.protocol))
		return NF_ACCEPT;
	zone = fnat_zone_match_rcu(fn, af, &flow.tuple.lip);
	if (zone)
		return first_of_zone(fn, skb, zone, &flow, out_ifindex);
	if (READ_ONCE(fn->sysctl.snat_no_zone_drop))
		return fnat_drop(fn, SNAT_NO_ZONE);
	return NF_ACCEPT;
}
