// SPDX-License-Identifier: GPL-2.0-only
/*
 * A proxied connection's packets until the real server has answered: the
 * client's are held, the real server's answer joins the two sides.
 */
#include "../common/tcpopt.h"
#include "synproxy.h"

#define SYN_AGAIN		(HZ / 50) /* after an old connection's reset */

/* --- the client's packets meanwhile */

/*
 * Takes @skb until the real server has answered. -ENOSPC: there are enough,
 * -EALREADY: it has, or will not.
 */
int fnat_splice_hold(struct fnat_net *fn, struct fnat_splice *s,
		     struct sk_buff *skb)
{
	int err = 0;

	spin_lock_bh(&s->lock);
	if (s->state != FNAT_SPLICE_WAITS)
		err = -EALREADY;
	else if (skb_queue_len(&s->held) >=
		 READ_ONCE(fn->sysctl.synproxy_store_thresh))
		err = -ENOSPC;
	if (!err) {
		/* None of it is to be held as long as the packet is. */
		skb_orphan(skb);
		skb_dst_drop(skb);
		nf_reset_ct(skb);
		skb_clear_tstamp(skb);
		skb->dev = NULL;
		__skb_queue_tail(&s->held, skb);
	}
	spin_unlock_bh(&s->lock);
	if (!err)
		fnat_stat_inc(fn, SYNPROXY_HELD);
	return err;
}

static bool has_content(const struct sk_buff *skb, unsigned int l4_off,
			const struct tcphdr *th)
{
	return th->fin || skb->len > l4_off + th->doff * 4;
}

static unsigned int keep(struct fnat_conn *c, struct fnat_splice *s,
			 struct sk_buff *skb, unsigned int l4_off,
			 const struct tcphdr *th)
{
	int limit = READ_ONCE(c->fn->sysctl.synproxy_storm_thresh);
	bool storm;

	spin_lock_bh(&s->lock);
	storm = s->waiting_pkts >= limit;
	if (!storm) {
		s->waiting_pkts++;
		if (th->ack)
			WRITE_ONCE(s->opts.window, ntohs(th->window));
	}
	spin_unlock_bh(&s->lock);
	fnat_attach_wait(c->cp, s);
	if (storm)
		return fnat_drop(c->fn, SYNPROXY_ACKSTORM);
	if (!has_content(skb, l4_off, th))
		return fnat_drop(c->fn, SYNPROXY_WAIT_ACK);
	switch (fnat_splice_hold(c->fn, s, skb)) {
	case 0:
		return NF_STOLEN;
	case -EALREADY:
		/* Pairs with the release in fnat_splice_give_up(). */
		if (smp_load_acquire(&s->state) == FNAT_SPLICE_ENDED)
			return fnat_drop(c->fn, SYNPROXY_LATE);
		return NF_ACCEPT;
	}
	return fnat_drop(c->fn, SYNPROXY_HELD_FULL);
}

/* The client has given up. The real server is told by the RST itself. */
static unsigned int client_reset(struct fnat_conn *c, struct fnat_splice *s,
				 const struct tcphdr *th)
{
	bool ended = false;

	spin_lock_bh(&s->lock);
	if (ntohl(th->seq) - s->opts.isn - 1 <= U16_MAX)
		ended = fnat_splice_give_up(s);
	spin_unlock_bh(&s->lock);
	if (!ended)
		return fnat_drop(c->fn, SYNPROXY_LATE);
	fnat_splice_disarm(s);
	fnat_attach_expire(c->cp);
	return NF_ACCEPT;
}

/*
 * A packet of the client's. NF_ACCEPT: it goes to the real server now; else it
 * has been taken, or is to be dropped.
 */
unsigned int fnat_splice_from_client(struct fnat_conn *c, struct sk_buff *skb,
				     unsigned int l4_off)
{
	struct fnat_splice *s = READ_ONCE(c->splice);
	enum fnat_splice_state state;
	const struct tcphdr *th;
	struct tcphdr buf;

	if (!s)
		return NF_ACCEPT;
	/* Pairs with the releases: what was learned is there. */
	state = smp_load_acquire(&s->state);
	if (likely(state == FNAT_SPLICE_JOINED))
		return NF_ACCEPT;
	th = skb_header_pointer(skb, l4_off, sizeof(buf), &buf);
	if (!th)
		return fnat_drop(c->fn, BAD_HEADER);
	/* Only ours get this far. */
	if (th->syn)
		return NF_ACCEPT;
	if (state == FNAT_SPLICE_ENDED)
		return fnat_drop(c->fn, SYNPROXY_LATE);
	if (th->rst)
		return client_reset(c, s, th);
	return keep(c, s, skb, l4_off, th);
}

/* --- the real server's */

struct server_options {
	bool has_wscale;
	bool has_ts;
	u8 wscale;
	u32 tsval;
};

static void read_options(const struct sk_buff *skb, unsigned int l4_off,
			 const struct tcphdr *th, struct server_options *o)
{
	u8 buf[FNAT_TCP_OPTIONS_MAX];
	unsigned int size = th->doff * 4 - sizeof(*th), pos = 0;
	struct tcpopt opt;

	memset(o, 0, sizeof(*o));
	if (th->doff * 4 <= sizeof(*th) ||
	    skb_copy_bits(skb, l4_off + sizeof(*th), buf, size))
		return;
	while (tcpopt_next(buf, size, &pos, &opt)) {
		if (opt.data[0] == TCPOPT_WINDOW && opt.len == TCPOLEN_WINDOW) {
			o->has_wscale = true;
			o->wscale = min_t(u8, opt.data[2], FNAT_WSCALE_MAX);
		}
		if (opt.data[0] == TCPOPT_TIMESTAMP &&
		    opt.len == TCPOLEN_TIMESTAMP) {
			o->has_ts = true;
			o->tsval = get_unaligned_be32(opt.data + 2);
		}
	}
}

/*
 * Who is right about the scale of a window field: the client takes the real
 * server's for one of ours, and a real server without the option takes the
 * client's for one without.
 */
static void set_shifts(struct fnat_tcp *tcp, const struct fnat_synopts *opts,
		       const struct server_options *o)
{
	if (opts->wscale == FNAT_NO_WSCALE)
		return;
	WRITE_ONCE(tcp->win_shift[FNAT_DIR_REPLY],
		   (o->has_wscale ? o->wscale : 0) - opts->our_wscale);
	WRITE_ONCE(tcp->win_shift[FNAT_DIR_ORIG],
		   o->has_wscale ? 0 : opts->wscale);
}

/* [lock] */
static void join(struct fnat_conn *c, struct fnat_splice *s,
		 const struct tcphdr *th, const struct server_options *o)
{
	const struct fnat_synopts *opts = &s->opts;
	struct fnat_tcp *tcp = &c->tcp;

	WRITE_ONCE(tcp->seq_delta[FNAT_DIR_REPLY],
		   opts->cookie - ntohl(th->seq));
	if (opts->ts && o->has_ts) {
		WRITE_ONCE(tcp->ts_delta[FNAT_DIR_REPLY],
			   fnat_syncookie_clock() - o->tsval);
		s->server_ts = o->tsval;
	}
	set_shifts(tcp, opts, o);
	/* Pairs with the acquires below. */
	smp_store_release(&s->state, FNAT_SPLICE_JOINED);
}

/* Does it answer our SYN? */
static bool answers_syn(const struct fnat_conn *c, const struct fnat_splice *s,
			const struct tcphdr *th)
{
	return th->ack && ntohl(th->ack_seq) == s->opts.isn + 1 +
	       READ_ONCE(c->tcp.seq_delta[FNAT_DIR_ORIG]);
}

static unsigned int refused(struct fnat_conn *c, struct fnat_splice *s)
{
	bool ended;

	spin_lock_bh(&s->lock);
	ended = fnat_splice_give_up(s);
	spin_unlock_bh(&s->lock);
	if (ended) {
		fnat_splice_disarm(s);
		fnat_splice_failed(c, s);
	}
	return NF_DROP;
}

/* An old connection of the port, which the real server still has. */
static unsigned int reset_stale(struct fnat_conn *c, struct fnat_splice *s,
				const struct tcphdr *th)
{
	if (!th->ack || th->rst)
		return fnat_drop(c->fn, SYNPROXY_LATE);
	fnat_splice_rst(c, FNAT_DIR_ORIG, ntohl(th->ack_seq));
	spin_lock_bh(&s->lock);
	if (s->state == FNAT_SPLICE_WAITS && s->conn)
		fnat_splice_arm(s, SYN_AGAIN);
	spin_unlock_bh(&s->lock);
	return fnat_drop(c->fn, SYNPROXY_RS_STALE);
}

static unsigned int joining(struct fnat_conn *c, struct fnat_splice *s,
			    struct sk_buff *skb, unsigned int l4_off,
			    const struct tcphdr *th, bool *joined)
{
	struct server_options o;

	read_options(skb, l4_off, th, &o);
	spin_lock_bh(&s->lock);
	*joined = s->state == FNAT_SPLICE_WAITS && s->conn;
	if (*joined)
		join(c, s, th, &o);
	spin_unlock_bh(&s->lock);
	if (!*joined)
		return fnat_drop(c->fn, SYNPROXY_LATE);
	fnat_splice_disarm(s);
	fnat_splice_forget_route(s);
	fnat_stat_inc(c->fn, SYNPROXY_SPLICED);
	return NF_ACCEPT;
}

/*
 * A packet of the real server's. NF_ACCEPT: it goes to the client. @joined: and
 * fnat_splice_joined() is to be called then.
 */
unsigned int fnat_splice_from_server(struct fnat_conn *c, struct sk_buff *skb,
				     unsigned int l4_off, bool *joined)
{
	struct fnat_splice *s = READ_ONCE(c->splice);
	enum fnat_splice_state state;
	const struct tcphdr *th;
	struct tcphdr buf;

	*joined = false;
	if (!s)
		return NF_ACCEPT;
	th = skb_header_pointer(skb, l4_off, sizeof(buf), &buf);
	if (!th)
		return fnat_drop(c->fn, BAD_HEADER);
	/* Pairs with the releases: what was learned is there. */
	state = smp_load_acquire(&s->state);
	if (state == FNAT_SPLICE_JOINED) {
		if (likely(!th->syn))
			return NF_ACCEPT;
		/* Our ACK was lost, and the client has nothing to send. */
		if (answers_syn(c, s, th))
			fnat_splice_send(c, s, false);
		return fnat_drop(c->fn, SYNPROXY_SYNACK_AGAIN);
	}
	if (state == FNAT_SPLICE_ENDED)
		return fnat_drop(c->fn, SYNPROXY_LATE);
	if (!answers_syn(c, s, th))
		return reset_stale(c, s, th);
	if (th->rst)
		return refused(c, s);
	if (!th->syn)
		return reset_stale(c, s, th);
	return joining(c, s, skb, l4_off, th, joined);
}

/* The real server has answered: it gets its ACK, and what has been held. */
void fnat_splice_joined(struct fnat_conn *c)
{
	struct fnat_splice *s = READ_ONCE(c->splice);
	struct sk_buff_head list;
	struct net_device *dev;
	struct sk_buff *skb;

	if (!s)
		return;
	__skb_queue_head_init(&list);
	spin_lock_bh(&s->lock);
	skb_queue_splice_init(&s->held, &list);
	spin_unlock_bh(&s->lock);

	fnat_splice_send(c, s, false);
	dev = dev_get_by_index_rcu(c->fn->net, s->ifindex);
	while ((skb = __skb_dequeue(&list))) {
		struct ip_vs_iphdr iph;

		skb->dev = dev ?: c->fn->net->loopback_dev;
		if (ip_vs_fill_iph_skb(c->tuple.af, skb, false, &iph))
			fnat_splice_to_server(c, skb, iph.len);
		else
			kfree_skb(skb);
	}
}
