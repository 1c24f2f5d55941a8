// SPDX-License-Identifier: GPL-2.0-only
/*
 * RST to both sides when an established connection expires: without it either
 * side would find out with its next packet only, which may be hours later. And
 * to a client whose connection this director cannot go on with.
 */
#include <linux/netfilter.h>
#include <linux/tcp.h>
#include <net/tcp.h>

#include "segment.h"

/* What a RST says. */
struct rst_seq {
	u32 seq;
	u32 ack;
	bool has_ack;
};

/* A whole packet, or NULL: there is no memory, and that is counted. */
static struct sk_buff *make_rst(struct fnat_net *fn, u16 af,
				const struct fnat_rewrite *rw,
				const struct rst_seq *rst)
{
	struct fnat_segment seg = {
		.seq = rst->seq,
		.ack = rst->ack,
		.flags = TCPHDR_RST | (rst->has_ack ? TCPHDR_ACK : 0),
		.ttl = FNAT_OWN_TTL,
	};
	struct sk_buff *skb = fnat_segment_new(af, rw, &seg);

	if (!skb)
		fnat_stat_inc(fn, NO_MEM);
	return skb;
}

/*
 * In the other side's name, to the receiver of packets in direction @dir, who
 * last acknowledged @seq. False: it could not be sent, and that is counted.
 */
bool fnat_rst_send(struct fnat_conn *c, enum fnat_dir dir, u32 seq)
{
	struct rst_seq rst = { .seq = seq };
	struct fnat_rewrite rw;
	struct dst_entry *dst;
	struct sk_buff *skb;
	bool noref;

	fnat_conn_rewrite(c, dir, &rw);
	skb = make_rst(c->fn, c->tuple.af, &rw, &rst);
	if (!skb)
		return false;
	dst = fnat_route(c, dir, skb, &noref);
	if (!dst) {
		fnat_stat_inc(c->fn, NO_ROUTE);
		kfree_skb(skb);
		return false;
	}
	fnat_route_send(c, skb, dst, noref);
	return true;
}

/*
 * The sequence number has to be the very one that the receiver expects
 * (RFC 5961 3.2): what it last acknowledged.
 */
void fnat_rst_both(struct fnat_conn *c)
{
	const struct fnat_tcp *tcp = &c->tcp;

	rcu_read_lock();
	if (tcp->has_ack[FNAT_DIR_ORIG] &&
	    fnat_rst_send(c, FNAT_DIR_REPLY, tcp->last_ack[FNAT_DIR_ORIG]))
		fnat_stat_inc(c->fn, RST_CLIENT);
	if (tcp->has_ack[FNAT_DIR_REPLY] &&
	    fnat_rst_send(c, FNAT_DIR_ORIG, tcp->last_ack[FNAT_DIR_REPLY]))
		fnat_stat_inc(c->fn, RST_SERVER);
	rcu_read_unlock();
}

/* The RST that answers a segment, RFC 9293 3.10.7.1. */
static void answer(const struct sk_buff *skb, unsigned int l4_off,
		   const struct tcphdr *th, struct rst_seq *rst)
{
	if (th->ack) {
		rst->seq = ntohl(th->ack_seq);
		return;
	}
	rst->ack = ntohl(th->seq) + th->syn + th->fin;
	if (skb->len > l4_off + th->doff * 4)
		rst->ack += skb->len - l4_off - th->doff * 4;
	rst->has_ack = true;
}

/*
 * Tells the sender of a segment, which is no RST itself, that there is no such
 * connection, in the name of the address that it was for.
 */
void fnat_rst_refuse(struct fnat_net *fn, struct sk_buff *skb, u16 af,
		     const struct ip_vs_iphdr *iph)
{
	struct fnat_rewrite rw = {
		.saddr = &iph->daddr,
		.daddr = &iph->saddr,
	};
	struct rst_seq rst = {};
	const struct tcphdr *th;
	struct dst_entry *dst;
	struct sk_buff *nskb;
	struct tcphdr buf;

	th = skb_header_pointer(skb, iph->len, sizeof(buf), &buf);
	if (!th || nf_checksum(skb, NF_INET_LOCAL_IN, iph->len, IPPROTO_TCP, af))
		return;
	rw.sport = th->dest;
	rw.dport = th->source;
	answer(skb, iph->len, th, &rst);
	nskb = make_rst(fn, af, &rw, &rst);
	if (!nskb)
		return;
	dst = fnat_route_lookup(fn->net, af, IPPROTO_TCP, &rw, skb->mark,
				fnat_route_link_local_oif(skb, af, rw.daddr));
	if (!dst) {
		fnat_stat_inc(fn, NO_ROUTE);
		kfree_skb(nskb);
		return;
	}
	fnat_stat_inc(fn, RST_CLIENT);
	fnat_route_output(fn->net, af, nskb, dst, false);
}
