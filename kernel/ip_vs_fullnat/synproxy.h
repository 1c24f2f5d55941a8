/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SYNPROXY: the director answers SYNs itself, without keeping anything, and
 * goes to a real server only for a client that has answered back.
 *
 *   synproxy.c		packets of the client's side: SYN, and ACK with a cookie
 *   syncookie.c	what of a SYN's options the cookie carries
 *   answer.c		the received packet, turned round
 *   splice.c		a proxied connection: its SYN, its timer, its end
 *   splice_join.c	its packets until the real server has answered
 *   tcp.c		how its segments differ between the two sides
 */
#ifndef FNAT_SYNPROXY_H
#define FNAT_SYNPROXY_H

#include <linux/timer.h>

#include "segment.h"

/* In place of a shift: the option was not there (RFC 7323 allows 0 to 14). */
#define FNAT_NO_WSCALE		15
#define FNAT_WSCALE_MAX		14

/* What is known of a client's SYN when its ACK comes. */
struct fnat_synopts {
	u32 isn;			/* the client's */
	u32 cookie;			/* ours */
	u32 tsval;			/* of the ACK */
	u32 tsecr;
	u16 mss;			/* rounded down to what a cookie carries */
	u16 window;			/* of the ACK, as it was sent */
	u8 wscale;			/* the client's, FNAT_NO_WSCALE: none */
	u8 our_wscale;			/* that we have told the client */
	bool sack;
	bool ts;
};

enum fnat_splice_state {
	FNAT_SPLICE_WAITS,		/* for the real server's SYN-ACK */
	FNAT_SPLICE_JOINED,
	FNAT_SPLICE_ENDED,		/* by either side, before it was joined */
};

/* A proxied connection's part of a struct fnat_conn. */
struct fnat_splice {
	struct fnat_conn *conn;		/* NULL: it has ended [lock] */
	struct fnat_synopts opts;	/* [const] but for the window [lock] */
	enum fnat_splice_state state;	/* [lock, acquire] */
	u32 server_ts;			/* first time stamp of the server's */
	spinlock_t lock;
	refcount_t refcnt;		/* the connection, and the timer */
	struct timer_list timer;	/* the SYN's retransmission */
	struct sk_buff_head held;	/* the client's, in order [lock] */
	unsigned int syns;		/* sent to the real server [lock] */
	unsigned int waiting_pkts;	/* of the client [lock] */
	unsigned int next_tries;	/* real servers left to try [lock] */
	int ifindex;			/* where the client's ACK came in */
	u32 mark;			/* and how */
	struct dst_entry *dst;		/* when another server may be tried */
	struct rcu_head rcu;
};

/* syncookie.c */
u32 fnat_syncookie_clock(void);
void fnat_syncookie_make(const struct fnat_net *fn, struct sk_buff *skb, u16 af,
			 unsigned int l4_off, struct fnat_segment *seg);
bool fnat_syncookie_check(const struct fnat_net *fn, const struct sk_buff *skb,
			  u16 af, unsigned int l4_off,
			  struct fnat_synopts *opts);
bool fnat_syncookie_is_early(const struct sk_buff *skb, u16 af,
			     const struct tcphdr *th, unsigned int payload);
unsigned int fnat_synopts_put(u8 *at, const struct fnat_synopts *opts,
			      bool with_syn);

/* answer.c */
bool fnat_answer(struct fnat_net *fn, struct sk_buff *skb, u16 af,
		 const struct ip_vs_iphdr *iph,
		 const struct fnat_segment *seg);

/* synproxy.c */
spinlock_t *fnat_synproxy_lock(u16 af, const union nf_inet_addr *caddr,
			       __be16 cport);

/* splice.c: softirq, RCU */
void fnat_splice_init(struct fnat_splice *s);
struct fnat_splice *fnat_splice_new(const struct fnat_net *fn,
				    const struct sk_buff *skb,
				    const struct fnat_synopts *opts);
void fnat_splice_put(struct fnat_splice *s);
void fnat_splice_arm(struct fnat_splice *s, unsigned long delay);
void fnat_splice_disarm(struct fnat_splice *s);
void fnat_splice_to_server(struct fnat_conn *c, struct sk_buff *skb,
			   unsigned int l4_off);
void fnat_splice_send(struct fnat_conn *c, const struct fnat_splice *s,
		      bool syn);
void fnat_splice_rst(struct fnat_conn *c, enum fnat_dir dir, u32 seq);
bool fnat_splice_give_up(struct fnat_splice *s);
void fnat_splice_failed(struct fnat_conn *c, struct fnat_splice *s);
struct sk_buff *fnat_splice_syn(u16 af, const struct fnat_rewrite *rw,
				const struct fnat_synopts *opts);
bool fnat_splice_offer(struct fnat_net *fn, struct fnat_splice *s,
		       struct sk_buff *syn, u16 af);
void fnat_splice_reset_server(struct fnat_conn *c);

/* splice_join.c: softirq, RCU */
int fnat_splice_hold(struct fnat_net *fn, struct fnat_splice *s,
		     struct sk_buff *skb);

#endif /* FNAT_SYNPROXY_H */
