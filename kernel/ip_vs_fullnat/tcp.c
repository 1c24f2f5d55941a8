// SPDX-License-Identifier: GPL-2.0-only
/*
 * What FULLNAT does to TCP besides addresses and ports. A real server sees the
 * connections of many clients come from one local address, and ports used
 * again that it still holds in TIME_WAIT. It takes a new connection from such
 * a port when sequence number and time stamp have grown (RFC 6191), so each
 * connection gets an initial sequence number and time stamps of the director:
 * unpredictable, and growing for the same addresses and ports (RFC 6528).
 */
#include <linux/ktime.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <linux/tcp.h>

#include "../common/tcpopt.h"
#include "fnat.h"

/* RFC 9293, RFC 2018, RFC 7323 */
#define OPT_MSS		2
#define OPT_MSS_LEN	4
#define OPT_SACK	5
#define OPT_TS		8
#define OPT_TS_LEN	10

static siphash_key_t seq_secret __read_mostly;
static siphash_key_t ts_secret __read_mostly;

/* How a packet's options change. */
struct opt_change {
	u32 sack_add;
	u32 tsval_add;
	u32 tsecr_add;
	u16 mss_sub;
};

/* Grows by one every 64 ns, as the kernel's own (net/core/secure_seq.c). */
static u32 fresh_seq(const struct fnat_conn *c)
{
	const struct fnat_tuple *t = &c->tuple;

	return (u32)siphash(&t->rip, offsetofend(struct fnat_tuple, lport) -
			    offsetof(struct fnat_tuple, rip), &seq_secret) +
	       (u32)(ktime_get_real_ns() >> 6);
}

/*
 * Grows by one every millisecond: no client's clock is faster (RFC 7323 5.4).
 * One offset for all ports, as some stacks keep time stamps per address.
 */
static u32 fresh_ts(const struct fnat_conn *c)
{
	const struct fnat_tuple *t = &c->tuple;

	return (u32)siphash(&t->rip, sizeof(t->rip) + sizeof(t->lip),
			    &ts_secret) +
	       (u32)ktime_to_ms(ktime_get_boottime());
}

/* Replaces @len bytes at @off of the TCP header; adds to the checksum's @diff. */
static void set_bytes(u8 *th, unsigned int off, const void *bytes,
		      unsigned int len, __wsum *diff)
{
	__wsum change = csum_sub(csum_partial(bytes, len, 0),
				 csum_partial(th + off, len, 0));

	memcpy(th + off, bytes, len);
	/* Options may begin at odd places. */
	*diff = csum_block_add(*diff, change, off);
}

static void add_be32(u8 *th, unsigned int off, u32 add, __wsum *diff)
{
	__be32 value = cpu_to_be32(get_unaligned_be32(th + off) + add);

	if (add)
		set_bytes(th, off, &value, sizeof(value), diff);
}

/* Fills an option with NOPs: the header keeps its length. */
void fnat_tcp_blank_option(u8 *th, unsigned int off, unsigned int len,
			   __wsum *diff)
{
	static const u8 nops[] = {
		[0 ... FNAT_TCP_OPTIONS_MAX - 1] = TCPOPT_WALK_NOP
	};

	set_bytes(th, off, nops, len, diff);
}

static void change_mss(u8 *th, unsigned int off, u16 sub, __wsum *diff)
{
	u16 mss = get_unaligned_be16(th + off);
	__be16 value = cpu_to_be16(mss - sub);

	/* Below the least that every host takes (RFC 9293 3.7.1): leave it. */
	if (sub && mss >= FNAT_TCP_MSS_MIN + sub)
		set_bytes(th, off, &value, sizeof(value), diff);
}

static void change_options(u8 *th, unsigned int size,
			   const struct opt_change *change, __wsum *diff)
{
	unsigned int pos = 0, off, i;
	struct tcpopt opt;

	while (tcpopt_next(th + sizeof(struct tcphdr), size, &pos, &opt)) {
		off = opt.data - th;
		switch (opt.data[0]) {
		case OPT_TS:
			if (opt.len != OPT_TS_LEN)
				break;
			add_be32(th, off + 2, change->tsval_add, diff);
			add_be32(th, off + 6, change->tsecr_add, diff);
			break;
		case OPT_SACK:
			for (i = 2; i + 4 <= opt.len; i += 4)
				add_be32(th, off + i, change->sack_add, diff);
			break;
		case OPT_MSS:
			if (opt.len == OPT_MSS_LEN)
				change_mss(th, off + 2, change->mss_sub, diff);
			break;
		}
	}
}

/*
 * Makes the whole TCP header linear and writable. NULL: it is cut off, its
 * length is impossible, or there is no memory.
 */
static struct tcphdr *tcp_header(struct sk_buff *skb, unsigned int l4_off,
				 unsigned int *options)
{
	struct tcphdr *th;
	unsigned int len;

	if (!pskb_may_pull(skb, l4_off + sizeof(*th)))
		return NULL;
	/*
	 * Segments that GRO has only chained keep their own headers, in which
	 * no more than addresses and ports would be corrected: have them cut
	 * anew from the first one's (tcp4_gso_segment()).
	 */
	if (unlikely(skb_is_gso(skb) &&
		     skb_shinfo(skb)->gso_type & SKB_GSO_FRAGLIST)) {
		if (skb_unclone(skb, GFP_ATOMIC))
			return NULL;
		skb_shinfo(skb)->gso_type |= SKB_GSO_DODGY;
	}
	th = (struct tcphdr *)(skb->data + l4_off);
	len = th->doff * 4;
	if (len < sizeof(*th) || skb_ensure_writable(skb, l4_off + len))
		return NULL;
	*options = len - sizeof(*th);
	return (struct tcphdr *)(skb->data + l4_off);
}

static unsigned int find_ts(const struct tcphdr *th, unsigned int size)
{
	unsigned int pos = 0;
	struct tcpopt opt;

	while (tcpopt_next((u8 *)(th + 1), size, &pos, &opt))
		if (opt.data[0] == OPT_TS && opt.len == OPT_TS_LEN)
			return opt.data - (u8 *)th;
	return 0;
}

/* Chooses the sequence numbers and time stamps that the real server sees. */
static void start(struct fnat_conn *c, const struct tcphdr *th,
		  unsigned int options)
{
	unsigned int ts = find_ts(th, options);
	struct fnat_tcp *tcp = &c->tcp;

	tcp->client_isn = ntohl(th->seq);
	WRITE_ONCE(tcp->seq_delta, fresh_seq(c) - tcp->client_isn);
	WRITE_ONCE(tcp->ts_delta, ts ? fresh_ts(c) -
		   get_unaligned_be32((u8 *)th + ts + 2) : 0);
	tcp->has_first_ack = false;
	tcp->has_ack[FNAT_DIR_ORIG] = false;
	tcp->has_ack[FNAT_DIR_REPLY] = false;
	/* Pairs with the acquire in see_syn(): client_isn is set by then. */
	smp_store_release(&tcp->started, true);
}

/*
 * A SYN: the first of the connection, the same again, or, when stock has kept
 * the connection (persistence), that of a client that uses its port again.
 */
static void see_syn(struct fnat_conn *c, const struct tcphdr *th,
		    unsigned int options)
{
	struct fnat_tcp *tcp = &c->tcp;

	/* Pairs with the release in start(). */
	if (smp_load_acquire(&tcp->started)) {
		if (ntohl(th->seq) == tcp->client_isn)
			return;
		/*
		 * Stock has advanced the state by this SYN: established means
		 * that the real server is to say what it thinks of it.
		 */
		if (!READ_ONCE(c->fn->sysctl.conn_reused) ||
		    c->cp->state != IP_VS_TCP_S_SYN_RECV)
			return;
	}
	spin_lock_bh(&c->cp->lock);
	if (!tcp->started || ntohl(th->seq) != tcp->client_isn) {
		if (tcp->started)
			fnat_stat_inc(c->fn, CONN_REUSED);
		start(c, th, options);
	}
	spin_unlock_bh(&c->cp->lock);
}

/* The switch for real servers that cannot have time stamps behind NAT. */
static void remove_ts(struct tcphdr *th, unsigned int options, __wsum *diff)
{
	unsigned int ts = find_ts(th, options);

	if (ts)
		fnat_tcp_blank_option((u8 *)th, ts, OPT_TS_LEN, diff);
}

/*
 * Client to real server, before addresses are rewritten. Adds what it changes
 * to @rw. The packet may grow by the client's address, up to the MTU of @dst.
 * False: the header is malformed.
 */
bool fnat_tcp_to_server(struct fnat_conn *c, struct sk_buff *skb,
			unsigned int l4_off, const struct dst_entry *dst,
			struct fnat_rewrite *rw)
{
	struct fnat_tcp *tcp = &c->tcp;
	struct opt_change change = {};
	unsigned int options;
	struct tcphdr *th;

	th = tcp_header(skb, l4_off, &options);
	if (!th)
		return false;
	if (unlikely(th->syn && !th->ack)) {
		see_syn(c, th, options);
		if (READ_ONCE(c->fn->sysctl.timestamp_remove))
			remove_ts(th, options, &rw->l4_diff);
	}
	if (likely(th->ack)) {
		WRITE_ONCE(tcp->last_ack[FNAT_DIR_ORIG], ntohl(th->ack_seq));
		tcp->has_ack[FNAT_DIR_ORIG] = true;
	}
	add_be32((u8 *)th, offsetof(struct tcphdr, seq),
		 READ_ONCE(tcp->seq_delta), &rw->l4_diff);
	change.tsval_add = READ_ONCE(tcp->ts_delta);
	if (change.tsval_add)
		change_options((u8 *)th, options, &change, &rw->l4_diff);
	if (unlikely(fnat_toa_in_time(c, th)))
		fnat_toa_add(c, skb, l4_off, dst, rw);
	return true;
}

/* Real server to client; otherwise as above. */
bool fnat_tcp_to_client(struct fnat_conn *c, struct sk_buff *skb,
			unsigned int l4_off, struct fnat_rewrite *rw)
{
	struct fnat_tcp *tcp = &c->tcp;
	struct opt_change change = {};
	unsigned int options;
	struct tcphdr *th;

	th = tcp_header(skb, l4_off, &options);
	if (!th)
		return false;
	if (likely(th->ack)) {
		WRITE_ONCE(tcp->last_ack[FNAT_DIR_REPLY], ntohl(th->ack_seq));
		tcp->has_ack[FNAT_DIR_REPLY] = true;
		change.sack_add = -READ_ONCE(tcp->seq_delta);
		change.tsecr_add = -READ_ONCE(tcp->ts_delta);
		add_be32((u8 *)th, offsetof(struct tcphdr, ack_seq),
			 change.sack_add, &rw->l4_diff);
	}
	if (unlikely(th->syn && th->ack)) {
		WRITE_ONCE(tcp->first_ack, ntohl(th->seq) + 1);
		/* Pairs with the acquire in fnat_toa_in_time(). */
		smp_store_release(&tcp->has_first_ack, true);
		change.mss_sub = fnat_toa_mss_cost(c);
	}
	if (options)
		change_options((u8 *)th, options, &change, &rw->l4_diff);
	return true;
}

void fnat_tcp_init(void)
{
	get_random_bytes(&seq_secret, sizeof(seq_secret));
	get_random_bytes(&ts_secret, sizeof(ts_secret));
}
