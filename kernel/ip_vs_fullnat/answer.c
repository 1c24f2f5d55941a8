// SPDX-License-Identifier: GPL-2.0-only
/*
 * Answers that are the received packet, turned round: no memory is allocated
 * as a rule, and by default no route and no neighbour is looked up, since a
 * flood of forged sources would make one of each. The frame goes back to the
 * station that it came from.
 */
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <net/dst_metadata.h>

#include "synproxy.h"

/*
 * Is there an Ethernet station to answer to? What came inside of something is
 * to go back so: its route knows how.
 */
static bool has_sender(const struct sk_buff *skb)
{
	const struct net_device *dev = skb->dev;

	if (skb_sec_path(skb) || (skb_dst(skb) && !skb_valid_dst(skb)))
		return false;
	return dev->type == ARPHRD_ETHER && !(dev->flags & IFF_LOOPBACK) &&
	       dev->header_ops && skb_mac_header_was_set(skb) &&
	       skb_network_header(skb) - skb_mac_header(skb) >= ETH_HLEN &&
	       is_valid_ether_addr(eth_hdr(skb)->h_source);
}

/* Empties the packet and makes it large enough for the answer. */
static bool make_room(struct sk_buff *skb, unsigned int size)
{
	int head = LL_RESERVED_SPACE(skb->dev) - skb_headroom(skb);
	int tail;

	if (pskb_trim(skb, 0))
		return false;
	tail = size - skb_tailroom(skb);
	if (!skb_cloned(skb) && head <= 0 && tail <= 0)
		return true;
	return !pskb_expand_head(skb, SKB_DATA_ALIGN(max(head, 0)),
				 max(tail, 0), GFP_ATOMIC | __GFP_NOWARN);
}

/* What the packet was on the way in. */
static void forget(struct sk_buff *skb)
{
	skb_dst_drop(skb);
	nf_reset_ct(skb);
	skb_ext_reset(skb);
	skb_orphan(skb);
	skb_clear_tstamp(skb);
	if (skb_is_gso(skb))
		skb_gso_reset(skb);
	skb->ip_summed = CHECKSUM_NONE;
	skb->encapsulation = 0;
}

static bool send_back(struct sk_buff *skb, const u8 *station)
{
	if (dev_hard_header(skb, skb->dev, ntohs(skb->protocol), station, NULL,
			    skb->len) < 0)
		return false;
	dev_queue_xmit(skb);
	return true;
}

/* The roles of the packet's addresses and ports, exchanged. */
static bool turn_round(const struct sk_buff *skb,
		       const struct ip_vs_iphdr *iph, struct fnat_rewrite *rw)
{
	const struct fnat_ports *ports;
	struct fnat_ports buf;

	ports = skb_header_pointer(skb, iph->len, sizeof(buf), &buf);
	if (!ports)
		return false;
	rw->saddr = &iph->daddr;
	rw->daddr = &iph->saddr;
	rw->sport = ports->dest;
	rw->dport = ports->source;
	return true;
}

/*
 * Sends @seg to the sender of @skb, which it takes. False: it could not be
 * sent, and the caller drops what is left of @skb.
 */
bool fnat_answer(struct fnat_net *fn, struct sk_buff *skb, u16 af,
		 const struct ip_vs_iphdr *iph,
		 const struct fnat_segment *seg)
{
	bool back = !READ_ONCE(fn->sysctl.synproxy_reply_route) &&
		    has_sender(skb);
	struct dst_entry *dst = NULL;
	struct fnat_rewrite rw;
	u8 station[ETH_ALEN];

	if (!turn_round(skb, iph, &rw))
		return false;
	if (back)
		ether_addr_copy(station, eth_hdr(skb)->h_source);
	else
		dst = fnat_route_lookup(fn->net, af, IPPROTO_TCP, &rw,
					skb->mark,
					fnat_route_link_local_oif(skb, af,
								  rw.daddr));
	if (!back && !dst)
		return false;
	if (!make_room(skb, fnat_segment_size(af, seg))) {
		dst_release(dst);
		return false;
	}
	forget(skb);
	fnat_segment_put(skb, af, &rw, seg);
	if (back)
		return send_back(skb, station);
	fnat_route_output(fn->net, af, skb, dst, false);
	return true;
}
