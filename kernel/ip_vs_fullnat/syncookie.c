// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cookies: the kernel's own (its secret, its lifetime of one to two minutes),
 * which carry one of four MSS, and what else has to survive until the ACK.
 *
 * A client with time stamps echoes ours: its window scale, SACK, and the window
 * scale that we have told it are the low bits of it. One without gives less
 * room: SACK and one of three window scales are added to the cookie, so that
 * the check has to be made for each of them.
 */
#include <linux/ktime.h>
#include <linux/once.h>

#include "../common/tcpopt.h"
#include "synproxy.h"

/* Low bits of our time stamp. */
#define TS_WSCALE		0xf
#define TS_SACK			BIT(4)
#define TS_OUR_WSCALE_SHIFT	5
#define TS_BITS			9

/* A cookie's own data are 0 to 3 (msstab in net/ipv4/syncookies.c). */
#define COOKIE_MSS_COUNT	4
#define COOKIE_SACK		BIT(0)
#define COOKIE_WSCALE_SHIFT	1
#define COOKIE_EXTRA_COUNT	8

/* Segments of a first flight (RFC 6928). */
#define FIRST_FLIGHT		10
/* What IPv6 takes more: its header, and the longer TOA option. */
#define IPV6_EXTRA		(sizeof(struct ipv6hdr) - sizeof(struct iphdr) + 12)

/*
 * Without time stamps a client's scale is rounded down to one of these: the
 * real server then takes its windows for smaller than they are. 8 is Windows'.
 */
static const u8 wscales[] = { FNAT_NO_WSCALE, 2, 7, 8 };

/* In which order the extra data are tried. */
static const u8 extra_order[COOKIE_EXTRA_COUNT] = { 7, 1, 5, 0, 3, 2, 4, 6 };

/* Values for the options of one segment. */
struct opt_values {
	u32 tsval;
	u32 tsecr;
	u16 mss;			/* 0: none */
	u8 wscale;
	bool sack;
	bool ts;
};

/* In ms; real servers' are moved so that the client sees this one go on. */
u32 fnat_syncookie_clock(void)
{
	static u32 base __read_mostly;

	get_random_once(&base, sizeof(base));
	return base + (u32)ktime_to_ms(ktime_get_boottime());
}

static void read_options(const struct sk_buff *skb, unsigned int l4_off,
			 struct opt_values *v)
{
	u8 *th = skb->data + l4_off;
	unsigned int size = ((struct tcphdr *)th)->doff * 4 - sizeof(struct tcphdr);
	unsigned int pos = 0;
	struct tcpopt opt;

	memset(v, 0, sizeof(*v));
	v->wscale = FNAT_NO_WSCALE;
	while (tcpopt_next(th + sizeof(struct tcphdr), size, &pos, &opt)) {
		switch (opt.data[0]) {
		case TCPOPT_MSS:
			if (opt.len == TCPOLEN_MSS)
				v->mss = get_unaligned_be16(opt.data + 2);
			break;
		case TCPOPT_WINDOW:
			if (opt.len == TCPOLEN_WINDOW)
				v->wscale = min_t(u8, opt.data[2],
						  FNAT_WSCALE_MAX);
			break;
		case TCPOPT_SACK_PERM:
			v->sack |= opt.len == TCPOLEN_SACK_PERM;
			break;
		case TCPOPT_TIMESTAMP:
			if (opt.len != TCPOLEN_TIMESTAMP)
				break;
			v->ts = true;
			v->tsval = get_unaligned_be32(opt.data + 2);
			v->tsecr = get_unaligned_be32(opt.data + 6);
			break;
		}
	}
}

/* Returns their length; there is room for FNAT_TCP_OPTIONS_MAX. */
static unsigned int put_options(u8 *at, const struct opt_values *v)
{
	u8 *p = at;

	if (v->mss) {
		*p++ = TCPOPT_MSS;
		*p++ = TCPOLEN_MSS;
		put_unaligned_be16(v->mss, p);
		p += 2;
	}
	if (v->ts || v->sack) {
		*p++ = v->sack ? TCPOPT_SACK_PERM : TCPOPT_NOP;
		*p++ = v->sack ? TCPOLEN_SACK_PERM : TCPOPT_NOP;
	}
	if (v->ts) {
		*p++ = TCPOPT_TIMESTAMP;
		*p++ = TCPOLEN_TIMESTAMP;
		put_unaligned_be32(v->tsval, p);
		put_unaligned_be32(v->tsecr, p + 4);
		p += 8;
	} else if (v->sack) {
		*p++ = TCPOPT_NOP;
		*p++ = TCPOPT_NOP;
	}
	if (v->wscale != FNAT_NO_WSCALE) {
		*p++ = TCPOPT_NOP;
		*p++ = TCPOPT_WINDOW;
		*p++ = TCPOLEN_WINDOW;
		*p++ = v->wscale;
	}
	return p - at;
}

/* The client's options, for a SYN to the real server or for what follows it. */
unsigned int fnat_synopts_put(u8 *at, const struct fnat_synopts *opts,
			      bool with_syn)
{
	struct opt_values v = {
		.tsval = opts->tsval,
		.tsecr = with_syn ? 0 : opts->tsecr,
		.mss = with_syn ? opts->mss : 0,
		.wscale = with_syn ? opts->wscale : FNAT_NO_WSCALE,
		.sack = with_syn && opts->sack,
		.ts = opts->ts,
	};

	return put_options(at, &v);
}

/* Never ahead of the clock, so that what real servers send later has grown. */
static u32 ts_with_options(const struct opt_values *client, u8 our_wscale)
{
	u32 now = fnat_syncookie_clock();
	u32 low = client->wscale | (client->sack ? TS_SACK : 0) |
		  our_wscale << TS_OUR_WSCALE_SHIFT;
	u32 ts = (now & ~(BIT(TS_BITS) - 1)) | low;

	return after(ts, now) ? ts - BIT(TS_BITS) : ts;
}

static void ts_read_options(u32 ts, struct fnat_synopts *opts)
{
	opts->sack = ts & TS_SACK;
	opts->wscale = ts & TS_WSCALE;
	opts->our_wscale = (ts >> TS_OUR_WSCALE_SHIFT) & TS_WSCALE;
}

/* Rounds the scale down; returns what is added to the cookie. */
static u32 extra_of(struct opt_values *client)
{
	unsigned int i = 0, scale = client->wscale;

	if (scale != FNAT_NO_WSCALE)
		while (i + 1 < ARRAY_SIZE(wscales) && scale >= wscales[i + 1])
			i++;
	client->wscale = wscales[i];
	return (i << COOKIE_WSCALE_SHIFT | (client->sack ? COOKIE_SACK : 0)) *
	       COOKIE_MSS_COUNT;
}

static u32 cookie_init(const struct sk_buff *skb, u16 af,
		       const struct tcphdr *th, u16 *mss)
{
	if (af == AF_INET6)
		return __cookie_v6_init_sequence(ipv6_hdr(skb), th, mss);
	return __cookie_v4_init_sequence(ip_hdr(skb), th, mss);
}

/* Is it the one for a SYN of @isn? Returns the MSS, or 0. */
static u16 cookie_check(const struct sk_buff *skb, u16 af,
			const struct tcphdr *th, u32 isn, u32 cookie)
{
	struct tcphdr t = {
		.source = th->source,
		.dest = th->dest,
		.seq = htonl(isn + 1),
		.ack_seq = htonl(cookie + 1),
	};

	if (af == AF_INET6)
		return fnat_cookie_v6_check(ipv6_hdr(skb), &t);
	return fnat_cookie_v4_check(ip_hdr(skb), &t);
}

/* What we tell the client of the real server's side. */
static void our_options(const struct fnat_net *fn, u16 af,
			const struct opt_values *client, u8 our_wscale,
			struct opt_values *ours)
{
	ours->mss = READ_ONCE(fn->sysctl.synproxy_init_mss);
	if (af == AF_INET6)
		ours->mss -= IPV6_EXTRA;
	ours->sack = client->sack;
	ours->ts = client->ts;
	ours->tsval = client->ts ? ts_with_options(client, our_wscale) : 0;
	ours->tsecr = client->tsval;
	ours->wscale = client->wscale == FNAT_NO_WSCALE ? FNAT_NO_WSCALE :
							  our_wscale;
}

/* As much as is held for a real server that has not answered yet. */
static u16 first_window(const struct fnat_net *fn, u16 mss)
{
	int segments = READ_ONCE(fn->sysctl.synproxy_store_thresh);

	return min_t(u32, max(segments, 1) * mss, U16_MAX);
}

/* The SYN-ACK that answers the SYN in @skb, whose TCP header is linear. */
void fnat_syncookie_make(const struct fnat_net *fn, struct sk_buff *skb, u16 af,
			 unsigned int l4_off, struct fnat_segment *seg)
{
	const struct fnat_sysctl *sysctl = &fn->sysctl;
	u8 our_wscale = READ_ONCE(sysctl->synproxy_wscale);
	struct opt_values client, ours;
	const struct tcphdr *th;
	u32 extra = 0;
	u16 mss;

	read_options(skb, l4_off, &client);
	th = (struct tcphdr *)(skb->data + l4_off);
	client.sack = client.sack && READ_ONCE(sysctl->synproxy_sack);
	client.ts = client.ts && READ_ONCE(sysctl->synproxy_timestamp) &&
		    !READ_ONCE(sysctl->timestamp_remove);
	if (!our_wscale)
		client.wscale = FNAT_NO_WSCALE;
	if (!client.ts)
		extra = extra_of(&client);
	mss = client.mss ?: FNAT_TCP_MSS_MIN;

	seg->seq = cookie_init(skb, af, th, &mss) + extra;
	seg->ack = ntohl(th->seq) + 1;
	seg->flags = TCPHDR_SYN | TCPHDR_ACK;
	seg->ttl = READ_ONCE(sysctl->synproxy_synack_ttl);
	our_options(fn, af, &client, our_wscale, &ours);
	seg->window = first_window(fn, ours.mss);
	seg->options_len = put_options(seg->options, &ours);
}

/*
 * Does the segment in @skb, whose TCP header is linear, acknowledge a cookie
 * of ours and begin right behind the SYN? Fills @opts.
 */
bool fnat_syncookie_check(const struct fnat_net *fn, const struct sk_buff *skb,
			  u16 af, unsigned int l4_off,
			  struct fnat_synopts *opts)
{
	const struct tcphdr *th = (struct tcphdr *)(skb->data + l4_off);
	struct opt_values v;
	unsigned int i;

	read_options(skb, l4_off, &v);
	opts->isn = ntohl(th->seq) - 1;
	opts->cookie = ntohl(th->ack_seq) - 1;
	opts->window = ntohs(th->window);
	opts->ts = v.ts;
	opts->tsval = v.tsval;
	opts->tsecr = v.tsecr;
	if (v.ts) {
		ts_read_options(v.tsecr, opts);
		opts->mss = cookie_check(skb, af, th, opts->isn, opts->cookie);
		return opts->mss;
	}
	for (i = 0; i < COOKIE_EXTRA_COUNT; i++) {
		u32 extra = extra_order[i];

		opts->sack = extra & COOKIE_SACK;
		opts->wscale = wscales[extra >> COOKIE_WSCALE_SHIFT];
		opts->our_wscale = READ_ONCE(fn->sysctl.synproxy_wscale);
		opts->mss = cookie_check(skb, af, th, opts->isn, opts->cookie -
					 extra * COOKIE_MSS_COUNT);
		if (opts->mss)
			return true;
	}
	return false;
}

/*
 * A segment of a first flight that has overtaken the first one: full segments
 * before it would lead to a good cookie. It is not proof enough to connect, but
 * reason not to reset a client that is about to send again.
 */
bool fnat_syncookie_is_early(const struct sk_buff *skb, u16 af,
			     const struct tcphdr *th, unsigned int payload)
{
	unsigned int size = skb_is_gso(skb) ? skb_shinfo(skb)->gso_size :
					      payload;
	u32 cookie = ntohl(th->ack_seq) - 1;
	unsigned int i, extra;
	u32 isn;

	if (!size)
		return false;
	for (i = 1; i < FIRST_FLIGHT; i++) {
		isn = ntohl(th->seq) - 1 - i * size;
		for (extra = 0; extra < COOKIE_EXTRA_COUNT; extra++)
			if (cookie_check(skb, af, th, isn, cookie -
					 extra * COOKIE_MSS_COUNT))
				return true;
	}
	return false;
}

