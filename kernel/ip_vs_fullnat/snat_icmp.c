// SPDX-License-Identifier: GPL-2.0-only
/*
 * SNAT zones, ICMP: answers to echoes, and errors about translated flows. The
 * source of an error from outside stays what it is: it is who dropped the
 * packet that a traceroute wants to know.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/ip.h>

#include "fnat.h"

/* PRE_ROUTING: an answer to an echo of a zone's machine; others: NF_ACCEPT. */
unsigned int fnat_snat_echo_in(struct fnat_net *fn, struct sk_buff *skb,
			       u16 af, const struct ip_vs_iphdr *iph)
{
	u8 want = af == AF_INET6 ? ICMPV6_ECHO_REPLY : ICMP_ECHOREPLY;
	struct fnat_conn *c;
	const u8 *type;
	u8 buf;

	type = skb_header_pointer(skb, iph->len, sizeof(buf), &buf);
	if (!type || *type != want)
		return NF_ACCEPT;
	c = fnat_conn_find_rcu(fn, skb, af, iph, FNAT_DIR_REPLY);
	return c ? fnat_snat_in(c, skb, iph) : NF_ACCEPT;
}

/* An error about a packet of flow @c from inside, on its way in. */
unsigned int fnat_snat_error_in(struct fnat_conn *c, struct sk_buff *skb,
				const struct ip_vs_iphdr *outer,
				const struct ip_vs_iphdr *inner)
{
	struct fnat_rewrite outer_rw, inner_rw;

	fnat_conn_rewrite(c, FNAT_DIR_REPLY, &outer_rw);
	outer_rw.saddr = &outer->saddr;
	fnat_icmp_inner_rewrite(c, FNAT_DIR_REPLY, &inner_rw);
	if (fnat_mangle_icmp(skb, c->tuple.af, c->tuple.protocol, outer, inner,
			     &outer_rw, &inner_rw))
		return fnat_drop(c->fn, SNAT_BAD_ICMP);
	fnat_stat_inc(c->fn, SNAT_ICMP_IN);
	skb->ipvs_property = 1;
	return NF_ACCEPT;
}

/* The flow of the packet inside an error that goes out. */
static struct fnat_conn *error_out_find(struct fnat_net *fn,
					const struct sk_buff *skb, u16 af,
					const struct ip_vs_iphdr *inner)
{
	struct fnat_tuple client;
	struct fnat_ports ports;

	if (!fnat_conn_ports(skb, inner, &ports))
		return NULL;
	client.fn = fn;
	client.rip = inner->saddr;
	client.lip = inner->daddr;
	client.rport = ports.source;
	client.lport = ports.dest;
	client.af = af;
	client.protocol = inner->protocol;
	return fnat_snat_conn_find_rcu(&client);
}

/*
 * An error about an answer, on its way out: of the machine, of a router on the
 * way to it, or of the director itself. It leaves from the local address, as
 * none of them can be answered. Not ours: NF_ACCEPT.
 */
unsigned int fnat_snat_error_out(struct fnat_net *fn, struct sk_buff *skb,
				 u16 af, const struct ip_vs_iphdr *outer)
{
	struct fnat_rewrite outer_rw, inner_rw;
	struct ip_vs_iphdr inner;
	struct fnat_conn *c;

	if (!fnat_icmp_inner(skb, af, outer, &inner))
		return NF_ACCEPT;
	c = error_out_find(fn, skb, af, &inner);
	if (!c)
		return NF_ACCEPT;
	fnat_conn_rewrite(c, FNAT_DIR_ORIG, &outer_rw);
	outer_rw.addr_diff = fnat_mangle_addr_diff(af, &outer->saddr,
						   &c->tuple.lip);
	fnat_icmp_inner_rewrite(c, FNAT_DIR_ORIG, &inner_rw);
	if (fnat_mangle_icmp(skb, af, c->tuple.protocol, outer, &inner,
			     &outer_rw, &inner_rw))
		return fnat_drop(fn, SNAT_BAD_ICMP);
	fnat_stat_inc(fn, SNAT_ICMP_OUT);
	skb->ipvs_property = 1;
	return NF_ACCEPT;
}

/* The director's error about a packet that it has translated: to the machine. */
static unsigned int error_turn(struct fnat_net *fn, struct sk_buff *skb, u16 af,
			       const struct ip_vs_iphdr *outer)
{
	struct ip_vs_iphdr inner;
	unsigned int verdict;
	struct fnat_conn *c;
	int err;

	if (!fnat_icmp_inner(skb, af, outer, &inner))
		return NF_ACCEPT;
	c = fnat_conn_find_rcu(fn, skb, af, &inner, FNAT_DIR_ORIG);
	if (!c || !c->snat)
		return NF_ACCEPT;
	verdict = fnat_snat_error_in(c, skb, outer, &inner);
	if (verdict != NF_ACCEPT)
		return verdict;
	if (af == AF_INET6)
		err = ip6_route_me_harder(fn->net, skb->sk, skb);
	else
		err = ip_route_me_harder(fn->net, skb->sk, skb, RTN_UNSPEC);
	return err ? fnat_drop(fn, SNAT_BAD_ICMP) : NF_ACCEPT;
}

/* LOCAL_OUT: errors that the director itself sends about translated flows. */
unsigned int fnat_snat_error_local(struct fnat_net *fn, struct sk_buff *skb,
				   u16 af)
{
	struct ip_vs_iphdr iph;

	if (skb->ipvs_property || !ip_vs_fill_iph_skb(af, skb, false, &iph) ||
	    iph.fragoffs ||
	    !fnat_icmp_is_error(skb, af, iph.len))
		return NF_ACCEPT;
	if (fnat_laddr_exists_rcu(fn, af, &iph.daddr))
		return error_turn(fn, skb, af, &iph);
	return fnat_snat_error_out(fn, skb, af, &iph);
}
