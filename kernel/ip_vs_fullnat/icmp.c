// SPDX-License-Identifier: GPL-2.0-only
/*
 * ICMP errors about translated connections, in both directions: the error and
 * the packet inside it are rewritten, so that path MTU discovery and
 * unreachable messages work end to end. The outer source becomes the lip or
 * the vip: neither side has a route to where the error arose.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ratelimit.h>

#include "fnat.h"

bool fnat_icmp_is_error(const struct sk_buff *skb, u16 af, unsigned int off)
{
	u8 buf;
	const u8 *type = skb_header_pointer(skb, off, sizeof(buf), &buf);

	if (!type)
		return false;
	if (af == AF_INET6)
		return *type < ICMPV6_INFOMSG_MASK;
	return *type == ICMP_DEST_UNREACH || *type == ICMP_TIME_EXCEEDED ||
	       *type == ICMP_PARAMETERPROB || *type == ICMP_SOURCE_QUENCH;
}

/*
 * The packet inside the error travelled against it, so it has the addresses
 * of the other direction. Swapping the roles of a rewrite gives that of the
 * packet inside: what the receiver of the error once sent.
 */
void fnat_icmp_inner_rewrite(const struct fnat_conn *c, enum fnat_dir dir,
			     struct fnat_rewrite *rw)
{
	struct fnat_rewrite to;

	fnat_conn_rewrite(c, dir, &to);
	*rw = to;
	rw->inner_seq_add = -READ_ONCE(c->tcp.seq_delta[!dir]);
	rw->saddr = to.daddr;
	rw->sport = to.dport;
	rw->daddr = to.saddr;
	rw->dport = to.sport;
}

/* What an error of the real server's side tells us, too. */
struct told {
	u16 mtu;		/* bytes; 0: nothing of that */
	bool unreachable;	/* nobody answers its ARP, or has a route to it */
};

static void told_v4(const struct icmphdr *icmph, struct told *told)
{
	if (icmph->type != ICMP_DEST_UNREACH)
		return;
	if (icmph->code == ICMP_FRAG_NEEDED)
		told->mtu = ntohs(icmph->un.frag.mtu);
	told->unreachable = icmph->code == ICMP_NET_UNREACH ||
			    icmph->code == ICMP_HOST_UNREACH;
}

static void told_v6(const struct icmp6hdr *icmp6h, struct told *told)
{
	if (icmp6h->icmp6_type == ICMPV6_PKT_TOOBIG)
		told->mtu = min_t(u32, ntohl(icmp6h->icmp6_mtu), U16_MAX);
	told->unreachable = icmp6h->icmp6_type == ICMPV6_DEST_UNREACH &&
			    (icmp6h->icmp6_code == ICMPV6_NOROUTE ||
			     icmp6h->icmp6_code == ICMPV6_ADDR_UNREACH);
}

static void read_told(const struct sk_buff *skb, u16 af, unsigned int off,
		      struct told *told)
{
	/* As long as an icmp6hdr. */
	struct icmphdr buf;
	const void *header = skb_header_pointer(skb, off, sizeof(buf), &buf);

	if (!header)
		return;
	if (af == AF_INET6)
		told_v6(header, told);
	else
		told_v4(header, told);
}

static void heed(struct fnat_conn *c, const struct told *told)
{
	static DEFINE_RATELIMIT_STATE(limit, 5 * HZ, 1);

	if (told->mtu)
		WRITE_ONCE(c->tcp.mtu, told->mtu);
	if (!told->unreachable)
		return;
	fnat_stat_inc(c->fn, RS_UNREACHABLE);
	fnat_attach_log(&limit, c->cp, "the real server cannot be reached");
}

static unsigned int translate(struct fnat_conn *c, enum fnat_dir dir,
			      struct sk_buff *skb,
			      const struct ip_vs_iphdr *outer,
			      const struct ip_vs_iphdr *inner)
{
	struct fnat_rewrite outer_rw, inner_rw;
	u16 af = c->tuple.af;
	struct dst_entry *dst;
	struct told told = { 0 };
	bool noref;
	int err;

	dst = fnat_route(c, dir, skb, &noref);
	if (!dst)
		return fnat_drop(c->fn, NO_ROUTE);
	if (!fnat_route_check(c, skb, dst))
		goto drop;

	fnat_conn_rewrite(c, dir, &outer_rw);
	fnat_icmp_inner_rewrite(c, dir, &inner_rw);
	outer_rw.addr_diff =
		csum_add(fnat_mangle_addr_diff(af, &outer->saddr,
					       outer_rw.saddr),
			 fnat_mangle_addr_diff(af, &outer->daddr,
					       outer_rw.daddr));
	if (dir == FNAT_DIR_REPLY)
		read_told(skb, af, outer->len, &told);
	/* The client is to leave room for what we add. */
	if (dir == FNAT_DIR_REPLY && c->tuple.protocol == IPPROTO_TCP)
		outer_rw.mtu_sub = fnat_toa_len(c);
	err = fnat_mangle_icmp(skb, af, c->tuple.protocol, outer, inner,
			       &outer_rw, &inner_rw);
	if (err) {
		fnat_stat_inc(c->fn, BAD_ICMP);
		goto drop;
	}
	heed(c, &told);
	return fnat_route_send(c, skb, dst, noref);

drop:
	if (!noref)
		dst_release(dst);
	return NF_DROP;
}

/* Stock has found the connection; @inner is the header inside the error. */
int fnat_icmp_to_server(struct fnat_conn *c, struct sk_buff *skb,
			const struct ip_vs_iphdr *inner)
{
	struct ip_vs_iphdr outer;

	if (!ip_vs_fill_iph_skb(c->tuple.af, skb, false, &outer))
		return fnat_drop(c->fn, BAD_ICMP);
	fnat_stat_inc(c->fn, ICMP_IN);
	return translate(c, FNAT_DIR_ORIG, skb, &outer, inner);
}

/*
 * ip_vs_fill_iph_skb_icmp() takes what it finds. Stock looks first on the
 * client's side (ip_vs_in_icmp()); IPv6 is looked at by ipv6_find_hdr().
 */
static bool inner_is_sane(const struct sk_buff *skb, u16 af, unsigned int off)
{
	const struct iphdr *iph;
	struct iphdr buf;

	if (af == AF_INET6)
		return true;
	iph = skb_header_pointer(skb, off, sizeof(buf), &buf);
	return iph && iph->version == 4 && iph->ihl * 4 >= sizeof(*iph) &&
	       !(iph->frag_off & htons(IP_OFFSET));
}

/* Reads the header of the packet inside an error: false, there is none. */
bool fnat_icmp_inner(const struct sk_buff *skb, u16 af,
		     const struct ip_vs_iphdr *outer, struct ip_vs_iphdr *inner)
{
	/* icmphdr and icmp6hdr are 8 bytes each. */
	unsigned int off = outer->len + sizeof(struct icmphdr);

	return fnat_icmp_is_error(skb, af, outer->len) &&
	       inner_is_sane(skb, af, off) &&
	       ip_vs_fill_iph_skb_icmp(af, skb, off, true, inner) &&
	       !inner->fragoffs;
}

/* An ICMP packet for a local address; not ours: NF_ACCEPT. */
unsigned int fnat_icmp_to_client(struct fnat_net *fn, struct sk_buff *skb,
				 u16 af, const struct ip_vs_iphdr *outer)
{
	struct ip_vs_iphdr inner;
	struct ip_vs_conn *cp;
	unsigned int verdict;
	struct fnat_conn *c;

	if (!fnat_icmp_inner(skb, af, outer, &inner))
		return fnat_snat_echo_in(fn, skb, af, outer);
	/* The error is about a packet that we sent. */
	c = fnat_conn_find_rcu(fn, skb, af, &inner, FNAT_DIR_ORIG);
	if (c && c->snat) {
		skb_dst_drop(skb);
		return fnat_snat_error_in(c, skb, outer, &inner);
	}
	cp = c ? fnat_attach_get_rcu(c) : NULL;
	if (!cp)
		return NF_ACCEPT;
	fnat_stat_inc(fn, ICMP_OUT);
	verdict = translate(c, FNAT_DIR_REPLY, skb, outer, &inner);
	/* An error does not keep a connection alive. */
	__ip_vs_conn_put(cp);
	return verdict;
}
