// SPDX-License-Identifier: GPL-2.0-only
/* Where packets reach us. */
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/tcp.h>

#include "fnat.h"

/* Packets for a local address, before anything else looks at them. */
static unsigned int hook_reply(void *priv, struct sk_buff *skb,
			       const struct nf_hook_state *state)
{
	struct fnat_net *fn = fnat_net(state->net);
	unsigned int verdict = NF_ACCEPT;
	union nf_inet_addr daddr;
	u16 af = state->pf;

	if (skb->pkt_type != PACKET_HOST || skb->ipvs_property)
		return NF_ACCEPT;
	if (af == AF_INET6)
		daddr.in6 = ipv6_hdr(skb)->daddr;
	else
		daddr.ip = ip_hdr(skb)->daddr;
	if (fnat_laddr_exists_rcu(fn, af, &daddr))
		verdict = fnat_reply(fn, skb, af);
	if (verdict == NF_ACCEPT && READ_ONCE(fn->sysctl.fast_path))
		verdict = fnat_fast(fn, skb, af);
	if (verdict != NF_ACCEPT || likely(!READ_ONCE(fn->synproxies)))
		return verdict;
	return fnat_synproxy_in(fn, skb, af);
}

/* Before stock schedules it. */
static unsigned int hook_guard(void *priv, struct sk_buff *skb,
			       const struct nf_hook_state *state)
{
	struct fnat_net *fn = fnat_net(state->net);

	if (likely(!READ_ONCE(fn->synproxies)) || skb->ipvs_property ||
	    skb->pkt_type != PACKET_HOST)
		return NF_ACCEPT;
	return fnat_synproxy_guard(fn, skb, state->pf);
}

/* Nothing to do where no zone has ever had a flow, and none can begin. */
static bool snat_is_idle(const struct fnat_net *fn)
{
	return !READ_ONCE(fn->snat.on[0]) && !READ_ONCE(fn->snat.on[1]) &&
	       !atomic_read(&fn->conns);
}

static unsigned int hook_snat_out(void *priv, struct sk_buff *skb,
				  const struct nf_hook_state *state)
{
	struct fnat_net *fn = fnat_net(state->net);

	if (snat_is_idle(fn))
		return NF_ACCEPT;
	return fnat_snat_out(fn, skb, state->pf);
}

static unsigned int hook_snat_first(void *priv, struct sk_buff *skb,
				    const struct nf_hook_state *state)
{
	struct fnat_net *fn;

	if (likely(skb->ipvs_property))
		return NF_ACCEPT;
	fn = fnat_net(state->net);
	if (snat_is_idle(fn))
		return NF_ACCEPT;
	return fnat_snat_first(fn, skb, state->pf, state->out->ifindex);
}

static unsigned int hook_snat_local(void *priv, struct sk_buff *skb,
				    const struct nf_hook_state *state)
{
	struct fnat_net *fn = fnat_net(state->net);
	u8 protocol = state->pf == NFPROTO_IPV6 ? ipv6_hdr(skb)->nexthdr :
						  ip_hdr(skb)->protocol;

	if (likely(protocol != IPPROTO_ICMP && protocol != IPPROTO_ICMPV6) ||
	    snat_is_idle(fn))
		return NF_ACCEPT;
	return fnat_snat_error_local(fn, skb, state->pf);
}

static bool is_syn(const struct sk_buff *skb, const struct ip_vs_iphdr *iph)
{
	const struct tcphdr *th;
	struct tcphdr buf;

	th = skb_header_pointer(skb, iph->len, sizeof(buf), &buf);
	return th && th->syn && !th->ack && !th->rst;
}

/*
 * A segment in the middle of a connection that this director has not seen
 * begin: the sync daemon has brought it, stock has scheduled it (sloppy_tcp),
 * or it began before we were loaded. Nobody knows how to translate it, and its
 * real server knows no such connection: the client is told that it is over.
 */
static unsigned int refuse(struct fnat_net *fn, struct sk_buff *skb,
			   struct ip_vs_conn *cp,
			   const struct ip_vs_iphdr *iph)
{
	const struct tcphdr *th;
	struct tcphdr buf;

	th = skb_header_pointer(skb, iph->len, sizeof(buf), &buf);
	if (!th)
		return fnat_drop(fn, BAD_HEADER);
	if (th->rst) {
		fnat_stat_inc(fn, NO_CONN);
		return NF_ACCEPT;
	}
	fnat_rst_refuse(fn, skb, cp->af, iph);
	fnat_attach_expire(cp);
	return fnat_drop(fn, NO_SYN);
}

/*
 * A connection that is bound and told to expire: stock has found nothing to
 * put in its place (its service is gone, or RST is set beside SYN).
 */
static bool was_given_up(const struct ip_vs_conn *cp)
{
	return READ_ONCE(cp->packet_xmit) &&
	       !time_after(cp->timer.expires, jiffies);
}

static unsigned int first_packet(struct fnat_net *fn, struct sk_buff *skb,
				 struct ip_vs_conn *cp,
				 struct ip_vs_protocol *pp,
				 struct ip_vs_iphdr *iph)
{
	unsigned int verdict;

	if (was_given_up(cp)) {
		fnat_stat_inc(fn, NO_CONN);
		return NF_ACCEPT;
	}
	/* ESP and AH come with their ISAKMP's (ah_esp_conn_in_get()). */
	if (iph->protocol != cp->protocol)
		return fnat_drop(fn, BAD_PROTO);
	/* Another CPU may have bound it since stock looked. */
	if (iph->protocol == IPPROTO_TCP && !READ_ONCE(cp->packet_xmit) &&
	    !is_syn(skb, iph)) {
		fnat_synproxy_settle(cp, skb, iph);
		if (!READ_ONCE(cp->packet_xmit)) {
			verdict = fnat_synproxy_instead(fn, skb, cp->af, iph);
			return verdict == NF_ACCEPT ?
			       refuse(fn, skb, cp, iph) : verdict;
		}
	}
	if (!fnat_attach(fn, cp, skb))
		return NF_DROP;
	return fnat_xmit(skb, cp, pp, iph);
}

/* LOCAL_IN: stock has no connection, and no service that wants one of it. */
static unsigned int no_conn(struct fnat_net *fn, struct sk_buff *skb, u16 af,
			    struct ip_vs_iphdr *iph)
{
	unsigned int verdict = NF_ACCEPT;

	if (iph->protocol == IPPROTO_TCP)
		verdict = fnat_synproxy_ack(fn, skb, af, iph);
	if (verdict == NF_ACCEPT)
		verdict = fnat_defence(fn, skb, af, iph);
	return verdict;
}

/*
 * A packet that stock has let go. When it belongs to a connection with method
 * 5 it is the first one of it: bind, and send it as stock will from now on.
 */
static unsigned int hook_first(void *priv, struct sk_buff *skb,
			       const struct nf_hook_state *state)
{
	struct netns_ipvs *ipvs = net_ipvs(state->net);
	unsigned int verdict = NF_ACCEPT;
	struct ip_vs_proto_data *pd;
	struct ip_vs_iphdr iph;
	struct ip_vs_conn *cp;
	u16 af = state->pf;

	/* What stock lets pass without a look at its connections. */
	if (skb->ipvs_property || !ipvs->enable || sysctl_backup_only(ipvs) ||
	    !skb_dst(skb) || (skb->pkt_type != PACKET_HOST &&
			      state->hook != NF_INET_LOCAL_OUT))
		return NF_ACCEPT;
	if (!ip_vs_fill_iph_skb(af, skb, false, &iph) || iph.fragoffs)
		return NF_ACCEPT;
	pd = ip_vs_proto_data_get(ipvs, iph.protocol);
	if (!pd)
		return NF_ACCEPT;
	cp = pd->pp->conn_in_get(ipvs, af, skb, &iph);
	if (!cp)
		return state->hook == NF_INET_LOCAL_IN ?
			no_conn(fnat_net(state->net), skb, af, &iph) :
			NF_ACCEPT;

	if (IP_VS_FWD_METHOD(cp) == FNAT_FWD_METHOD)
		verdict = first_packet(fnat_net(state->net), skb, cp, pd->pp,
				       &iph);
	/* Stock has started the timer for this packet. */
	__ip_vs_conn_put(cp);
	return verdict;
}

static const struct nf_hook_ops fnat_ops[] = {
	/*
	 * Behind raw (-300) and stock's defragmentation (-400), before
	 * conntrack (-200), which is to know nothing of these packets.
	 */
	{
		.hook		= hook_reply,
		.pf		= NFPROTO_IPV4,
		.hooknum	= NF_INET_PRE_ROUTING,
		.priority	= NF_IP_PRI_CONNTRACK - 10,
	},
	/* Around stock's ip_vs_in (NF_IP_PRI_NAT_SRC - 1). */
	{
		.hook		= hook_guard,
		.pf		= NFPROTO_IPV4,
		.hooknum	= NF_INET_LOCAL_IN,
		.priority	= NF_IP_PRI_NAT_SRC - 2,
	},
	{
		.hook		= hook_first,
		.pf		= NFPROTO_IPV4,
		.hooknum	= NF_INET_LOCAL_IN,
		.priority	= NF_IP_PRI_NAT_SRC,
	},
	/* The director as client: behind stock's (NF_IP_PRI_NAT_DST + 2). */
	{
		.hook		= hook_first,
		.pf		= NFPROTO_IPV4,
		.hooknum	= NF_INET_LOCAL_OUT,
		.priority	= NF_IP_PRI_NAT_DST + 3,
	},
	/*
	 * Zones: behind filters, ahead of stock's ip_vs_forward_icmp() and
	 * ip_vs_out() (NF_IP_PRI_NAT_SRC - 1 and NF_IP_PRI_NAT_SRC); then
	 * behind those; and ahead of stock's in LOCAL_OUT.
	 */
	{
		.hook		= hook_snat_out,
		.pf		= NFPROTO_IPV4,
		.hooknum	= NF_INET_FORWARD,
		.priority	= NF_IP_PRI_NAT_SRC - 2,
	},
	{
		.hook		= hook_snat_first,
		.pf		= NFPROTO_IPV4,
		.hooknum	= NF_INET_FORWARD,
		.priority	= NF_IP_PRI_NAT_SRC + 1,
	},
	{
		.hook		= hook_snat_local,
		.pf		= NFPROTO_IPV4,
		.hooknum	= NF_INET_LOCAL_OUT,
		.priority	= NF_IP_PRI_NAT_DST - 1,
	},
	/* The same for IPv6. */
	{
		.hook		= hook_reply,
		.pf		= NFPROTO_IPV6,
		.hooknum	= NF_INET_PRE_ROUTING,
		.priority	= NF_IP6_PRI_CONNTRACK - 10,
	},
	{
		.hook		= hook_guard,
		.pf		= NFPROTO_IPV6,
		.hooknum	= NF_INET_LOCAL_IN,
		.priority	= NF_IP6_PRI_NAT_SRC - 2,
	},
	{
		.hook		= hook_first,
		.pf		= NFPROTO_IPV6,
		.hooknum	= NF_INET_LOCAL_IN,
		.priority	= NF_IP6_PRI_NAT_SRC,
	},
	{
		.hook		= hook_first,
		.pf		= NFPROTO_IPV6,
		.hooknum	= NF_INET_LOCAL_OUT,
		.priority	= NF_IP6_PRI_NAT_DST + 3,
	},
	{
		.hook		= hook_snat_out,
		.pf		= NFPROTO_IPV6,
		.hooknum	= NF_INET_FORWARD,
		.priority	= NF_IP6_PRI_NAT_SRC - 2,
	},
	{
		.hook		= hook_snat_first,
		.pf		= NFPROTO_IPV6,
		.hooknum	= NF_INET_FORWARD,
		.priority	= NF_IP6_PRI_NAT_SRC + 1,
	},
	{
		.hook		= hook_snat_local,
		.pf		= NFPROTO_IPV6,
		.hooknum	= NF_INET_LOCAL_OUT,
		.priority	= NF_IP6_PRI_NAT_DST - 1,
	},
};

int fnat_hooks_net_init(struct net *net)
{
	return nf_register_net_hooks(net, fnat_ops, ARRAY_SIZE(fnat_ops));
}

void fnat_hooks_net_exit(struct net *net)
{
	nf_unregister_net_hooks(net, fnat_ops, ARRAY_SIZE(fnat_ops));
}
