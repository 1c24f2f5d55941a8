// SPDX-License-Identifier: GPL-2.0-only
/*
 * A proxied connection: the client has shaken hands with us, and we do it with
 * the real server in its name. Until the real server has answered, what the
 * client sends is held; then the two are joined (splice_join.c), and only
 * numbers differ (tcp.c).
 *
 * The SYN goes through stock's own scheduling like any other (fnat_splice_offer()),
 * so that binding (attach.c) meets it, and tcp.c, which starts the connection's
 * sequence numbers, hands over to fnat_splice_begin().
 */
#include <linux/slab.h>

#include "synproxy.h"

#define SYN_TIMEOUT		HZ	/* RFC 6298 2.1, doubled each time */
#define SYN_DOUBLED_MAX		5U	/* stock gives such a connection a minute */

/* The SYN that this CPU is sending through stock. */
struct splice_offer {
	const struct sk_buff *syn;
	struct fnat_splice *splice;
};

static DEFINE_PER_CPU(struct splice_offer, offers);

/* --- life time */

static void splice_free(struct fnat_splice *s)
{
	__skb_queue_purge(&s->held);
	dst_release(s->dst);
	kfree_rcu(s, rcu);
}

void fnat_splice_put(struct fnat_splice *s)
{
	if (refcount_dec_and_test(&s->refcnt))
		splice_free(s);
}

/* [lock] */
void fnat_splice_arm(struct fnat_splice *s, unsigned long delay)
{
	/* A timer that is pending has a reference. */
	refcount_inc(&s->refcnt);
	if (mod_timer(&s->timer, jiffies + delay))
		refcount_dec(&s->refcnt);
}

void fnat_splice_disarm(struct fnat_splice *s)
{
	if (timer_delete(&s->timer))
		fnat_splice_put(s);
}

/* The device of a route is about to go, or nobody will use it any more. */
void fnat_splice_forget_route(struct fnat_splice *s)
{
	if (s)
		dst_release(xchg(&s->dst, NULL));
}

/* The connection goes: the timer, when it is running, finds nothing to do. */
void fnat_splice_end(struct fnat_splice *s)
{
	if (!s)
		return;
	spin_lock_bh(&s->lock);
	/* A packet on another CPU is not to be held by it any more. */
	fnat_splice_give_up(s);
	s->conn = NULL;
	spin_unlock_bh(&s->lock);
	fnat_splice_disarm(s);
	fnat_splice_put(s);
}

/* --- sending */

/* @skb is in the client's words, as if it had just come from there. */
void fnat_splice_to_server(struct fnat_conn *c, struct sk_buff *skb,
			   unsigned int l4_off)
{
	struct ip_vs_conn *cp = c->cp;
	struct ip_vs_proto_data *pd = ip_vs_proto_data_get(cp->ipvs,
							   cp->protocol);
	struct dst_entry *dst;
	bool noref;

	if (pd)
		fnat_state_transition(pd->pp, cp, IP_VS_DIR_INPUT, skb, l4_off,
				      pd);
	dst = fnat_xmit_rewrite(c, FNAT_DIR_ORIG, skb, l4_off, &noref);
	if (!dst) {
		kfree_skb(skb);
		return;
	}
	fnat_stat_inc(c->fn, IN_PKTS);
	fnat_route_send(c, skb, dst, noref);
}

static unsigned int l4_offset(const struct fnat_conn *c)
{
	return c->tuple.af == AF_INET6 ? sizeof(struct ipv6hdr) :
					 sizeof(struct iphdr);
}

static void client_rewrite(const struct ip_vs_conn *cp,
			   struct fnat_rewrite *rw)
{
	rw->saddr = &cp->caddr;
	rw->daddr = &cp->vaddr;
	rw->sport = cp->cport;
	rw->dport = cp->vport;
}

static void syn_segment(const struct fnat_synopts *opts,
			struct fnat_segment *seg)
{
	unsigned int shift = opts->wscale == FNAT_NO_WSCALE ? 0 : opts->wscale;

	memset(seg, 0, sizeof(*seg));
	seg->seq = opts->isn;
	/* A SYN's window is never scaled. */
	seg->window = min_t(u32, (u32)opts->window << shift, U16_MAX);
	seg->flags = TCPHDR_SYN;
	seg->ttl = FNAT_OWN_TTL;
	seg->options_len = fnat_synopts_put(seg->options, opts, true);
}

/* In the client's name: a SYN, or the ACK that ends the handshake. */
void fnat_splice_send(struct fnat_conn *c, const struct fnat_splice *s, bool syn)
{
	struct fnat_segment seg;
	struct fnat_rewrite rw;
	struct sk_buff *skb;

	syn_segment(&s->opts, &seg);
	if (!syn) {
		seg.seq = s->opts.isn + 1;
		seg.ack = s->opts.cookie + 1;
		seg.window = READ_ONCE(s->opts.window);
		seg.flags = TCPHDR_ACK;
		seg.options_len = fnat_synopts_put(seg.options, &s->opts, false);
	}
	client_rewrite(c->cp, &rw);
	skb = fnat_segment_new(c->tuple.af, &rw, &seg);
	if (skb)
		fnat_splice_to_server(c, skb, l4_offset(c));
	else
		fnat_stat_inc(c->fn, NO_MEM);
}

/* A RST in the other side's name, to the receiver of direction @dir. */
void fnat_splice_rst(struct fnat_conn *c, enum fnat_dir dir, u32 seq)
{
	if (!fnat_rst_send(c, dir, seq))
		return;
	if (dir == FNAT_DIR_REPLY)
		fnat_stat_inc(c->fn, SYNPROXY_RST_CLIENT);
	else
		fnat_stat_inc(c->fn, SYNPROXY_RST_SERVER);
}

/* --- through stock's scheduling */

/* What @skb, which tcp.c starts a connection with, is the SYN of, or NULL. */
struct fnat_splice *fnat_splice_offered(const struct sk_buff *skb)
{
	/* On another CPU than that of the offer it is of another packet. */
	const struct splice_offer *offer = raw_cpu_ptr(&offers);

	return unlikely(offer->syn == skb) ? offer->splice : NULL;
}

/* No hook has taken it: the service is gone. */
static int unclaimed(struct net *net, struct sock *sk, struct sk_buff *skb)
{
	kfree_skb(skb);
	return 0;
}

/*
 * Sends a SYN in the client's words through LOCAL_IN, where stock schedules it
 * and we bind it. False: no connection has come of it.
 */
bool fnat_splice_offer(struct fnat_net *fn, struct fnat_splice *s,
		       struct sk_buff *syn, u16 af)
{
	struct splice_offer *offer;

	local_bh_disable();
	offer = this_cpu_ptr(&offers);
	offer->syn = syn;
	offer->splice = s;
	NF_HOOK(af, NF_INET_LOCAL_IN, fn->net, NULL, syn, syn->dev, NULL,
		unclaimed);
	offer->syn = NULL;
	local_bh_enable();
	return READ_ONCE(s->syns);
}

/* The client's SYN, made from what the cookie has kept of it. */
struct sk_buff *fnat_splice_syn(u16 af, const struct fnat_rewrite *rw,
				const struct fnat_synopts *opts)
{
	struct fnat_segment seg;

	syn_segment(opts, &seg);
	return fnat_segment_new(af, rw, &seg);
}

/*
 * The connection starts, or starts anew, with the SYN that was offered with @s,
 * or with one that nobody has proxied: NULL. [cp->lock]
 */
void fnat_splice_begin(struct fnat_conn *c, struct fnat_splice *s)
{
	struct fnat_tcp *tcp = &c->tcp;

	WRITE_ONCE(tcp->seq_delta[FNAT_DIR_REPLY], 0);
	WRITE_ONCE(tcp->ts_delta[FNAT_DIR_REPLY], 0);
	WRITE_ONCE(tcp->win_shift[FNAT_DIR_ORIG], 0);
	WRITE_ONCE(tcp->win_shift[FNAT_DIR_REPLY], 0);
	if (s) {
		refcount_inc(&s->refcnt);
		spin_lock(&s->lock);
		s->conn = c;
		s->syns = 1;
		fnat_splice_arm(s, SYN_TIMEOUT);
		spin_unlock(&s->lock);
	}
	/* Pairs with the address dependency of those who read it. */
	fnat_splice_end(xchg(&c->splice, s));
}

/*
 * A client that has got nothing of the real server's yet echoes a time stamp of
 * ours, from before the real server's first: it becomes that one, as a real
 * server may want to see it back (RFC 7323 3.2). False: leave it.
 */
bool fnat_splice_ts_floor(const struct fnat_conn *c, const struct tcphdr *th,
			  u32 *floor)
{
	const struct fnat_splice *s = READ_ONCE(c->splice);

	if (!s || !s->opts.ts || ntohl(th->ack_seq) != s->opts.cookie + 1)
		return false;
	*floor = s->server_ts;
	return true;
}

/* The scale that the client takes our windows to have. */
u8 fnat_splice_our_wscale(const struct fnat_conn *c)
{
	const struct fnat_splice *s = READ_ONCE(c->splice);

	return !s || s->opts.wscale == FNAT_NO_WSCALE ? 0 : s->opts.our_wscale;
}

/* --- when the real server does not want to, or is not there */

static void forget_client(struct fnat_conn *c, struct fnat_splice *s)
{
	fnat_stat_inc(c->fn, SYNPROXY_RS_ERROR);
	fnat_splice_rst(c, FNAT_DIR_REPLY, s->opts.cookie + 1);
	fnat_attach_expire(c->cp);
}

/*
 * Stock gives a client that comes again a real server anew when its connection
 * is closed, which a RST of the real server's makes it.
 */
static void close_conn(struct fnat_conn *c)
{
	struct fnat_segment rst = {
		.flags = TCPHDR_RST,
		.ttl = FNAT_OWN_TTL,
	};
	struct ip_vs_proto_data *pd;
	struct fnat_rewrite rw;
	struct sk_buff *skb;

	fnat_conn_rewrite(c, FNAT_DIR_REPLY, &rw);
	skb = fnat_segment_new(c->tuple.af, &rw, &rst);
	pd = ip_vs_proto_data_get(c->cp->ipvs, c->cp->protocol);
	if (skb && pd)
		fnat_state_transition(pd->pp, c->cp, IP_VS_DIR_OUTPUT, skb,
				      l4_offset(c), pd);
	kfree_skb(skb);
}

/* Resets the real server's half of a connection that its client begins anew. */
void fnat_splice_reset_server(struct fnat_conn *c)
{
	if (READ_ONCE(c->tcp.has_ack[FNAT_DIR_REPLY]))
		fnat_splice_rst(c, FNAT_DIR_ORIG,
				READ_ONCE(c->tcp.last_ack[FNAT_DIR_REPLY]));
	close_conn(c);
}

/* The same client once more, with what has been held. [not lock] */
static struct fnat_splice *copy(const struct fnat_net *fn,
				struct fnat_splice *old)
{
	struct fnat_splice *s = kzalloc(sizeof(*s), GFP_ATOMIC | __GFP_NOWARN);

	if (!s)
		return NULL;
	s->opts = old->opts;
	s->mark = old->mark;
	s->ifindex = old->ifindex;
	s->dst = xchg(&old->dst, NULL);
	s->next_tries = old->next_tries - 1;
	fnat_splice_init(s);
	spin_lock_bh(&old->lock);
	skb_queue_splice_init(&old->held, &s->held);
	spin_unlock_bh(&old->lock);
	return s;
}

/* Another real server, of stock's choice. */
static bool try_next(struct fnat_conn *c, struct fnat_splice *old)
{
	spinlock_t *lock = fnat_synproxy_lock(c->tuple.af, &c->cp->caddr,
					      c->cp->cport);
	struct fnat_net *fn = c->fn;
	u16 af = c->tuple.af;
	struct fnat_rewrite rw;
	struct dst_entry *dst;
	struct fnat_splice *s;
	struct sk_buff *syn;
	bool taken = false;

	if (!old->next_tries)
		return false;
	s = copy(fn, old);
	if (!s)
		return false;
	client_rewrite(c->cp, &rw);
	dst = READ_ONCE(s->dst);
	syn = dst ? fnat_splice_syn(af, &rw, &s->opts) : NULL;
	if (syn) {
		syn->dev = dev_get_by_index_rcu(fn->net, s->ifindex) ?:
			   fn->net->loopback_dev;
		syn->mark = s->mark;
		skb_dst_set(syn, dst_clone(dst));
		close_conn(c);
		spin_lock_bh(lock);
		taken = fnat_splice_offer(fn, s, syn, af);
		spin_unlock_bh(lock);
	}
	fnat_splice_put(s);
	return taken;
}

void fnat_splice_failed(struct fnat_conn *c, struct fnat_splice *s)
{
	if (try_next(c, s))
		fnat_stat_inc(c->fn, SYNPROXY_RS_NEXT);
	else
		forget_client(c, s);
}

/* [lock]: true when it is the caller's to do what follows. */
bool fnat_splice_give_up(struct fnat_splice *s)
{
	if (s->state != FNAT_SPLICE_WAITS || !s->conn)
		return false;
	/* Pairs with the acquires of the packets' paths. */
	smp_store_release(&s->state, FNAT_SPLICE_ENDED);
	return true;
}

/* The real server has not answered. */
static void resend(struct timer_list *t)
{
	struct fnat_splice *s = container_of(t, struct fnat_splice, timer);
	struct ip_vs_conn *cp = NULL;
	struct fnat_conn *c;
	bool failed = false;

	rcu_read_lock();
	spin_lock(&s->lock);
	c = s->conn;
	if (c && s->state == FNAT_SPLICE_WAITS && !READ_ONCE(c->fn->exiting))
		cp = fnat_attach_get_rcu(c);
	if (cp) {
		failed = s->syns > READ_ONCE(c->fn->sysctl.synproxy_syn_retry);
		if (failed) {
			fnat_splice_give_up(s);
		} else {
			fnat_splice_arm(s, SYN_TIMEOUT <<
					   min(s->syns, SYN_DOUBLED_MAX));
			s->syns++;
		}
	}
	spin_unlock(&s->lock);
	if (cp) {
		if (failed) {
			fnat_splice_failed(c, s);
		} else {
			fnat_stat_inc(c->fn, SYNPROXY_SYN_RESENT);
			fnat_splice_send(c, s, true);
		}
		/* Stock is to wait as long as we do. */
		if (failed)
			__ip_vs_conn_put(cp);
		else
			ip_vs_conn_put(cp);
	}
	rcu_read_unlock();
	fnat_splice_put(s);
}

void fnat_splice_init(struct fnat_splice *s)
{
	refcount_set(&s->refcnt, 1);
	spin_lock_init(&s->lock);
	__skb_queue_head_init(&s->held);
	timer_setup(&s->timer, resend, 0);
}

/* For the client whose ACK is @skb; NULL: no memory. */
struct fnat_splice *fnat_splice_new(const struct fnat_net *fn,
				    const struct sk_buff *skb,
				    const struct fnat_synopts *opts)
{
	struct fnat_splice *s = kzalloc(sizeof(*s), GFP_ATOMIC | __GFP_NOWARN);
	struct dst_entry *dst = skb_dst(skb);

	if (!s)
		return NULL;
	s->opts = *opts;
	s->mark = skb->mark;
	s->ifindex = skb->dev->ifindex;
	s->next_tries = READ_ONCE(fn->sysctl.synproxy_next_rs);
	/* One that nobody holds any more lives until the end of the packet. */
	if (s->next_tries && dst && dst_hold_safe(dst))
		s->dst = dst;
	fnat_splice_init(s);
	return s;
}
