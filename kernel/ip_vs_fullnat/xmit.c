// SPDX-License-Identifier: GPL-2.0-only
/* Client to real server: the transmitter that stock IPVS calls. */
#include <linux/tcp.h>

#include "fnat.h"

/* Only a SYN gives a connection that has lost its port another one. */
static struct fnat_conn *come_again(struct fnat_conn *c,
				    const struct sk_buff *skb,
				    const struct ip_vs_iphdr *iph)
{
	const struct tcphdr *th;
	struct tcphdr buf;

	th = skb_header_pointer(skb, iph->len, sizeof(buf), &buf);
	if (th && !ip_vs_iph_icmp(iph) && th->syn && !th->ack)
		return fnat_attach_again(c, skb);
	/*
	 * It was told to expire, and cannot while a packet holds it: stock is
	 * about to start its timer anew, and a drain would not find it.
	 */
	c->cp->timeout = 0;
	fnat_stat_inc(c->fn, UNBOUND);
	return NULL;
}

/* False: malformed, or not of this connection; counted. */
static bool rewrite_tcp(struct fnat_conn *c, enum fnat_dir dir,
			struct sk_buff *skb, unsigned int l4_off,
			const struct dst_entry *dst, struct fnat_rewrite *rw)
{
	if (dir == FNAT_DIR_ORIG)
		return fnat_tcp_to_server(c, skb, l4_off, dst, rw);
	return fnat_tcp_to_client(c, skb, l4_off, rw);
}

/*
 * Makes of a packet in direction @dir what the other side is to see. Returns
 * its route, as fnat_route() does, or NULL: it is to be dropped, counted.
 */
struct dst_entry *fnat_xmit_rewrite(struct fnat_conn *c, enum fnat_dir dir,
				    struct sk_buff *skb, unsigned int l4_off,
				    bool *noref)
{
	struct fnat_rewrite rw;
	struct dst_entry *dst;

	dst = fnat_route(c, dir, skb, noref);
	if (unlikely(!dst)) {
		fnat_stat_inc(c->fn, NO_ROUTE);
		return NULL;
	}
	if (unlikely(!fnat_route_check(c, skb, dst)))
		goto drop;
	fnat_conn_rewrite(c, dir, &rw);
	if (likely(c->tuple.protocol == IPPROTO_TCP) &&
	    unlikely(!rewrite_tcp(c, dir, skb, l4_off, dst, &rw)))
		goto drop;
	if (likely(!fnat_mangle(skb, c->tuple.af, c->tuple.protocol, l4_off,
				&rw)))
		return dst;
	fnat_stat_inc(c->fn, BAD_HEADER);

drop:
	if (!*noref)
		dst_release(dst);
	return NULL;
}

/* May its client be about to use the port again? */
static bool has_ended(const struct ip_vs_conn *cp)
{
	return cp->protocol == IPPROTO_TCP &&
	       cp->state >= IP_VS_TCP_S_FIN_WAIT &&
	       cp->state <= IP_VS_TCP_S_LAST_ACK;
}

/*
 * Stock has counted the packet and advanced the connection's state. @iph is
 * that of the packet, or, for an ICMP error about the connection, that of the
 * packet inside it (ip_vs_icmp_xmit()).
 */
int fnat_xmit(struct sk_buff *skb, struct ip_vs_conn *cp,
	      struct ip_vs_protocol *pp, struct ip_vs_iphdr *iph)
{
	struct fnat_conn *c = READ_ONCE(cp->app_data);
	unsigned int verdict = NF_ACCEPT;
	struct dst_entry *dst;
	bool noref;

	if (unlikely(!c)) {
		/*
		 * Stock has loaded packet_xmit without a barrier. Pairs with
		 * its release in attach().
		 */
		smp_rmb();
		c = READ_ONCE(cp->app_data);
		if (!c)
			return fnat_drop(fnat_net(cp->ipvs->net), UNBOUND);
	}
	/* ESP and AH come with their ISAKMP's (ah_esp_conn_in_get()). */
	if (unlikely(iph->protocol != c->tuple.protocol))
		return fnat_drop(c->fn, BAD_PROTO);
	if (unlikely(fnat_conn_drains(c)))
		return fnat_drop(c->fn, DRAINING);
	if (unlikely(has_ended(cp)) && READ_ONCE(c->fn->synproxies) &&
	    !ip_vs_iph_icmp(iph))
		verdict = fnat_synproxy_again(c, skb, iph);
	if (unlikely(verdict != NF_ACCEPT))
		return verdict;
	if (unlikely(!READ_ONCE(c->map))) {
		c = come_again(c, skb, iph);
		if (!c)
			return NF_DROP;
	}
	if (unlikely(ip_vs_iph_icmp(iph)))
		return fnat_icmp_to_server(c, skb, iph);
	if (unlikely(!READ_ONCE(c->tcp.started)))
		fnat_synproxy_settle(cp, skb, iph);
	if (unlikely(READ_ONCE(c->splice)))
		verdict = fnat_splice_from_client(c, skb, iph->len);
	if (unlikely(verdict != NF_ACCEPT))
		return verdict;

	dst = fnat_xmit_rewrite(c, FNAT_DIR_ORIG, skb, iph->len, &noref);
	if (unlikely(!dst))
		return NF_DROP;
	fnat_stat_inc(c->fn, IN_PKTS);
	return fnat_route_send(c, skb, dst, noref);
}
