// SPDX-License-Identifier: GPL-2.0-only
/*
 * The client's address in a TCP option (common/toa_wire.h), for kernel/toa and
 * its like on the real server. It goes on the SYN, and on every segment until
 * the client has acknowledged something that the server sent: by then the
 * server has the connection, and has seen at least one of them.
 */
#include <linux/tcp.h>

#include "../common/tcpopt.h"
#include "../common/toa_wire.h"
#include "fnat.h"

static unsigned int option_len(const struct fnat_conn *c)
{
	return c->tuple.af == AF_INET6 ? TOA_LEN_V6 : TOA_LEN_V4;
}

/* By how much segments may grow; 0 when it is switched off. */
unsigned int fnat_toa_len(const struct fnat_conn *c)
{
	return READ_ONCE(c->fn->sysctl.toa) ? option_len(c) : 0;
}

/* Is it one of the segments that are to have our option? */
bool fnat_toa_in_time(const struct fnat_conn *c, const struct tcphdr *th)
{
	const struct fnat_tcp *tcp = &c->tcp;

	/* Another director's, which is trusted, is the one that counts. */
	if (th->rst || READ_ONCE(tcp->toa_kept))
		return false;
	if (th->syn)
		return !th->ack;
	/* Pairs with the release in fnat_tcp_to_client(). */
	return smp_load_acquire(&tcp->has_first_ack) &&
	       ntohl(th->ack_seq) == READ_ONCE(tcp->first_ack);
}

/* What the SYN-ACK's MSS goes down by. */
unsigned int fnat_toa_mss_cost(const struct fnat_conn *c)
{
	if (READ_ONCE(c->tcp.toa_kept) || !READ_ONCE(c->fn->sysctl.mss_adjust))
		return 0;
	return fnat_toa_len(c);
}

/* Does the packet, or each segment of it, have room for @len more bytes? */
static bool has_room(struct sk_buff *skb, unsigned int headers,
		     unsigned int len, unsigned int mtu)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);

	/* The length field of either IP header has 16 bits. */
	if (skb->len + len > U16_MAX)
		return false;
	if (!skb_is_gso(skb))
		return skb->len + len <= mtu;
	/* Segments with headers of their own, which would not get it. */
	if (shinfo->gso_type & SKB_GSO_FRAGLIST)
		return false;
	if (headers + shinfo->gso_size + len <= mtu)
		return true;
	/* A client that was not told our MSS: its segments become smaller. */
	if (shinfo->gso_size <= len + FNAT_TCP_MSS_MIN ||
	    skb_unclone(skb, GFP_ATOMIC))
		return false;
	shinfo = skb_shinfo(skb);
	skb_decrease_gso_size(shinfo, len);
	shinfo->gso_type |= SKB_GSO_DODGY;
	shinfo->gso_segs = 0;
	return true;
}

/*
 * The first hop's MTU, or what a router behind it has told: its error has gone to
 * the client, which cannot go below the least of IPv6 to leave room for us.
 */
static unsigned int path_mtu(const struct fnat_conn *c,
			     const struct dst_entry *dst)
{
	u32 mtu = dst_mtu(dst);
	u16 told = READ_ONCE(c->tcp.mtu);

	return told ? min_t(u32, mtu, told) : mtu;
}

static void write_option(const struct fnat_conn *c, u8 *opt, unsigned int len)
{
	const struct ip_vs_conn *cp = c->cp;

	opt[0] = c->tuple.af == AF_INET6 ?
		 READ_ONCE(c->fn->sysctl.toa_kind6) : TOA_KIND;
	opt[1] = len;
	memcpy(opt + 2, &cp->cport, sizeof(cp->cport));
	memcpy(opt + 4, &cp->caddr, len - 4);
}

/*
 * Options as they are without NOPs, ours in front, for a header that would become
 * too long with ours in addition: perhaps it has NOPs where the client's own TOA
 * was. Returns their length, not below the present one, or 0 if there is no room.
 */
static unsigned int pack_options(const struct fnat_conn *c, struct tcphdr *th,
				 u8 *packed)
{
	unsigned int size = th->doff * 4 - sizeof(*th), pos = 0;
	unsigned int len = option_len(c);
	struct tcpopt opt;

	write_option(c, packed, len);
	while (tcpopt_next((u8 *)(th + 1), size, &pos, &opt)) {
		if (len + opt.len > FNAT_TCP_OPTIONS_MAX)
			return 0;
		memcpy(packed + len, opt.data, opt.len);
		len += opt.len;
	}
	while (len % 4 || len < size)
		packed[len++] = TCPOPT_WALK_NOP;
	return len;
}

/* Moves IP header and fixed TCP header forward into the headroom. */
static int open_gap(struct sk_buff *skb, unsigned int l4_off, unsigned int len,
		    const struct net_device *dev)
{
	unsigned int head = l4_off + sizeof(struct tcphdr);
	int err;

	/* Room for the link-layer header too: one reallocation, if any. */
	err = skb_cow_head(skb, len + LL_RESERVED_SPACE(dev));
	if (err)
		return err;
	skb_push(skb, len);
	memmove(skb->data, skb->data + len, head);
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, l4_off);
	/* The old link-layer header is overwritten. */
	skb->mac_header = (typeof(skb->mac_header))~0U;
	if (skb->ip_summed == CHECKSUM_PARTIAL)
		skb->csum_start -= len;
	return 0;
}

static __wsum length_diff(unsigned int from, unsigned int to)
{
	return csum_sub((__force __wsum)htons(to), (__force __wsum)htons(from));
}

static void grow_ip(struct sk_buff *skb, u16 af, unsigned int len)
{
	if (af == AF_INET6) {
		struct ipv6hdr *ip6h = ipv6_hdr(skb);

		ip6h->payload_len = htons(ntohs(ip6h->payload_len) + len);
	} else {
		struct iphdr *iph = ip_hdr(skb);
		__be16 to = htons(ntohs(iph->tot_len) + len);

		csum_replace2(&iph->check, iph->tot_len, to);
		iph->tot_len = to;
	}
}

/* Longer header: its length field, and the length that is summed. */
static void grow_tcp(struct tcphdr *th, unsigned int len, unsigned int tcp_len,
		     struct fnat_rewrite *rw)
{
	__be16 *offset_flags = (__be16 *)&tcp_flag_word(th);
	__be16 old = *offset_flags;

	th->doff += len / 4;
	rw->l4_diff = csum_add(rw->l4_diff,
			       csum_sub((__force __wsum)*offset_flags,
					(__force __wsum)old));
	rw->len_diff = length_diff(tcp_len, tcp_len + len);
}

/* Into the gap that was made. */
static void put_option(const struct fnat_conn *c, struct tcphdr *th,
		       struct fnat_rewrite *rw)
{
	u8 *opt = (u8 *)(th + 1);
	unsigned int len = option_len(c);

	write_option(c, opt, len);
	rw->l4_diff = csum_add(rw->l4_diff, csum_partial(opt, len, 0));
}

/* In place of the options that are behind a gap of @gap bytes. */
static void put_packed(struct tcphdr *th, const u8 *packed, unsigned int gap,
		       struct fnat_rewrite *rw)
{
	unsigned int len = th->doff * 4 - sizeof(*th);
	u8 *opts = (u8 *)(th + 1);

	rw->l4_diff = csum_sub(rw->l4_diff,
			       csum_partial(opts + gap, len - gap, 0));
	memcpy(opts, packed, len);
	rw->l4_diff = csum_add(rw->l4_diff, csum_partial(opts, len, 0));
}

/*
 * Adds the option to a segment whose TCP header is linear and writable. When
 * there is no room the segment goes without, counted by reason, and the next
 * one tries again.
 */
void fnat_toa_add(struct fnat_conn *c, struct sk_buff *skb, unsigned int l4_off,
		  const struct dst_entry *dst, struct fnat_rewrite *rw)
{
	struct tcphdr *th = (struct tcphdr *)(skb->data + l4_off);
	unsigned int header = th->doff * 4, len = option_len(c), packed_len = 0;
	u8 packed[FNAT_TCP_OPTIONS_MAX];

	if (!READ_ONCE(c->fn->sysctl.toa))
		return;
	if (header + len > FNAT_TCP_HEADER_MAX) {
		packed_len = pack_options(c, th, packed);
		if (!packed_len) {
			fnat_stat_inc(c->fn, TOA_HEAD_FULL);
			return;
		}
		len = sizeof(*th) + packed_len - header;
	}
	if (!has_room(skb, l4_off + header, len, path_mtu(c, dst))) {
		fnat_stat_inc(c->fn, TOA_FAIL_LEN);
		return;
	}
	if (open_gap(skb, l4_off, len, dst->dev)) {
		fnat_stat_inc(c->fn, TOA_FAIL_MEM);
		return;
	}
	grow_ip(skb, c->tuple.af, len);
	th = (struct tcphdr *)(skb->data + l4_off);
	grow_tcp(th, len, skb->len - len - l4_off, rw);
	if (packed_len)
		put_packed(th, packed, len, rw);
	else
		put_option(c, th, rw);
	fnat_stat_inc(c->fn, TOA_OK);
}
