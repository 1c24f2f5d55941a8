// SPDX-License-Identifier: GPL-2.0-only
/*
 * RST to both sides when an established connection expires. Without it either
 * side would find out with its next packet only, which may be hours later.
 */
#include <linux/tcp.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/tcp.h>

#include "fnat.h"

#define RST_TTL		64

static void put_ip(struct sk_buff *skb, u16 af, const struct fnat_rewrite *rw)
{
	if (af == AF_INET6) {
		struct ipv6hdr *ip6h = skb_put_zero(skb, sizeof(*ip6h));

		ip6h->version = 6;
		ip6h->payload_len = htons(sizeof(struct tcphdr));
		ip6h->nexthdr = IPPROTO_TCP;
		ip6h->hop_limit = RST_TTL;
		ip6h->saddr = rw->saddr->in6;
		ip6h->daddr = rw->daddr->in6;
		skb->protocol = htons(ETH_P_IPV6);
	} else {
		struct iphdr *iph = skb_put_zero(skb, sizeof(*iph));

		iph->version = 4;
		iph->ihl = sizeof(*iph) / 4;
		iph->tot_len = htons(sizeof(*iph) + sizeof(struct tcphdr));
		iph->frag_off = htons(IP_DF);
		iph->ttl = RST_TTL;
		iph->protocol = IPPROTO_TCP;
		iph->saddr = rw->saddr->ip;
		iph->daddr = rw->daddr->ip;
		ip_send_check(iph);
		skb->protocol = htons(ETH_P_IP);
	}
}

static void put_tcp(struct sk_buff *skb, u16 af, const struct fnat_rewrite *rw,
		    u32 seq)
{
	struct tcphdr *th = skb_put_zero(skb, sizeof(*th));
	__wsum sum;

	skb_set_transport_header(skb, skb->len - sizeof(*th));
	th->source = rw->sport;
	th->dest = rw->dport;
	th->seq = htonl(seq);
	th->doff = sizeof(*th) / 4;
	th->rst = 1;
	sum = csum_partial(th, sizeof(*th), 0);
	if (af == AF_INET6)
		th->check = csum_ipv6_magic(&rw->saddr->in6, &rw->daddr->in6,
					    sizeof(*th), IPPROTO_TCP, sum);
	else
		th->check = csum_tcpudp_magic(rw->saddr->ip, rw->daddr->ip,
					      sizeof(*th), IPPROTO_TCP, sum);
}

/* To the receiver of packets in direction @dir, who last acknowledged @seq. */
static void send_rst(struct fnat_conn *c, enum fnat_dir dir, u32 seq)
{
	struct fnat_rewrite rw;
	struct dst_entry *dst;
	struct sk_buff *skb;
	bool noref;

	skb = alloc_skb(LL_MAX_HEADER + sizeof(struct ipv6hdr) +
			sizeof(struct tcphdr), GFP_ATOMIC | __GFP_NOWARN);
	if (!skb) {
		fnat_stat_inc(c->fn, NO_MEM);
		return;
	}
	skb_reserve(skb, LL_MAX_HEADER);
	skb_reset_network_header(skb);
	fnat_conn_rewrite(c, dir, &rw);
	put_ip(skb, c->tuple.af, &rw);
	put_tcp(skb, c->tuple.af, &rw, seq);

	dst = fnat_route(c, dir, skb, &noref);
	if (!dst) {
		fnat_stat_inc(c->fn, NO_ROUTE);
		kfree_skb(skb);
		return;
	}
	if (dir == FNAT_DIR_ORIG)
		fnat_stat_inc(c->fn, RST_SERVER);
	else
		fnat_stat_inc(c->fn, RST_CLIENT);
	fnat_route_send(c, skb, dst, noref);
}

/*
 * The sequence number has to be the very one that the receiver expects
 * (RFC 5961 3.2): what it last acknowledged.
 */
void fnat_rst_both(struct fnat_conn *c)
{
	const struct fnat_tcp *tcp = &c->tcp;

	rcu_read_lock();
	if (tcp->has_ack[FNAT_DIR_ORIG])
		send_rst(c, FNAT_DIR_REPLY, tcp->last_ack[FNAT_DIR_ORIG]);
	if (tcp->has_ack[FNAT_DIR_REPLY])
		send_rst(c, FNAT_DIR_ORIG, tcp->last_ack[FNAT_DIR_REPLY]);
	rcu_read_unlock();
}
