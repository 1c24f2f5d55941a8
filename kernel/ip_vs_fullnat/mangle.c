// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rewriting of headers: addresses, ports and checksums. Pure functions of the
 * packet. Header pointers of the caller are stale after any of them.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/checksum.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>

#include "fnat.h"

/* The checksum of what changes: new minus old (RFC 1624). */
__wsum fnat_mangle_addr_diff(u16 af, const union nf_inet_addr *from,
			     const union nf_inet_addr *to)
{
	int len = af == AF_INET6 ? sizeof(to->in6) : sizeof(to->ip);

	return csum_sub(csum_partial(to, len, 0), csum_partial(from, len, 0));
}

__wsum fnat_mangle_port_diff(__be16 from, __be16 to)
{
	return csum_sub((__force __wsum)to, (__force __wsum)from);
}

static void sum_apply(__sum16 *sum, __wsum diff)
{
	*sum = csum_fold(csum_add(diff, ~csum_unfold(*sum)));
}

/*
 * A checksum that is left to the device covers the pseudo header only so far,
 * which has addresses and length but not what follows, and is not inverted.
 */
static void l4_sum_apply(const struct sk_buff *skb, unsigned int l4_off,
			 __sum16 *sum, const struct fnat_rewrite *rw)
{
	__wsum pseudo = csum_add(rw->addr_diff, rw->len_diff);

	/* In a tunnel it may be that of a header further in. */
	if (skb->ip_summed == CHECKSUM_PARTIAL &&
	    skb_checksum_start_offset(skb) == l4_off)
		*sum = ~csum_fold(csum_add(pseudo, csum_unfold(*sum)));
	else
		sum_apply(sum, csum_add(pseudo, rw->l4_diff));
}

static void ports_apply(struct fnat_ports *ports, const struct fnat_rewrite *rw)
{
	ports->source = rw->sport;
	ports->dest = rw->dport;
}

static void addrs_apply(u16 af, void *l3, const struct fnat_rewrite *rw)
{
	if (af == AF_INET6) {
		struct ipv6hdr *ip6h = l3;

		ip6h->saddr = rw->saddr->in6;
		ip6h->daddr = rw->daddr->in6;
	} else {
		struct iphdr *iph = l3;

		iph->saddr = rw->saddr->ip;
		iph->daddr = rw->daddr->ip;
		sum_apply(&iph->check, rw->addr_diff);
	}
}

/* fnat_route_check() has seen that it is more than 1. */
static void ttl_decrease(struct sk_buff *skb, u16 af)
{
	if (af == AF_INET6)
		ipv6_hdr(skb)->hop_limit--;
	else
		ip_decrease_ttl(ip_hdr(skb));
}

static void udp_sum_apply(const struct sk_buff *skb, unsigned int l4_off,
			  struct udphdr *uh, const struct fnat_rewrite *rw)
{
	/* 0: the sender made none (RFC 768) */
	if (!uh->check)
		return;
	l4_sum_apply(skb, l4_off, &uh->check, rw);
	if (!uh->check)
		uh->check = CSUM_MANGLED_0;
}

static bool is_icmp(u16 protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

/* Of the two ports of a flow of echoes the one that is not 0 is its identifier. */
static void echo_id_apply(struct icmphdr *icmph, const struct fnat_rewrite *rw)
{
	icmph->un.echo.id = rw->sport ?: rw->dport;
}

/* ICMPv6 has a pseudo header below its checksum, ICMP has none. */
static void echo_sum_apply(const struct sk_buff *skb, u16 protocol,
			   unsigned int l4_off, struct icmphdr *icmph,
			   const struct fnat_rewrite *rw)
{
	if (protocol == IPPROTO_ICMPV6)
		l4_sum_apply(skb, l4_off, &icmph->checksum, rw);
	else if (skb->ip_summed != CHECKSUM_PARTIAL)
		sum_apply(&icmph->checksum, rw->l4_diff);
}

/* Makes the first @len bytes linear and writable; 0 or -errno. */
int fnat_mangle_begin(struct sk_buff *skb, unsigned int len)
{
	if (likely(len <= skb_headlen(skb) && !skb_cloned(skb)))
		return 0;
	return skb_ensure_writable(skb, len);
}

/*
 * Rewrites the packet's addresses and ports, a hop further. @l4_off: where the
 * header of TCP, UDP or an ICMP echo starts, from skb->data, which is at the
 * network header. 0, or -errno when the headers are not all there or cannot be
 * written.
 */
int fnat_mangle(struct sk_buff *skb, u16 af, u16 protocol, unsigned int l4_off,
		const struct fnat_rewrite *rw)
{
	unsigned int l4_len = protocol == IPPROTO_TCP ? sizeof(struct tcphdr) :
							sizeof(struct udphdr);
	void *l4;
	int err;

	err = fnat_mangle_begin(skb, l4_off + l4_len);
	if (err)
		return err;
	/* What the device summed is no longer so. */
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		skb->ip_summed = CHECKSUM_NONE;

	l4 = skb->data + l4_off;
	if (is_icmp(protocol)) {
		echo_sum_apply(skb, protocol, l4_off, l4, rw);
		echo_id_apply(l4, rw);
	} else {
		if (protocol == IPPROTO_TCP)
			l4_sum_apply(skb, l4_off, &((struct tcphdr *)l4)->check,
				     rw);
		else
			udp_sum_apply(skb, l4_off, l4, rw);
		ports_apply(l4, rw);
	}
	addrs_apply(af, skb_network_header(skb), rw);
	if (!rw->forwarded)
		ttl_decrease(skb, af);
	return 0;
}

static bool icmp_sum_is_good(const struct sk_buff *skb, u16 af,
			     unsigned int off)
{
	unsigned int len = skb->len - off;
	__wsum sum = skb_checksum(skb, off, len, 0);

	if (af == AF_INET6)
		return !csum_ipv6_magic(&ipv6_hdr(skb)->saddr,
					&ipv6_hdr(skb)->daddr, len,
					IPPROTO_ICMPV6, sum);
	return !csum_fold(sum);
}

static void icmp_sum_set(struct sk_buff *skb, u16 af, unsigned int off)
{
	unsigned int len = skb->len - off;

	skb->ip_summed = CHECKSUM_NONE;
	if (af == AF_INET6) {
		struct icmp6hdr *icmp6h = (void *)(skb->data + off);

		icmp6h->icmp6_cksum = 0;
		icmp6h->icmp6_cksum = csum_ipv6_magic(&ipv6_hdr(skb)->saddr,
						      &ipv6_hdr(skb)->daddr,
						      len, IPPROTO_ICMPV6,
						      skb_checksum(skb, off,
								   len, 0));
	} else {
		struct icmphdr *icmph = (void *)(skb->data + off);

		icmph->checksum = 0;
		icmph->checksum = csum_fold(skb_checksum(skb, off, len, 0));
	}
}

/*
 * The packet inside an ICMP error may end right behind its ports (RFC 792):
 * UDP's checksum is corrected where it is there. TCP's is further in and no
 * receiver of an error looks at it.
 */
static void inner_apply(struct sk_buff *skb, u16 af, u16 protocol,
			const struct ip_vs_iphdr *inner,
			const struct fnat_rewrite *rw)
{
	struct fnat_ports *ports = (void *)(skb->data + inner->len);
	struct icmphdr *icmph = (void *)ports;
	struct udphdr *uh = (void *)ports;
	struct tcphdr *th = (void *)ports;

	if (is_icmp(protocol)) {
		sum_apply(&icmph->checksum,
			  protocol == IPPROTO_ICMP ? rw->l4_diff :
			  csum_add(rw->addr_diff, rw->l4_diff));
		echo_id_apply(icmph, rw);
	} else {
		ports_apply(ports, rw);
	}
	/* The receiver compares it with what it has sent (RFC 5927 4). */
	if (protocol == IPPROTO_TCP)
		th->seq = htonl(ntohl(th->seq) + rw->inner_seq_add);
	if (protocol == IPPROTO_UDP && uh->check) {
		sum_apply(&uh->check, csum_add(rw->addr_diff, rw->l4_diff));
		if (!uh->check)
			uh->check = CSUM_MANGLED_0;
	}
	addrs_apply(af, skb->data + inner->off, rw);
}

static void lower_mtu(struct sk_buff *skb, u16 af, unsigned int off, u16 sub)
{
	struct icmp6hdr *icmp6h = (void *)(skb->data + off);
	struct icmphdr *icmph = (void *)icmp6h;
	u32 mtu;

	if (af == AF_INET6 && icmp6h->icmp6_type == ICMPV6_PKT_TOOBIG) {
		mtu = ntohl(icmp6h->icmp6_mtu);
		if (mtu >= IPV6_MIN_MTU + sub)
			icmp6h->icmp6_mtu = htonl(mtu - sub);
	} else if (af == AF_INET && icmph->type == ICMP_DEST_UNREACH &&
		   icmph->code == ICMP_FRAG_NEEDED) {
		mtu = ntohs(icmph->un.frag.mtu);
		/* 0: a router that does not know (RFC 1191 4) */
		if (mtu >= IPV4_MIN_MTU + sub)
			icmph->un.frag.mtu = htons(mtu - sub);
	}
}

/*
 * Rewrites an ICMP error and the packet inside it. @outer, @inner: where the
 * headers are, from skb->data. The ports of @outer_rw do not count. 0,
 * -EBADMSG when the checksum was wrong before, or another -errno.
 */
int fnat_mangle_icmp(struct sk_buff *skb, u16 af, u16 protocol,
		     const struct ip_vs_iphdr *outer,
		     const struct ip_vs_iphdr *inner,
		     const struct fnat_rewrite *outer_rw,
		     const struct fnat_rewrite *inner_rw)
{
	int err;

	if (inner->len < inner->off + (af == AF_INET6 ? sizeof(struct ipv6hdr) :
						       sizeof(struct iphdr)))
		return -EBADMSG;
	/* 8 bytes behind the inner header: the least that an error carries */
	err = skb_ensure_writable(skb, inner->len + sizeof(struct udphdr));
	if (err)
		return err;
	if (skb->ip_summed != CHECKSUM_PARTIAL &&
	    !icmp_sum_is_good(skb, af, outer->len))
		return -EBADMSG;

	inner_apply(skb, af, protocol, inner, inner_rw);
	if (outer_rw->mtu_sub)
		lower_mtu(skb, af, outer->len, outer_rw->mtu_sub);
	addrs_apply(af, skb_network_header(skb), outer_rw);
	if (!outer_rw->forwarded)
		ttl_decrease(skb, af);
	icmp_sum_set(skb, af, outer->len);
	return 0;
}
