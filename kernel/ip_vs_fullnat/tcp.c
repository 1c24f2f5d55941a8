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
#include <net/tcp.h>

#include "../common/tcpopt.h"
#include "../common/toa_wire.h"
#include "fnat.h"

/*
 * How far beyond what a real server has acknowledged a new connection begins:
 * its last acknowledgment may have been lost. As the kernel's own leave when
 * they take a connection out of TIME_WAIT (tcp_timewait_state_process()).
 */
#define SEQ_MARGIN	65537

/* RFC 9293, RFC 2018, RFC 7323 */
#define OPT_MSS		2
#define OPT_MSS_LEN	4
#define OPT_WSCALE	3
#define OPT_SACK_PERM	4
#define OPT_SACK	5
#define OPT_TS		8
#define OPT_TS_LEN	10

static siphash_key_t seq_secret __read_mostly;
static siphash_key_t ts_secret __read_mostly;

/* How a packet's options change, and what was found in them. */
struct opt_change {
	u32 sack_add;
	u32 tsval_add;
	u32 tsecr_add;
	u16 mss_sub;
	u32 tsecr_floor;		/* with has_floor */
	bool has_floor;
	bool joined;			/* blank what only a SYN-ACK has */
	bool find_toa;
	bool strip_toa;
	bool has_ts;			/* found */
	u32 tsval;			/* found, as they were sent */
	u32 tsecr;
	unsigned int toas;		/* found */
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

/* Each segment has some of these, so it is worth not to be set_bytes(). */
static void add_be32(u8 *th, unsigned int off, u32 add, __wsum *diff)
{
	__be32 from, to;

	if (!add)
		return;
	from = get_unaligned((__be32 *)(th + off));
	to = cpu_to_be32(be32_to_cpu(from) + add);
	put_unaligned(to, (__be32 *)(th + off));
	*diff = csum_block_add(*diff, csum_sub((__force __wsum)to,
					       (__force __wsum)from), off);
}

/* Fills an option with NOPs: the header keeps its length. */
static void blank_option(u8 *th, unsigned int off, unsigned int len,
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

static void change_ts(u8 *th, unsigned int off, struct opt_change *change,
		      __wsum *diff)
{
	change->has_ts = true;
	change->tsval = get_unaligned_be32(th + off);
	change->tsecr = get_unaligned_be32(th + off + 4);
	add_be32(th, off, change->tsval_add, diff);
	if (unlikely(change->has_floor) &&
	    before(change->tsecr + change->tsecr_add, change->tsecr_floor))
		add_be32(th, off + 4, change->tsecr_floor - change->tsecr, diff);
	else
		add_be32(th, off + 4, change->tsecr_add, diff);
}

/* A client could claim any address: blanks what it sent. */
static void find_toa(u8 *th, const struct tcpopt *opt,
		     struct opt_change *change, __wsum *diff)
{
	if (!change->find_toa || !toa_wire_is_toa(opt->data[0], opt->len))
		return;
	change->toas++;
	if (change->strip_toa)
		blank_option(th, opt->data - th, opt->len, diff);
}

/* NOP, NOP, a time stamp, as RFC 7323 A has it: what nearly all segments have. */
static bool only_ts(const u8 *th, unsigned int size)
{
	return size == 2 + OPT_TS_LEN &&
	       get_unaligned_be32(th + sizeof(struct tcphdr)) ==
	       (TCPOPT_WALK_NOP << 24 | TCPOPT_WALK_NOP << 16 |
		OPT_TS << 8 | OPT_TS_LEN);
}

static void change_options(u8 *th, unsigned int size,
			   struct opt_change *change, __wsum *diff)
{
	unsigned int pos = 0, off, i;
	struct tcpopt opt;

	if (likely(only_ts(th, size))) {
		change_ts(th, sizeof(struct tcphdr) + 4, change, diff);
		return;
	}
	while (tcpopt_next(th + sizeof(struct tcphdr), size, &pos, &opt)) {
		off = opt.data - th;
		switch (opt.data[0]) {
		case OPT_TS:
			if (opt.len == OPT_TS_LEN)
				change_ts(th, off + 2, change, diff);
			break;
		case OPT_SACK:
			for (i = 2; i + 4 <= opt.len; i += 4)
				add_be32(th, off + i, change->sack_add, diff);
			break;
		case OPT_MSS:
			if (opt.len == OPT_MSS_LEN && !change->joined)
				change_mss(th, off + 2, change->mss_sub, diff);
			fallthrough;
		case OPT_WSCALE:
		case OPT_SACK_PERM:
			if (unlikely(change->joined))
				blank_option(th, off, opt.len, diff);
			break;
		default:
			find_toa(th, &opt, change, diff);
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
	if (len < sizeof(*th) || fnat_mangle_begin(skb, l4_off + len))
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

/*
 * The clocks give numbers that have grown, unless the connection before sent
 * faster than they run. What the real server has acknowledged and echoed of it
 * says what it may compare with.
 */
static u32 grown_seq(const struct fnat_conn *c)
{
	u32 floor = c->tcp.last_ack[FNAT_DIR_REPLY] + SEQ_MARGIN;
	u32 seq = fresh_seq(c);

	return c->tcp.has_ack[FNAT_DIR_REPLY] && before(seq, floor) ? floor :
								      seq;
}

static u32 grown_ts(const struct fnat_conn *c)
{
	u32 floor = c->tcp.server_ts + 1;
	u32 ts = fresh_ts(c);

	return c->tcp.has_server_ts && before(ts, floor) ? floor : ts;
}

/* Chooses the sequence numbers and time stamps that the real server sees. */
static void start(struct fnat_conn *c, const struct tcphdr *th,
		  unsigned int options)
{
	unsigned int ts = find_ts(th, options);
	struct fnat_tcp *tcp = &c->tcp;

	tcp->client_isn = ntohl(th->seq);
	WRITE_ONCE(tcp->seq_delta[FNAT_DIR_ORIG],
		   grown_seq(c) - tcp->client_isn);
	WRITE_ONCE(tcp->ts_delta[FNAT_DIR_ORIG], ts ? grown_ts(c) -
		   get_unaligned_be32((u8 *)th + ts + 2) : 0);
	WRITE_ONCE(tcp->has_first_ack, false);
	WRITE_ONCE(tcp->has_ack[FNAT_DIR_ORIG], false);
	WRITE_ONCE(tcp->has_ack[FNAT_DIR_REPLY], false);
	WRITE_ONCE(tcp->toa_kept, false);
	/* Pairs with the acquires of who reads it: the rest is set by then. */
	smp_store_release(&tcp->started, true);
}

/*
 * The real server may still hold the connection that had @tcp's local port
 * before: the next one is to begin behind it.
 */
void fnat_tcp_inherit(struct fnat_tcp *tcp, const struct fnat_tcp *old)
{
	tcp->last_ack[FNAT_DIR_REPLY] =
		READ_ONCE(old->last_ack[FNAT_DIR_REPLY]);
	tcp->has_ack[FNAT_DIR_REPLY] = READ_ONCE(old->has_ack[FNAT_DIR_REPLY]);
	tcp->server_ts = READ_ONCE(old->server_ts);
	tcp->has_server_ts = READ_ONCE(old->has_server_ts);
}

/* What has been seen of an end was that of the connection before. */
static void forget_end(struct fnat_conn *c)
{
	WRITE_ONCE(c->end.has_fin[FNAT_DIR_ORIG], false);
	WRITE_ONCE(c->end.has_fin[FNAT_DIR_REPLY], false);
	WRITE_ONCE(c->end.server_reset, false);
}

/*
 * A SYN: the first of the connection, the same again, or, when stock has kept
 * the connection (persistence), that of a client that uses its port again.
 */
static void see_syn(struct fnat_conn *c, const struct sk_buff *skb,
		    const struct tcphdr *th, unsigned int options)
{
	struct fnat_splice *splice = fnat_splice_offered(skb);
	struct fnat_tcp *tcp = &c->tcp;

	forget_end(c);
	/* Pairs with the release in start(). */
	if (smp_load_acquire(&tcp->started) && !splice) {
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
	if (!tcp->started || ntohl(th->seq) != tcp->client_isn || splice) {
		if (tcp->started)
			fnat_stat_inc(c->fn, CONN_REUSED);
		fnat_splice_begin(c, splice);
		start(c, th, options);
	}
	spin_unlock_bh(&c->cp->lock);
}

/* The switch for real servers that cannot have time stamps behind NAT. */
static void remove_ts(struct tcphdr *th, unsigned int options, __wsum *diff)
{
	unsigned int ts = find_ts(th, options);

	if (ts)
		blank_option((u8 *)th, ts, OPT_TS_LEN, diff);
}

/* Packets overtake each other: the newest acknowledgment counts. */
static void see_ack(struct fnat_tcp *tcp, enum fnat_dir dir, u32 ack)
{
	bool has_ack = READ_ONCE(tcp->has_ack[dir]);

	if (has_ack && before(ack, READ_ONCE(tcp->last_ack[dir])))
		return;
	WRITE_ONCE(tcp->last_ack[dir], ack);
	if (!has_ack)
		WRITE_ONCE(tcp->has_ack[dir], true);
}

/* A FIN or RST whose numbers are those that its receiver sees. */
static void see_end(struct fnat_tcp_end *end, enum fnat_dir dir,
		    const struct sk_buff *skb, unsigned int l4_off,
		    const struct tcphdr *th)
{
	u32 len = skb->len - l4_off - th->doff * 4;

	if (th->rst && dir == FNAT_DIR_REPLY)
		WRITE_ONCE(end->server_reset, true);
	if (!th->fin)
		return;
	WRITE_ONCE(end->fin_end[dir], ntohl(th->seq) + len + 1);
	/* Pairs with the acquires in fin_is_acked() and fnat_tcp_watch_end(). */
	smp_store_release(&end->has_fin[dir], true);
}

/*
 * The same for a connection whose segments do not come through here (SNAT), once
 * it is not established any more: that of its middle is not worth a look.
 */
void fnat_tcp_watch_end(struct fnat_conn *c, enum fnat_dir dir,
			const struct sk_buff *skb, unsigned int l4_off)
{
	const struct tcphdr *th;
	struct tcphdr buf;

	th = skb_header_pointer(skb, l4_off, sizeof(buf), &buf);
	if (!th)
		return;
	if (th->syn && !th->ack) {
		forget_end(c);
		WRITE_ONCE(c->tcp.has_ack[FNAT_DIR_ORIG], false);
		WRITE_ONCE(c->tcp.has_ack[FNAT_DIR_REPLY], false);
	}
	/* One from long before would not compare. */
	if (th->ack && smp_load_acquire(&c->end.has_fin[!dir]))
		see_ack(&c->tcp, dir, ntohl(th->ack_seq));
	if (th->fin || th->rst)
		see_end(&c->end, dir, skb, l4_off, th);
}

static bool fin_is_acked(const struct fnat_conn *c, enum fnat_dir dir)
{
	const struct fnat_tcp *tcp = &c->tcp;

	/* Pairs with the release in see_end(). */
	return smp_load_acquire(&c->end.has_fin[dir]) &&
	       READ_ONCE(tcp->has_ack[!dir]) &&
	       !before(READ_ONCE(tcp->last_ack[!dir]),
		       READ_ONCE(c->end.fin_end[dir]));
}

/* Has each side got the other's FIN, or the real server nothing left of it? */
bool fnat_tcp_is_over(const struct fnat_conn *c)
{
	return READ_ONCE(c->end.server_reset) ||
	       (fin_is_acked(c, FNAT_DIR_ORIG) &&
		fin_is_acked(c, FNAT_DIR_REPLY));
}

/*
 * A time stamp that the real server will compare the next ones with: one that
 * it has echoed, or one of a segment that it takes even without an answer.
 */
static void see_server_ts(struct fnat_tcp *tcp, u32 ts)
{
	bool has_server_ts = READ_ONCE(tcp->has_server_ts);

	if (has_server_ts && before(ts, READ_ONCE(tcp->server_ts)))
		return;
	WRITE_ONCE(tcp->server_ts, ts);
	if (!has_server_ts)
		WRITE_ONCE(tcp->has_server_ts, true);
}

/* From here on the client's acknowledgments say what it has got. */
static void see_syn_ack(struct fnat_tcp *tcp, const struct tcphdr *th)
{
	u32 first_ack = ntohl(th->seq) + 1;

	WRITE_ONCE(tcp->last_ack[FNAT_DIR_REPLY], ntohl(th->ack_seq));
	if (READ_ONCE(tcp->has_first_ack) &&
	    READ_ONCE(tcp->first_ack) == first_ack)
		return;
	WRITE_ONCE(tcp->has_ack[FNAT_DIR_ORIG], false);
	WRITE_ONCE(tcp->first_ack, first_ack);
	/* Pairs with the acquire in fnat_toa_in_time(). */
	smp_store_release(&tcp->has_first_ack, true);
}

/* An option of TOA's form that the client's side sent. */
static void see_toa(struct fnat_conn *c, const struct opt_change *change)
{
	unsigned int i;

	if (!change->strip_toa)
		WRITE_ONCE(c->tcp.toa_kept, true);
	else
		for (i = 0; i < change->toas; i++)
			fnat_stat_inc(c->fn, TOA_DEL_OPT);
}

/* A window that is not 0 does not become so. */
static u16 scaled(u16 window, int shift)
{
	if (shift >= 0)
		return min_t(u32, (u32)window << shift, U16_MAX);
	return window >> -shift ?: !!window;
}

static void set_be16(u8 *th, unsigned int off, u16 value, __wsum *diff)
{
	__be16 be = htons(value);

	set_bytes(th, off, &be, sizeof(be), diff);
}

/* To the client, that has had its SYN-ACK from us: a new window, no more. */
static void make_window_update(struct fnat_conn *c, struct tcphdr *th,
			       __wsum *diff)
{
	const u16 flags = ntohs(*((__be16 *)th + 6)) & ~TCPHDR_SYN;

	add_be32((u8 *)th, offsetof(struct tcphdr, seq), 1, diff);
	set_be16((u8 *)th, 12, flags, diff);
	/* A SYN's window is never scaled. */
	set_be16((u8 *)th, offsetof(struct tcphdr, window),
		 scaled(ntohs(th->window), -fnat_splice_our_wscale(c)), diff);
}

/* What either side says of its own bytes moves by its own amount. */
static void translate(const struct fnat_tcp *tcp, enum fnat_dir dir,
		      struct tcphdr *th, unsigned int options,
		      struct opt_change *change, __wsum *diff)
{
	add_be32((u8 *)th, offsetof(struct tcphdr, seq),
		 READ_ONCE(tcp->seq_delta[dir]), diff);
	change->tsval_add = READ_ONCE(tcp->ts_delta[dir]);
	if (likely(th->ack)) {
		change->sack_add = -READ_ONCE(tcp->seq_delta[!dir]);
		change->tsecr_add = -READ_ONCE(tcp->ts_delta[!dir]);
		add_be32((u8 *)th, offsetof(struct tcphdr, ack_seq),
			 change->sack_add, diff);
	}
	if (options)
		change_options((u8 *)th, options, change, diff);
	if (unlikely(READ_ONCE(tcp->win_shift[dir])) && !th->syn)
		set_be16((u8 *)th, offsetof(struct tcphdr, window),
			 scaled(ntohs(th->window),
				READ_ONCE(tcp->win_shift[dir])), diff);
}

/*
 * A segment of a connection whose SYN has not come through here cannot be
 * translated; from the real server it is one of the port's connection before.
 */
static bool has_started(const struct fnat_conn *c)
{
	/* Pairs with the release in start(). */
	if (likely(smp_load_acquire(&c->tcp.started)))
		return true;
	fnat_stat_inc(c->fn, NO_SYN);
	return false;
}

/*
 * Client to real server, before addresses are rewritten. Adds what it changes
 * to @rw. The packet may grow by the client's address, up to the MTU of @dst.
 * False: it is to be dropped, counted.
 */
bool fnat_tcp_to_server(struct fnat_conn *c, struct sk_buff *skb,
			unsigned int l4_off, const struct dst_entry *dst,
			struct fnat_rewrite *rw)
{
	struct opt_change change = {
		.find_toa = true,
		.strip_toa = !READ_ONCE(c->fn->sysctl.toa_trust),
	};
	struct fnat_tcp *tcp = &c->tcp;
	unsigned int options;
	struct tcphdr *th;

	th = tcp_header(skb, l4_off, &options);
	if (!th) {
		fnat_stat_inc(c->fn, BAD_HEADER);
		return false;
	}
	if (unlikely(th->syn && !th->ack)) {
		see_syn(c, skb, th, options);
		if (READ_ONCE(c->fn->sysctl.timestamp_remove))
			remove_ts(th, options, &rw->l4_diff);
	} else if (!has_started(c)) {
		return false;
	}
	if (likely(th->ack))
		see_ack(tcp, FNAT_DIR_ORIG, ntohl(th->ack_seq));
	if (unlikely(READ_ONCE(c->splice)))
		change.has_floor = fnat_splice_ts_floor(c, th,
							&change.tsecr_floor);
	translate(tcp, FNAT_DIR_ORIG, th, options, &change, &rw->l4_diff);
	if (unlikely(th->fin))
		see_end(&c->end, FNAT_DIR_ORIG, skb, l4_off, th);
	if (change.has_ts && READ_ONCE(tcp->has_ack[FNAT_DIR_REPLY]) &&
	    ntohl(th->seq) == READ_ONCE(tcp->last_ack[FNAT_DIR_REPLY]))
		see_server_ts(tcp, change.tsval + change.tsval_add);
	if (unlikely(change.toas))
		see_toa(c, &change);
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
	bool joins;

	th = tcp_header(skb, l4_off, &options);
	if (!th) {
		fnat_stat_inc(c->fn, BAD_HEADER);
		return false;
	}
	if (!has_started(c))
		return false;
	if (unlikely(th->syn && th->ack)) {
		see_syn_ack(tcp, th);
		change.mss_sub = fnat_toa_mss_cost(c);
	}
	joins = unlikely(READ_ONCE(c->splice)) && th->syn;
	change.joined = joins;
	if (likely(th->ack))
		see_ack(tcp, FNAT_DIR_REPLY, ntohl(th->ack_seq));
	translate(tcp, FNAT_DIR_REPLY, th, options, &change, &rw->l4_diff);
	if (unlikely(th->fin || th->rst))
		see_end(&c->end, FNAT_DIR_REPLY, skb, l4_off, th);
	if (unlikely(joins))
		make_window_update(c, th, &rw->l4_diff);
	if (change.has_ts && th->ack && !th->rst)
		see_server_ts(tcp, change.tsecr);
	return true;
}

void fnat_tcp_init(void)
{
	get_random_bytes(&seq_secret, sizeof(seq_secret));
	get_random_bytes(&ts_secret, sizeof(ts_secret));
}
