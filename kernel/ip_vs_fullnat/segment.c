// SPDX-License-Identifier: GPL-2.0-only
/* TCP segments without payload, made from nothing. */
#include <net/ip.h>
#include <net/ip6_checksum.h>

#include "segment.h"

static unsigned int ip_size(u16 af)
{
	return af == AF_INET6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
}

static unsigned int tcp_size(const struct fnat_segment *seg)
{
	return sizeof(struct tcphdr) + seg->options_len;
}

/* Bytes of the segment, IP header included. */
unsigned int fnat_segment_size(u16 af, const struct fnat_segment *seg)
{
	return ip_size(af) + tcp_size(seg);
}

static void put_ip(struct sk_buff *skb, u16 af, const struct fnat_rewrite *rw,
		   const struct fnat_segment *seg)
{
	if (af == AF_INET6) {
		struct ipv6hdr *ip6h = skb_put_zero(skb, sizeof(*ip6h));

		ip6h->version = 6;
		ip6h->payload_len = htons(tcp_size(seg));
		ip6h->nexthdr = IPPROTO_TCP;
		ip6h->hop_limit = seg->ttl;
		ip6h->saddr = rw->saddr->in6;
		ip6h->daddr = rw->daddr->in6;
		skb->protocol = htons(ETH_P_IPV6);
	} else {
		struct iphdr *iph = skb_put_zero(skb, sizeof(*iph));

		iph->version = 4;
		iph->ihl = sizeof(*iph) / 4;
		iph->tot_len = htons(fnat_segment_size(af, seg));
		iph->frag_off = htons(IP_DF);
		iph->ttl = seg->ttl;
		iph->protocol = IPPROTO_TCP;
		iph->saddr = rw->saddr->ip;
		iph->daddr = rw->daddr->ip;
		ip_send_check(iph);
		skb->protocol = htons(ETH_P_IP);
	}
}

static void put_tcp(struct sk_buff *skb, u16 af, const struct fnat_rewrite *rw,
		    const struct fnat_segment *seg)
{
	unsigned int len = tcp_size(seg);
	struct tcphdr *th = skb_put(skb, len);
	__wsum sum;

	th->source = rw->sport;
	th->dest = rw->dport;
	th->seq = htonl(seg->seq);
	th->ack_seq = htonl(seg->ack);
	tcp_flag_word(th) = htonl(len / 4 << 28 | seg->flags << 16 |
				  seg->window);
	th->check = 0;
	th->urg_ptr = 0;
	memcpy(th + 1, seg->options, seg->options_len);
	sum = csum_partial(th, len, 0);
	if (af == AF_INET6)
		th->check = csum_ipv6_magic(&rw->saddr->in6, &rw->daddr->in6,
					    len, IPPROTO_TCP, sum);
	else
		th->check = csum_tcpudp_magic(rw->saddr->ip, rw->daddr->ip,
					      len, IPPROTO_TCP, sum);
}

/* Into an empty skb with tailroom for it; skb->data becomes the IP header. */
void fnat_segment_put(struct sk_buff *skb, u16 af,
		      const struct fnat_rewrite *rw,
		      const struct fnat_segment *seg)
{
	skb_reset_network_header(skb);
	put_ip(skb, af, rw, seg);
	skb_set_transport_header(skb, skb->len);
	put_tcp(skb, af, rw, seg);
}

/* A packet of its own, or NULL: no memory. */
struct sk_buff *fnat_segment_new(u16 af, const struct fnat_rewrite *rw,
				 const struct fnat_segment *seg)
{
	struct sk_buff *skb;

	skb = alloc_skb(LL_MAX_HEADER + fnat_segment_size(af, seg) +
			FNAT_TCP_OPTIONS_MAX, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return NULL;
	skb_reserve(skb, LL_MAX_HEADER + FNAT_TCP_OPTIONS_MAX);
	fnat_segment_put(skb, af, rw, seg);
	return skb;
}
