// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a packet goes after rewriting: the connection keeps one route per
 * direction and checks it before each use, as a socket does. Routes are those
 * of locally sent packets, with the new source address, so that policy rules
 * for a local address or a vip apply.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <net/dst_metadata.h>
#include <net/icmp.h>
#include <net/ip6_route.h>
#include <net/route.h>
#include <net/xfrm.h>

#include "fnat.h"

static struct dst_entry *lookup4(struct net *net, u16 protocol,
				 const struct fnat_rewrite *rw, u32 mark)
{
	struct flowi4 fl4 = {
		.daddr = rw->daddr->ip,
		.saddr = rw->saddr->ip,
		.flowi4_proto = protocol,
		.fl4_sport = rw->sport,
		.fl4_dport = rw->dport,
		.flowi4_mark = mark,
		/* A lip or vip need not be on an interface of ours. */
		.flowi4_flags = FLOWI_FLAG_ANYSRC,
	};
	struct rtable *rt = ip_route_output_key(net, &fl4);

	return IS_ERR(rt) ? NULL : &rt->dst;
}

static struct dst_entry *lookup6(struct net *net, u16 protocol,
				 const struct fnat_rewrite *rw, u32 mark,
				 int oif)
{
	struct flowi6 fl6 = {
		.daddr = rw->daddr->in6,
		.saddr = rw->saddr->in6,
		.flowi6_oif = oif,
		.flowi6_proto = protocol,
		.fl6_sport = rw->sport,
		.fl6_dport = rw->dport,
		.flowi6_mark = mark,
		.flowi6_flags = FLOWI_FLAG_ANYSRC,
	};
	struct dst_entry *dst = ip6_route_output(net, NULL, &fl6);

	if (dst->error) {
		dst_release(dst);
		return NULL;
	}
	/* ip_route_output_key() does it for IPv4. */
	dst = xfrm_lookup(net, dst, flowi6_to_flowi(&fl6), NULL, 0);
	return IS_ERR(dst) ? NULL : dst;
}

/*
 * The route from @rw->saddr to @rw->daddr, or NULL; the caller's own. @oif:
 * the device that a link-local address is on, or 0.
 */
struct dst_entry *fnat_route_lookup(struct net *net, u16 af, u16 protocol,
				    const struct fnat_rewrite *rw, u32 mark,
				    int oif)
{
	return af == AF_INET6 ? lookup6(net, protocol, rw, mark, oif) :
				lookup4(net, protocol, rw, mark);
}

/* The device behind which @addr, that @skb came from, is link-local, or 0. */
int fnat_route_link_local_oif(const struct sk_buff *skb, u16 af,
			      const union nf_inet_addr *addr)
{
	if (af != AF_INET6 || !skb->dev ||
	    !__ipv6_addr_needs_scope_id(ipv6_addr_type(&addr->in6)))
		return 0;
	return skb->dev->ifindex;
}

/* Keeps @dst for later packets; false when the connection takes none. */
static bool path_keep(struct fnat_conn *c, enum fnat_dir dir,
		      struct dst_entry *dst, u32 mark)
{
	struct fnat_path *path = &c->path[dir];
	struct dst_entry *old = NULL;
	bool kept;

	spin_lock_bh(&c->cp->lock);
	kept = !c->detached && !READ_ONCE(c->fn->exiting);
	if (kept) {
		dst_hold(dst);
		WRITE_ONCE(path->cookie,
			   c->tuple.af == AF_INET6 ?
			   rt6_get_cookie(dst_rt6_info(dst)) : 0);
		WRITE_ONCE(path->mark, mark);
		old = xchg(&path->dst, dst);
	}
	spin_unlock_bh(&c->cp->lock);
	/* Packets on other CPUs use it under RCU, which dst_release() awaits. */
	dst_release(old);
	return kept;
}

/*
 * The route of a packet in direction @dir, or NULL. @noref: it is the
 * connection's, valid in this RCU read section; else the caller's own.
 */
struct dst_entry *fnat_route(struct fnat_conn *c, enum fnat_dir dir,
			     const struct sk_buff *skb, bool *noref)
{
	struct fnat_path *path = &c->path[dir];
	struct dst_entry *dst = READ_ONCE(path->dst);
	/* A client's mark brought the packet here: it leads back to us. */
	u32 mark = dir == FNAT_DIR_REPLY ? skb->mark : 0;
	struct fnat_rewrite rw;

	*noref = true;
	if (likely(dst && READ_ONCE(path->mark) == mark &&
		   dst_check(dst, READ_ONCE(path->cookie))))
		return dst;

	fnat_conn_rewrite(c, dir, &rw);
	dst = fnat_route_lookup(c->fn->net, c->tuple.af, c->tuple.protocol,
				&rw, mark,
				dir == FNAT_DIR_REPLY ? c->client_oif : 0);
	*noref = false;
	if (dst)
		path_keep(c, dir, dst, mark);
	return dst;
}

/* The largest fragment counts for a packet that netfilter put together. */
static bool exceeds_mtu(const struct sk_buff *skb, unsigned int frag_max_size,
			unsigned int mtu)
{
	if (frag_max_size)
		return frag_max_size > mtu;
	if (skb->len <= mtu)
		return false;
	return !skb_is_gso(skb) || !skb_gso_validate_network_len(skb, mtu);
}

/* icmp_send() wants to know how the packet, which is dropped then, came in. */
static bool came_in(struct sk_buff *skb)
{
	if (skb_valid_dst(skb))
		return true;
	skb_dst_drop(skb);
	return !fnat_route_input(skb);
}

static bool check4(struct fnat_conn *c, struct sk_buff *skb, unsigned int mtu)
{
	const struct iphdr *iph = ip_hdr(skb);

	if (unlikely(iph->ttl <= 1)) {
		fnat_stat_inc(c->fn, TTL_EXCEEDED);
		if (came_in(skb))
			icmp_send(skb, ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 0);
		return false;
	}
	if (unlikely(iph->frag_off & htons(IP_DF) &&
		     iph->protocol != IPPROTO_ICMP &&
		     exceeds_mtu(skb, IPCB(skb)->frag_max_size, mtu))) {
		fnat_stat_inc(c->fn, MTU_EXCEEDED);
		if (came_in(skb))
			icmp_send(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED,
				  htonl(mtu));
		return false;
	}
	return true;
}

static void tell6(struct fnat_conn *c, struct sk_buff *skb, u8 type, u8 code,
		  u32 info)
{
	/* Locally sent packets have no device yet. */
	if (!skb->dev)
		skb->dev = c->fn->net->loopback_dev;
	icmpv6_send(skb, type, code, info);
}

static bool check6(struct fnat_conn *c, struct sk_buff *skb, unsigned int mtu)
{
	if (unlikely(ipv6_hdr(skb)->hop_limit <= 1)) {
		fnat_stat_inc(c->fn, TTL_EXCEEDED);
		tell6(c, skb, ICMPV6_TIME_EXCEED, ICMPV6_EXC_HOPLIMIT, 0);
		return false;
	}
	if (unlikely(ipv6_hdr(skb)->nexthdr != IPPROTO_ICMPV6 &&
		     exceeds_mtu(skb, IP6CB(skb)->frag_max_size, mtu))) {
		fnat_stat_inc(c->fn, MTU_EXCEEDED);
		tell6(c, skb, ICMPV6_PKT_TOOBIG, 0, mtu);
		return false;
	}
	return true;
}

/*
 * May the packet, not yet rewritten, take this hop? If not its sender has been
 * told, it has been counted, and the caller drops it.
 */
bool fnat_route_check(struct fnat_conn *c, struct sk_buff *skb,
		      struct dst_entry *dst)
{
	unsigned int mtu = dst_mtu(dst);

	return c->tuple.af == AF_INET6 ? check6(c, skb, mtu) :
					 check4(c, skb, mtu);
}

/* Gives the rewritten packet its route, and makes it one that leaves. */
static void prepare(struct sk_buff *skb, struct dst_entry *dst, bool noref)
{
	skb_dst_drop(skb);
	if (noref)
		skb_dst_set_noref(skb, dst);
	else
		skb_dst_set(skb, dst);

	/* Stock's hooks leave it alone, and so do we. */
	skb->ipvs_property = 1;
	/* conntrack knows neither side of the translation, and need not. */
	nf_reset_ct(skb);
	nf_ct_set(skb, NULL, IP_CT_UNTRACKED);
	/* A socket that early demux found is not where it goes. */
	if (skb->dev) {
		skb_orphan(skb);
		skb_clear_tstamp(skb);
	}
	skb_forward_csum(skb);
	/* Fragments that we put together may be taken apart again. */
	skb->ignore_df = 1;
}

/* Sends the rewritten packet as stock's transmitters do; it is gone then. */
unsigned int fnat_route_output(struct net *net, u16 af, struct sk_buff *skb,
			       struct dst_entry *dst, bool noref)
{
	prepare(skb, dst, noref);
	NF_HOOK(af, NF_INET_LOCAL_OUT, net, NULL, skb, NULL, dst->dev,
		dst_output);
	return NF_STOLEN;
}

/* The same for a packet of connection @c, which may take the fast path. */
unsigned int fnat_route_send(const struct fnat_conn *c, struct sk_buff *skb,
			     struct dst_entry *dst, bool noref)
{
	struct net *net = c->fn->net;

	if (!READ_ONCE(c->fn->sysctl.fast_path))
		return fnat_route_output(net, c->tuple.af, skb, dst, noref);
	prepare(skb, dst, noref);
	dst_output(net, NULL, skb);
	return NF_STOLEN;
}
