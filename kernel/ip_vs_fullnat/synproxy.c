// SPDX-License-Identifier: GPL-2.0-only
/*
 * SYNPROXY, the client's side. A SYN to a proxied service is answered with a
 * cookie before routing and conntrack see it, and forgotten. What comes back
 * with a good cookie is a client that exists: its SYN is made anew and goes
 * through stock to a real server (splice.c).
 */
#include <linux/inetdevice.h>
#include <linux/jhash.h>
#include <net/addrconf.h>
#include <net/ip.h>

#include "synproxy.h"

#define CONNECT_LOCKS		256

/* Far outside the window of a client that lives: it says so and no more. */
#define CHALLENGE_SEQ		0x1000000

/* RST and challenges of one CPU in a second of jiffies. */
struct fnat_synproxy_limit {
	unsigned long since;
	unsigned int sent;
};

/*
 * An ACK and the data behind it may be on two CPUs: one of them makes the
 * connection, the other one finds it.
 */
static spinlock_t connect_locks[CONNECT_LOCKS];

/* --- which services */

static bool lookup(const struct fnat_svc_key *key, bool *found)
{
	const struct fnat_svc *svc = fnat_svc_find_rcu(key);

	*found = svc;
	return svc && READ_ONCE(svc->synproxy);
}

/* As stock looks services up: by mark, by port, by any port. */
static bool is_proxied(const struct fnat_net *fn, const struct sk_buff *skb,
		       u16 af, const struct ip_vs_iphdr *iph, __be16 vport)
{
	struct fnat_svc_key key = {
		.fn = fn,
		.af = af,
		.fwmark = skb->mark,
	};
	bool found = false, proxied;

	if (!READ_ONCE(fn->synproxies))
		return false;
	if (key.fwmark) {
		proxied = lookup(&key, &found);
		if (found)
			return proxied;
		key.fwmark = 0;
	}
	key.protocol = IPPROTO_TCP;
	key.vport = vport;
	ip_vs_addr_copy(af, &key.vip, &iph->daddr);
	proxied = lookup(&key, &found);
	if (found)
		return proxied;
	key.vport = 0;
	return lookup(&key, &found);
}

/* --- answers besides the cookie */

/* No lock: packets of one CPU are what it counts. */
static bool within_limit(struct fnat_net *fn)
{
	struct fnat_synproxy_limit *limit;
	bool within;

	local_bh_disable();
	limit = this_cpu_ptr(fn->synproxy_limit);
	if (time_after(jiffies, limit->since + HZ)) {
		limit->since = jiffies;
		limit->sent = 0;
	}
	within = limit->sent < READ_ONCE(fn->sysctl.synproxy_rst_rate);
	limit->sent += within;
	local_bh_enable();
	if (!within)
		fnat_stat_inc(fn, SYNPROXY_RST_LIMITED);
	return within;
}

/* Tells the client that there is no such connection. Takes @skb. */
static unsigned int reset(struct fnat_net *fn, struct sk_buff *skb, u16 af,
			  const struct ip_vs_iphdr *iph, u32 seq)
{
	struct fnat_segment seg = {
		.seq = seq,
		.flags = TCPHDR_RST,
		.ttl = READ_ONCE(fn->sysctl.synproxy_synack_ttl),
	};

	if (!fnat_answer(fn, skb, af, iph, &seg))
		return fnat_drop(fn, SYNPROXY_ANSWER_FAIL);
	fnat_stat_inc(fn, SYNPROXY_RST_CLIENT);
	return NF_STOLEN;
}

/* --- SYN */

static bool source_is_sane(u16 af, const struct ip_vs_iphdr *iph)
{
	__be32 ip = iph->saddr.ip;

	/* IPv6 has been looked at by ipv6_rcv(). */
	if (af == AF_INET6)
		return !ipv6_addr_any(&iph->saddr.in6);
	return !ipv4_is_zeronet(ip) && !ipv4_is_loopback(ip) &&
	       !ipv4_is_multicast(ip) && !ipv4_is_lbcast(ip);
}

static bool may_reuse(const struct fnat_sysctl *sysctl, int state)
{
	if (!READ_ONCE(sysctl->synproxy_conn_reuse))
		return false;
	switch (state) {
	case IP_VS_TCP_S_CLOSE:
		return READ_ONCE(sysctl->synproxy_reuse_close);
	case IP_VS_TCP_S_TIME_WAIT:
		return READ_ONCE(sysctl->synproxy_reuse_time_wait);
	case IP_VS_TCP_S_FIN_WAIT:
		return READ_ONCE(sysctl->synproxy_reuse_fin_wait);
	case IP_VS_TCP_S_CLOSE_WAIT:
		return READ_ONCE(sysctl->synproxy_reuse_close_wait);
	case IP_VS_TCP_S_LAST_ACK:
		return READ_ONCE(sysctl->synproxy_reuse_last_ack);
	}
	return false;
}

/*
 * RFC 5961 4.2: a client that has really forgotten its connection resets it
 * with what it makes of this, and its next SYN finds it closed.
 */
static unsigned int challenge(struct fnat_net *fn, struct sk_buff *skb, u16 af,
			      const struct ip_vs_iphdr *iph,
			      const struct fnat_conn *c)
{
	const struct fnat_tcp *tcp = &c->tcp;
	struct fnat_segment seg = {
		.seq = READ_ONCE(tcp->last_ack[FNAT_DIR_ORIG]) - CHALLENGE_SEQ,
		.ack = READ_ONCE(tcp->last_ack[FNAT_DIR_REPLY]) -
		       READ_ONCE(tcp->seq_delta[FNAT_DIR_ORIG]),
		.flags = TCPHDR_ACK,
		.ttl = READ_ONCE(fn->sysctl.synproxy_synack_ttl),
	};

	if (!READ_ONCE(tcp->has_ack[FNAT_DIR_ORIG]) ||
	    !READ_ONCE(tcp->has_ack[FNAT_DIR_REPLY]) || !within_limit(fn))
		return NF_DROP;
	return fnat_answer(fn, skb, af, iph, &seg) ? NF_STOLEN : NF_DROP;
}

/* A handshake that began before the service was proxied goes on as it was. */
static bool is_plain_handshake(const struct ip_vs_conn *cp,
			       const struct fnat_conn *c)
{
	return (cp->state == IP_VS_TCP_S_SYN_RECV ||
		cp->state == IP_VS_TCP_S_NONE) && !(c && READ_ONCE(c->splice));
}

/* The sync daemon has brought it: no packet can use it, see refuse(). */
static bool is_of_nobody(const struct ip_vs_conn *cp, const struct fnat_conn *c)
{
	return !c && IP_VS_FWD_METHOD(cp) == FNAT_FWD_METHOD &&
	       !is_plain_handshake(cp, c);
}

/* True: there is a connection that the SYN cannot replace; see @verdict. */
static bool meets_live(struct fnat_net *fn, struct sk_buff *skb, u16 af,
		       const struct ip_vs_iphdr *iph, unsigned int *verdict)
{
	struct ip_vs_conn *cp = ip_vs_conn_in_get_proto(net_ipvs(fn->net), af,
							skb, iph);
	struct fnat_conn *c;

	if (!cp)
		return false;
	c = fnat_attach_conn(cp);
	if (is_of_nobody(cp, c)) {
		/* The ACK of the cookie would find it in our connection's place. */
		fnat_attach_expire(cp);
		__ip_vs_conn_put(cp);
		return false;
	}
	if (may_reuse(&fn->sysctl, cp->state)) {
		__ip_vs_conn_put(cp);
		return false;
	}
	if (is_plain_handshake(cp, c)) {
		*verdict = NF_ACCEPT;
	} else {
		fnat_stat_inc(fn, SYNPROXY_SYN_LIVE);
		*verdict = c ? challenge(fn, skb, af, iph, c) : NF_DROP;
	}
	__ip_vs_conn_put(cp);
	return true;
}

static unsigned int answer_syn(struct fnat_net *fn, struct sk_buff *skb, u16 af,
			       const struct ip_vs_iphdr *iph,
			       const struct tcphdr *th)
{
	struct fnat_segment seg;
	unsigned int verdict;

	if (th->ack || th->rst || th->fin || th->doff * 4 < sizeof(*th) ||
	    !source_is_sane(af, iph) ||
	    nf_checksum(skb, NF_INET_PRE_ROUTING, iph->len, IPPROTO_TCP, af) ||
	    !pskb_may_pull(skb, iph->len + th->doff * 4))
		return fnat_drop(fn, SYNPROXY_BAD_SYN);
	if (meets_live(fn, skb, af, iph, &verdict))
		return verdict;
	fnat_syncookie_make(fn, skb, af, iph->len, &seg);
	if (!fnat_answer(fn, skb, af, iph, &seg))
		return fnat_drop(fn, SYNPROXY_ANSWER_FAIL);
	fnat_stat_inc(fn, SYNPROXY_SYN_CNT);
	return NF_STOLEN;
}

/* An address that the host has; others may be somebody else's. */
static bool is_own(struct net *net, u16 af, const struct ip_vs_iphdr *iph)
{
	if (af == AF_INET6)
		return ipv6_chk_addr(net, &iph->daddr.in6, NULL, 0);
	return __ip_dev_find(net, iph->daddr.ip, false);
}

static bool is_tcp(const struct sk_buff *skb, u16 af)
{
	if (af == AF_INET6)
		return ipv6_hdr(skb)->nexthdr == IPPROTO_TCP ||
		       ipv6_ext_hdr(ipv6_hdr(skb)->nexthdr);
	return ip_hdr(skb)->protocol == IPPROTO_TCP;
}

static const struct tcphdr *find_tcp(const struct sk_buff *skb, u16 af,
				     struct ip_vs_iphdr *iph,
				     struct tcphdr *buf)
{
	if (!is_tcp(skb, af) || !ip_vs_fill_iph_skb(af, skb, false, iph) ||
	    iph->fragoffs || iph->protocol != IPPROTO_TCP)
		return NULL;
	return skb_header_pointer(skb, iph->len, sizeof(*buf), buf);
}

static bool is_whole(const struct sk_buff *skb, u16 af)
{
	return af == AF_INET6 || !ip_is_fragment(ip_hdr(skb));
}

/*
 * PRE_ROUTING: SYNs to addresses of the host. What is not seen to be one here,
 * by its mark, its address or because it is in pieces, is by the guard.
 */
unsigned int fnat_synproxy_in(struct fnat_net *fn, struct sk_buff *skb, u16 af)
{
	struct netns_ipvs *ipvs = net_ipvs(fn->net);
	const struct tcphdr *th;
	struct ip_vs_iphdr iph;
	struct tcphdr buf;

	if (!ipvs->enable || sysctl_backup_only(ipvs) ||
	    skb->dev->flags & IFF_LOOPBACK || !is_whole(skb, af))
		return NF_ACCEPT;
	th = find_tcp(skb, af, &iph, &buf);
	if (!th || likely(!th->syn) || !is_own(fn->net, af, &iph) ||
	    !is_proxied(fn, skb, af, &iph, th->dest))
		return NF_ACCEPT;
	return answer_syn(fn, skb, af, &iph, th);
}

/* --- ACK */

static void count_reuse(struct fnat_net *fn, int state)
{
	fnat_stat_inc(fn, SYNPROXY_REUSED);
	switch (state) {
	case IP_VS_TCP_S_CLOSE:
		fnat_stat_inc(fn, SYNPROXY_REUSED_CLOSE);
		break;
	case IP_VS_TCP_S_TIME_WAIT:
		fnat_stat_inc(fn, SYNPROXY_REUSED_TIME_WAIT);
		break;
	case IP_VS_TCP_S_FIN_WAIT:
		fnat_stat_inc(fn, SYNPROXY_REUSED_FIN_WAIT);
		break;
	case IP_VS_TCP_S_CLOSE_WAIT:
		fnat_stat_inc(fn, SYNPROXY_REUSED_CLOSE_WAIT);
		break;
	case IP_VS_TCP_S_LAST_ACK:
		fnat_stat_inc(fn, SYNPROXY_REUSED_LAST_ACK);
	}
}

/* Why has stock, or the binding, made no connection of the SYN? */
static void count_no_server(struct fnat_net *fn, struct sk_buff *skb, u16 af,
			    const struct ip_vs_iphdr *iph)
{
	struct ip_vs_conn *cp = ip_vs_conn_in_get_proto(net_ipvs(fn->net), af,
							skb, iph);

	if (!cp) {
		fnat_stat_inc(fn, SYNPROXY_NO_DEST);
		return;
	}
	/* What has refused to bind it has counted that. */
	if (IP_VS_FWD_METHOD(cp) != FNAT_FWD_METHOD)
		fnat_stat_inc(fn, SYNPROXY_BAD_DEST);
	fnat_attach_expire(cp);
	__ip_vs_conn_put(cp);
}

/* The client's SYN, to go through stock as the ACK @skb did. */
static struct sk_buff *make_syn(struct sk_buff *skb, u16 af,
				const struct ip_vs_iphdr *iph,
				const struct tcphdr *th,
				const struct fnat_synopts *opts)
{
	struct fnat_rewrite rw = {
		.saddr = &iph->saddr,
		.daddr = &iph->daddr,
		.sport = th->source,
		.dport = th->dest,
	};
	struct sk_buff *syn = fnat_splice_syn(af, &rw, opts);

	if (!syn)
		return NULL;
	syn->dev = skb->dev;
	syn->skb_iif = skb->skb_iif;
	syn->mark = skb->mark;
	syn->priority = skb->priority;
	nf_copy(syn, skb);
	skb_dst_copy(syn, skb);
	return syn;
}

/* Held by who makes a connection of this client's. */
spinlock_t *fnat_synproxy_lock(u16 af, const union nf_inet_addr *caddr,
			       __be16 cport)
{
	u32 hash = jhash_2words((__force u32)cport,
				(__force u32)caddr->all[af == AF_INET6 ? 3 : 0],
				0);

	return &connect_locks[hash % CONNECT_LOCKS];
}

/*
 * A segment that is on another CPU than the ACK before it may find a connection
 * that is half made: waits for the CPU that makes it.
 */
void fnat_synproxy_settle(const struct ip_vs_conn *cp,
			  const struct sk_buff *skb,
			  const struct ip_vs_iphdr *iph)
{
	spinlock_t *lock = fnat_synproxy_lock(cp->af, &cp->caddr, cp->cport);
	const struct tcphdr *th;
	struct tcphdr buf;

	if (!READ_ONCE(fnat_net(cp->ipvs->net)->synproxies))
		return;
	th = skb_header_pointer(skb, iph->len, sizeof(buf), &buf);
	/* The SYN is what the connection is being made with. */
	if (!th || th->syn)
		return;
	spin_lock_bh(lock);
	spin_unlock_bh(lock);
}

/* The connection that another packet of the client's has made, held, or NULL. */
static struct ip_vs_conn *find_made(struct fnat_net *fn, struct sk_buff *skb,
				    u16 af, const struct ip_vs_iphdr *iph,
				    const struct fnat_synopts *opts)
{
	struct ip_vs_conn *cp = ip_vs_conn_in_get_proto(net_ipvs(fn->net), af,
							skb, iph);
	struct fnat_conn *c = cp ? fnat_attach_conn(cp) : NULL;
	const struct fnat_splice *s = c ? READ_ONCE(c->splice) : NULL;

	if (s && s->opts.isn == opts->isn && s->opts.cookie == opts->cookie)
		return cp;
	if (cp)
		__ip_vs_conn_put(cp);
	return NULL;
}

/* The first packet of @s's connection: what it says besides that it is there. */
static unsigned int keep_content(struct fnat_net *fn, struct sk_buff *skb,
				 u16 af, struct ip_vs_iphdr *iph,
				 const struct tcphdr *th,
				 struct fnat_splice *s)
{
	struct ip_vs_conn *cp;
	unsigned int verdict;
	int err;

	if (!th->fin && skb->len <= iph->len + th->doff * 4) {
		consume_skb(skb);
		return NF_STOLEN;
	}
	err = fnat_splice_hold(fn, s, skb);
	if (err == -ENOSPC)
		return fnat_drop(fn, SYNPROXY_HELD_FULL);
	if (!err)
		return NF_STOLEN;
	/* The real server was quicker: it goes on as what follows does. */
	cp = find_made(fn, skb, af, iph, &s->opts);
	if (!cp)
		return fnat_drop(fn, SYNPROXY_LATE);
	verdict = fnat_xmit(skb, cp, NULL, iph);
	__ip_vs_conn_put(cp);
	return verdict;
}

static unsigned int connect(struct fnat_net *fn, struct sk_buff *skb, u16 af,
			    struct ip_vs_iphdr *iph, const struct tcphdr *th,
			    const struct fnat_synopts *opts)
{
	struct fnat_splice *s = fnat_splice_new(fn, skb, opts);
	struct sk_buff *syn = s ? make_syn(skb, af, iph, th, opts) : NULL;
	spinlock_t *lock = fnat_synproxy_lock(af, &iph->saddr, th->source);
	struct ip_vs_conn *made = NULL;
	unsigned int verdict;
	bool taken = false;

	if (!syn) {
		verdict = fnat_drop(fn, NO_MEM);
		goto out;
	}
	spin_lock_bh(lock);
	made = find_made(fn, skb, af, iph, opts);
	if (!made)
		taken = fnat_splice_offer(fn, s, syn, af);
	spin_unlock_bh(lock);
	if (made) {
		kfree_skb(syn);
		verdict = fnat_xmit(skb, made, NULL, iph);
		__ip_vs_conn_put(made);
	} else if (taken) {
		verdict = keep_content(fn, skb, af, iph, th, s);
	} else {
		count_no_server(fn, skb, af, iph);
		verdict = reset(fn, skb, af, iph, opts->cookie + 1);
	}
out:
	if (s)
		fnat_splice_put(s);
	return verdict;
}

static unsigned int refuse(struct fnat_net *fn, struct sk_buff *skb, u16 af,
			   const struct ip_vs_iphdr *iph,
			   const struct tcphdr *th)
{
	unsigned int payload = skb->len - iph->len - th->doff * 4;

	fnat_stat_inc(fn, SYNPROXY_BAD_ACK);
	/* One with FIN is about to go anyway. */
	if (!READ_ONCE(fn->sysctl.synproxy_bad_ack_rst) || th->fin ||
	    !within_limit(fn) ||
	    fnat_syncookie_is_early(skb, af, th, payload))
		return NF_DROP;
	return reset(fn, skb, af, iph, ntohl(th->ack_seq));
}

static const struct tcphdr *pull_tcp(struct sk_buff *skb, u16 af,
				     const struct ip_vs_iphdr *iph)
{
	const struct tcphdr *th;

	if (!pskb_may_pull(skb, iph->len + sizeof(*th)))
		return NULL;
	th = (struct tcphdr *)(skb->data + iph->len);
	if (th->doff * 4 < sizeof(*th) ||
	    !pskb_may_pull(skb, iph->len + th->doff * 4) ||
	    nf_checksum(skb, NF_INET_LOCAL_IN, iph->len, IPPROTO_TCP, af))
		return NULL;
	return (struct tcphdr *)(skb->data + iph->len);
}

/* LOCAL_IN: a packet that belongs to no connection that stock has. */
unsigned int fnat_synproxy_ack(struct fnat_net *fn, struct sk_buff *skb, u16 af,
			       struct ip_vs_iphdr *iph)
{
	struct fnat_synopts opts;
	const struct tcphdr *th;
	struct tcphdr buf;

	th = skb_header_pointer(skb, iph->len, sizeof(buf), &buf);
	if (!th || !th->ack || th->syn || th->rst ||
	    !is_proxied(fn, skb, af, iph, th->dest))
		return NF_ACCEPT;
	th = pull_tcp(skb, af, iph);
	if (!th)
		return fnat_drop(fn, BAD_HEADER);
	if (READ_ONCE(fn->sysctl.synproxy_defer) && !th->fin &&
	    skb->len <= iph->len + th->doff * 4)
		return fnat_drop(fn, SYNPROXY_NULL_ACK);
	if (!fnat_syncookie_check(fn, skb, af, iph->len, &opts))
		return refuse(fn, skb, af, iph, th);
	fnat_stat_inc(fn, SYNPROXY_OK_ACK);
	return connect(fn, skb, af, iph, th, &opts);
}

/* The header of @skb if it is the ACK of a cookie, and what that says, or NULL. */
static const struct tcphdr *find_cookie(struct fnat_net *fn,
					struct sk_buff *skb, u16 af,
					const struct ip_vs_iphdr *iph,
					struct fnat_synopts *opts)
{
	const struct tcphdr *th;
	struct tcphdr buf;

	th = skb_header_pointer(skb, iph->len, sizeof(buf), &buf);
	if (!th || !th->ack || th->syn || th->rst ||
	    !is_proxied(fn, skb, af, iph, th->dest))
		return NULL;
	th = pull_tcp(skb, af, iph);
	return th && fnat_syncookie_check(fn, skb, af, iph->len, opts) ?
	       th : NULL;
}

/*
 * A packet of a connection that the sync daemon has brought: the ACK of a new
 * one from the same port? Takes @skb, or returns NF_ACCEPT.
 */
unsigned int fnat_synproxy_instead(struct fnat_net *fn, struct sk_buff *skb,
				   u16 af, struct ip_vs_iphdr *iph)
{
	struct fnat_synopts opts;
	const struct tcphdr *th;

	if (!READ_ONCE(fn->synproxies))
		return NF_ACCEPT;
	th = find_cookie(fn, skb, af, iph, &opts);
	if (!th)
		return NF_ACCEPT;
	fnat_stat_inc(fn, SYNPROXY_OK_ACK);
	return connect(fn, skb, af, iph, th, &opts);
}

/*
 * A packet of a client whose connection @c has ended: the ACK of a new one from
 * the same port? Takes @skb, or returns NF_ACCEPT.
 */
unsigned int fnat_synproxy_again(struct fnat_conn *c, struct sk_buff *skb,
				 struct ip_vs_iphdr *iph)
{
	const struct fnat_splice *old = READ_ONCE(c->splice);
	struct ip_vs_conn *cp = c->cp;
	u16 af = c->tuple.af, state = cp->state;
	struct fnat_synopts opts;
	const struct tcphdr *th;
	unsigned int verdict;

	if (!may_reuse(&c->fn->sysctl, state))
		return NF_ACCEPT;
	th = find_cookie(c->fn, skb, af, iph, &opts);
	/* That of the old connection, once more. */
	if (!th || (old && ntohl(th->seq) == old->opts.isn + 1))
		return NF_ACCEPT;
	fnat_stat_inc(c->fn, SYNPROXY_OK_ACK);
	count_reuse(c->fn, state);
	if (state != IP_VS_TCP_S_CLOSE && state != IP_VS_TCP_S_TIME_WAIT)
		fnat_splice_reset_server(c);
	verdict = connect(c->fn, skb, af, iph, th, &opts);
	/* Stock restarts the timer of the connection that it had found. */
	if (fnat_attach_conn(cp) == c && READ_ONCE(c->splice) == old)
		fnat_attach_expire(cp);
	return verdict;
}

/*
 * LOCAL_IN, before stock: nothing but a cookie leads to a real server of a
 * proxied service, whatever stock is set to schedule.
 */
unsigned int fnat_synproxy_guard(struct fnat_net *fn, struct sk_buff *skb,
				 u16 af)
{
	struct netns_ipvs *ipvs = net_ipvs(fn->net);
	const struct tcphdr *th;
	struct ip_vs_iphdr iph;
	struct ip_vs_conn *cp;
	struct tcphdr buf;

	if (!ipvs->enable || sysctl_backup_only(ipvs) ||
	    skb->dev->flags & IFF_LOOPBACK)
		return NF_ACCEPT;
	th = find_tcp(skb, af, &iph, &buf);
	if (!th || (likely(!th->syn) && likely(!sysctl_sloppy_tcp(ipvs))))
		return NF_ACCEPT;
	if (th->syn) {
		if (fnat_splice_offered(skb) ||
		    !is_proxied(fn, skb, af, &iph, th->dest))
			return NF_ACCEPT;
		return answer_syn(fn, skb, af, &iph, th);
	}
	cp = ip_vs_conn_in_get_proto(ipvs, af, skb, &iph);
	if (!cp)
		return fnat_synproxy_ack(fn, skb, af, &iph);
	__ip_vs_conn_put(cp);
	return NF_ACCEPT;
}

void fnat_synproxy_init(void)
{
	unsigned int i;

	for (i = 0; i < CONNECT_LOCKS; i++)
		spin_lock_init(&connect_locks[i]);
}

int fnat_synproxy_net_init(struct fnat_net *fn)
{
	fn->synproxy_limit = alloc_percpu(struct fnat_synproxy_limit);
	return fn->synproxy_limit ? 0 : -ENOMEM;
}

void fnat_synproxy_net_free(struct fnat_net *fn)
{
	free_percpu(fn->synproxy_limit);
}
