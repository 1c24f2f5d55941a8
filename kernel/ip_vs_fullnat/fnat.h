/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Types and functions shared by the files of ip_vs_fullnat.
 *
 * Roles of addresses, everywhere: cip:cport is the client, vip:vport the
 * virtual service, lip:lport the local address of the director that a
 * connection uses, rip:rport the real server. Towards the real server
 * cip->vip becomes lip->rip, towards the client rip->lip becomes vip->cip.
 */
#ifndef FNAT_H
#define FNAT_H

#include <linux/in.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/refcount.h>
#include <linux/rhashtable.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/workqueue.h>
#include <net/dst.h>
#include <net/genetlink.h>
#include <net/ip_vs.h>
#include <net/netns/generic.h>

#include "../include/uapi/linux/ip_vs_fullnat.h"
#include "stats.h"

#define FNAT_FWD_METHOD		IPVS_FNAT_FWD_METHOD

/* Lowest local port: below are the ports that belong to services of a host. */
#define FNAT_LPORT_FLOOR	1024
#define FNAT_LPORT_COUNT	(65536 - FNAT_LPORT_FLOOR)

#define FNAT_LADDR_BITS		8

/* RFC 9293 3.1: 4 bits of header length in words; 3.7.1: default MSS */
#define FNAT_TCP_HEADER_MAX	60
#define FNAT_TCP_OPTIONS_MAX	40
#define FNAT_TCP_MSS_MIN	536

enum fnat_dir {
	FNAT_DIR_ORIG,		/* client to real server */
	FNAT_DIR_REPLY,		/* real server to client */
	FNAT_DIR_MAX
};

/* net.ipv4.vs.*, see sysctl.c; read with READ_ONCE */
struct fnat_sysctl {
	int lport_min;
	int lport_max;
	int lport_tries;
	int toa;
	int toa_kind6;
	int toa_trust;
	int mss_adjust;
	int timestamp_remove;
	int conn_reused;
	int expire_rst;
	int fast_path;
	int defence_tcp;
	int defence_udp;
	int synproxy_init_mss;
	int synproxy_sack;
	int synproxy_wscale;
	int synproxy_timestamp;
	int synproxy_synack_ttl;
	int synproxy_reply_route;
	int synproxy_bad_ack_rst;
	int synproxy_rst_rate;
	int synproxy_defer;
	int synproxy_store_thresh;
	int synproxy_storm_thresh;
	int synproxy_syn_retry;
	int synproxy_next_rs;
	int synproxy_conn_reuse;
	int synproxy_reuse_close;
	int synproxy_reuse_time_wait;
	int synproxy_reuse_fin_wait;
	int synproxy_reuse_close_wait;
	int synproxy_reuse_last_ack;
	int snat_no_zone_drop;
	int snat_stray_drop;
	int snat_icmp_timeout;
};

/* SNAT zones of a namespace, see snat.h */
struct fnat_snat_net {
	struct list_head zones;		/* in order of matching [lock, RCU] */
	unsigned int zone_count;	/* [lock] */
	u8 on[2];			/* IPv4, IPv6: FNAT_SNAT_* [ONCE] */
	struct delayed_work uplink_work;
};

/* What the module knows of a network namespace. */
struct fnat_net {
	struct net *net;		/* [const] */
	refcount_t refcnt;		/* the namespace, and each connection */
	bool draining;			/* no new connections [ONCE] */
	bool exiting;			/* send nothing any more [ONCE] */
	atomic_t conns;			/* bound connections */
	struct fnat_stats __percpu *stats;	/* [const] */
	unsigned int __percpu *turn;	/* next local address [per CPU] */

	struct mutex lock;		/* configuration: writers */
	struct list_head services;	/* in order of creation [lock] */
	unsigned int service_count;	/* [lock] */
	unsigned int generation;	/* of the configuration [lock] */
	unsigned int synproxies;	/* services with it [lock, ONCE] */
	struct fnat_synproxy_limit __percpu *synproxy_limit; /* [const] */

	spinlock_t laddr_lock;		/* laddr_hash: writers, BH off */
	struct hlist_head laddr_hash[1 << FNAT_LADDR_BITS]; /* [RCU] */
	struct hlist_head vip_hash[1 << FNAT_LADDR_BITS]; /* [lock, RCU] */

	struct fnat_snat_net snat;
	struct fnat_sysctl sysctl;	/* [ONCE] */
	struct ctl_table_header *sysctl_header;	/* [const] */
	struct rcu_head rcu;
};

/* A local address of the namespace, alive while a service or connection is. */
struct fnat_laddr {
	struct hlist_node node;		/* in laddr_hash [laddr_lock, RCU] */
	struct fnat_net *fn;		/* [const] */
	union nf_inet_addr addr;	/* lip [const] */
	u16 af;				/* [const] */
	refcount_t refcnt;
	struct rcu_head rcu;
};

/* A local address as one service or zone has it; counts connections of that. */
struct fnat_svc_laddr {
	struct fnat_laddr *laddr;	/* [const] */
	refcount_t refcnt;		/* the set, and each connection */
	atomic_t conns;			/* that hold a port of it */
	atomic64_t conflicts;
	int uplink;			/* zones: ifindex or 0 [fn->lock] */
	struct rcu_head rcu;
};

/* Those of a service or a zone: replaced as a whole when they change. */
struct fnat_laddr_set {
	struct rcu_head rcu;
	unsigned int count;
	struct fnat_svc_laddr *entry[] __counted_by(count);
};

/* Names a stock service; unused members are 0, it is hashed as bytes. */
struct fnat_svc_key {
	const struct fnat_net *fn;
	union nf_inet_addr vip;
	u32 fwmark;
	__be16 vport;
	u16 protocol;
	u16 af;
	u16 pad[3];
};

/* Service extension: what stock's struct ip_vs_service has no member for. */
struct fnat_svc {
	struct rhash_head node;
	struct fnat_svc_key key;	/* [const] */
	struct list_head list;		/* in fn->services [fn->lock] */
	bool synproxy;			/* [fn->lock, ONCE] */
	struct fnat_laddr_set __rcu *laddrs;	/* never NULL [fn->lock, RCU] */
	struct rcu_head rcu;
};

/* Which local ports of a local address are taken towards one real server. */
struct fnat_portmap_key {
	const struct fnat_laddr *laddr;
	union nf_inet_addr rip;
	__be16 rport;
	u16 protocol;
	u32 pad;
};

struct fnat_portmap;

/* A packet of the real server names its connection by these. */
struct fnat_tuple {
	const struct fnat_net *fn;
	union nf_inet_addr rip;
	union nf_inet_addr lip;
	__be16 rport;
	__be16 lport;
	u16 af;
	u16 protocol;
};

/* A cached route, checked before use as sockets do. */
struct fnat_path {
	struct dst_entry *dst;		/* [cp->lock, read under RCU] */
	u32 cookie;			/* [cp->lock] */
	u32 mark;			/* with which it was found [cp->lock] */
};

/*
 * How a TCP connection differs between client and real server. Arrays are by
 * the sender of a packet: FNAT_DIR_ORIG is the client.
 */
struct fnat_tcp {
	u32 client_isn;			/* [cp->lock] */
	u32 seq_delta[FNAT_DIR_MAX];	/* added to what it sends [ONCE] */
	u32 ts_delta[FNAT_DIR_MAX];	/* likewise [ONCE] */
	s8 win_shift[FNAT_DIR_MAX];	/* of its windows, left > 0 [ONCE] */
	u32 first_ack;			/* server's ISN + 1 [ONCE] */
	u32 last_ack[FNAT_DIR_MAX];	/* newest, as it sent it [ONCE] */
	u32 server_ts;			/* newest that the server holds [ONCE] */
	u16 mtu;			/* told by a router, to the server; 0 [ONCE] */
	bool started;			/* SYN seen, or no TCP [cp->lock, acquire] */
	bool has_first_ack;		/* [acquire] */
	bool has_ack[FNAT_DIR_MAX];	/* [ONCE] */
	bool has_server_ts;		/* [ONCE] */
	bool toa_kept;			/* another director's option [ONCE] */
};

/*
 * How a TCP connection ends, by the sender as above. Whoever acknowledges a FIN
 * says fin_end in last_ack.
 */
struct fnat_tcp_end {
	u32 fin_end[FNAT_DIR_MAX];	/* [ONCE] */
	bool has_fin[FNAT_DIR_MAX];	/* [acquire] */
	bool server_reset;		/* [ONCE] */
};

/* Our part of a stock connection, hung on cp->app_data. */
struct fnat_conn {
	struct rhash_head node;
	struct fnat_tuple tuple;	/* [const] */
	struct fnat_net *fn;		/* counted [const] */
	struct ip_vs_conn *cp;		/* valid under RCU while hashed */
	struct fnat_svc_laddr *entry;	/* counted [const] */
	struct fnat_portmap *map;	/* holds the local port [xchg] */
	struct fnat_path path[FNAT_DIR_MAX];
	struct fnat_tcp tcp;
	struct fnat_splice *splice;	/* NULL: not proxied [cp->lock, RCU] */
	__wsum addr_diff;		/* checksum of the change, ORIG [const] */
	__wsum port_diff;
	int client_oif;			/* link-local clients, else 0 [const] */
	bool detached;			/* take no more routes [cp->lock] */
	bool snat;			/* part of a fnat_snat_conn [const] */
	struct fnat_tcp_end end;	/* behind what each packet needs */
	struct rcu_head rcu;
};

/* The port pair with which TCP and UDP headers begin. */
struct fnat_ports {
	__be16 source;
	__be16 dest;
};

/* What a packet's headers become. */
struct fnat_rewrite {
	const union nf_inet_addr *saddr;
	const union nf_inet_addr *daddr;
	__be16 sport;
	__be16 dport;
	__wsum addr_diff;		/* new minus old, both addresses */
	__wsum l4_diff;			/* ports, and what else changes behind */
	__wsum len_diff;		/* of the pseudo header's length */
	u32 inner_seq_add;		/* TCP inside an ICMP error */
	u16 mtu_sub;			/* MTU that an ICMP error tells */
	bool forwarded;			/* the host counts the hop */
};

/* main.c */
struct fnat_net *fnat_net(const struct net *net);
void fnat_net_get(struct fnat_net *fn);
void fnat_net_put(struct fnat_net *fn);

/* sysctl.c: process context */
int fnat_sysctl_net_init(struct fnat_net *fn);
void fnat_sysctl_net_exit(struct fnat_net *fn);

/* procfs.c: process context */
int fnat_procfs_net_init(struct fnat_net *fn);
void fnat_procfs_net_exit(struct fnat_net *fn);

/* laddr.c: softirq or process context */
struct fnat_laddr *fnat_laddr_get(struct fnat_net *fn, u16 af,
				  const union nf_inet_addr *addr);
void fnat_laddr_put(struct fnat_laddr *laddr);
bool fnat_laddr_exists_rcu(const struct fnat_net *fn, u16 af,
			   const union nf_inet_addr *addr);

/* service.c: changes need process context and fn->lock */
int fnat_svc_init(void);
void fnat_svc_exit(void);
struct fnat_svc *fnat_svc_find_rcu(const struct fnat_svc_key *key);
struct fnat_svc *fnat_svc_find(struct fnat_net *fn,
			       const struct fnat_svc_key *key);
struct fnat_svc *fnat_svc_add(struct fnat_net *fn,
			      const struct fnat_svc_key *key);
void fnat_svc_del(struct fnat_net *fn, struct fnat_svc *svc);
void fnat_svc_set_synproxy(struct fnat_net *fn, struct fnat_svc *svc, bool on);
void fnat_svc_flush(struct fnat_net *fn);
int fnat_svc_add_laddr(struct fnat_net *fn, struct fnat_svc *svc,
		       const union nf_inet_addr *addr);
int fnat_svc_del_laddr(struct fnat_net *fn, struct fnat_svc *svc,
		       const union nf_inet_addr *addr);

/* laddr_set.c: changes need process context and fn->lock */
struct fnat_laddr_set *
fnat_laddr_set_locked(struct fnat_net *fn,
		      struct fnat_laddr_set __rcu *const *slot);
int fnat_laddr_set_init(struct fnat_laddr_set __rcu **slot);
void fnat_laddr_set_free(struct fnat_net *fn,
			 struct fnat_laddr_set __rcu *const *slot);
struct fnat_laddr_set *
fnat_laddr_set_with(struct fnat_net *fn,
		    struct fnat_laddr_set __rcu *const *slot, u16 af,
		    const union nf_inet_addr *addr);
struct fnat_laddr_set *
fnat_laddr_set_without(struct fnat_net *fn,
		       struct fnat_laddr_set __rcu *const *slot, u16 af,
		       const union nf_inet_addr *addr);
void fnat_laddr_set_publish(struct fnat_net *fn,
			    struct fnat_laddr_set __rcu **slot,
			    struct fnat_laddr_set *new);
void fnat_laddr_set_discard(struct fnat_net *fn,
			    struct fnat_laddr_set __rcu *const *slot,
			    struct fnat_laddr_set *new);
void fnat_svc_laddr_put(struct fnat_svc_laddr *entry);

/* defence.c: changes under fn->lock, the verdict under RCU */
int fnat_defence_add(struct fnat_net *fn, const struct fnat_svc_key *key);
void fnat_defence_del(struct fnat_net *fn, const struct fnat_svc_key *key);
unsigned int fnat_defence(const struct fnat_net *fn, const struct sk_buff *skb,
			  u16 af, const struct ip_vs_iphdr *iph);

/* ports.c: softirq, RCU */
int fnat_ports_init(void);
void fnat_ports_exit(void);
struct fnat_portmap *fnat_ports_take(struct fnat_laddr *laddr, u16 protocol,
				     const union nf_inet_addr *rip,
				     __be16 rport, __be16 *lport);
bool fnat_ports_range(const struct fnat_sysctl *sysctl, unsigned int *min,
		      unsigned int *count);
void fnat_ports_give(struct fnat_portmap *map, __be16 lport);

/* conn.c */
int fnat_conn_init(void);
void fnat_conn_exit(void);
struct fnat_conn *fnat_conn_new(struct fnat_net *fn, struct ip_vs_conn *cp,
				const struct sk_buff *skb);
void fnat_conn_release(struct fnat_conn *c);
struct fnat_conn *fnat_conn_find_rcu(struct fnat_net *fn,
				     const struct sk_buff *skb, u16 af,
				     const struct ip_vs_iphdr *iph,
				     enum fnat_dir dir);
bool fnat_conn_ports(const struct sk_buff *skb, const struct ip_vs_iphdr *iph,
		     struct fnat_ports *ports);
u32 fnat_conn_tuple_hash(const void *data, u32 len, u32 seed);
int fnat_conn_take_port(struct fnat_conn *c,
			struct fnat_svc_laddr *const *entry,
			unsigned int count, unsigned int first);
void fnat_conn_give_port(struct fnat_conn *c);
void fnat_conn_sum_changes(struct fnat_conn *c);
int fnat_conn_enter(struct fnat_conn *c);
void fnat_conn_rewrite(const struct fnat_conn *c, enum fnat_dir dir,
		       struct fnat_rewrite *rw);
bool fnat_conn_drains(const struct fnat_conn *c);
void fnat_conn_walk_enter(struct rhashtable_iter *iter);
int fnat_conn_walk_pause(struct rhashtable_iter *iter, unsigned int *seen);
unsigned int fnat_conn_drain(struct fnat_net *fn);
void fnat_conn_forget_routes(const struct fnat_net *fn);

/* attach.c: the only file that changes stock's objects */
void fnat_attach_init(void);
void fnat_attach_log(struct ratelimit_state *limit,
		     const struct ip_vs_conn *cp, const char *reason);
bool fnat_attach(struct fnat_net *fn, struct ip_vs_conn *cp,
		 const struct sk_buff *skb);
struct fnat_conn *fnat_attach_again(struct fnat_conn *old,
				    const struct sk_buff *skb);
void fnat_attach_snat(struct ip_vs_conn *cp, struct fnat_conn *c);
struct ip_vs_conn *fnat_attach_get_rcu(struct fnat_conn *c);
bool fnat_attach_expire(struct ip_vs_conn *cp);
void fnat_attach_wait(struct ip_vs_conn *cp, const struct fnat_splice *s);
struct fnat_conn *fnat_attach_conn(struct ip_vs_conn *cp);

#define FNAT_TIMER_LAG		(HZ / 2)

/*
 * Would a timer that is moved to @expires, in jiffies, fire hardly later than it
 * does? To move one takes the lock of the CPU that it was set on, so most packets
 * leave it where it is.
 */
static inline bool fnat_timer_is_near(const struct ip_vs_conn *cp,
				      unsigned long expires)
{
	return expires - READ_ONCE(cp->timer.expires) <= FNAT_TIMER_LAG;
}

/* Ends the caller's hold of a connection, whose timer starts anew. */
static inline void fnat_conn_touch_put(struct ip_vs_conn *cp)
{
	if (likely(timer_pending(&cp->timer) &&
		   fnat_timer_is_near(cp, jiffies + READ_ONCE(cp->timeout))))
		__ip_vs_conn_put(cp);
	else
		ip_vs_conn_put(cp);
}

/* A segment in the middle of a connection. */
static inline bool fnat_tcp_is_midway(const struct tcphdr *th)
{
	return th->ack && !th->syn && !th->fin && !th->rst;
}

/*
 * Would stock's state machine, which takes a lock, leave the connection as it
 * is? It does at a segment in the middle of an established one.
 */
static inline bool fnat_state_is_settled(const struct ip_vs_conn *cp,
					 const struct ip_vs_proto_data *pd)
{
	return cp->protocol == IPPROTO_TCP &&
	       cp->state == IP_VS_TCP_S_ESTABLISHED &&
	       cp->timeout ==
	       READ_ONCE(pd->timeout_table[IP_VS_TCP_S_ESTABLISHED]) &&
	       !(cp->flags & IP_VS_CONN_F_NOOUTPUT);
}

/* route.c: RCU */
struct dst_entry *fnat_route(struct fnat_conn *c, enum fnat_dir dir,
			     const struct sk_buff *skb, bool *noref);
bool fnat_route_check(struct fnat_conn *c, struct sk_buff *skb,
		      struct dst_entry *dst);
int fnat_route_link_local_oif(const struct sk_buff *skb, u16 af,
			      const union nf_inet_addr *addr);
struct dst_entry *fnat_route_lookup(struct net *net, u16 af, u16 protocol,
				    const struct fnat_rewrite *rw, u32 mark,
				    int oif);
unsigned int fnat_route_output(struct net *net, u16 af, struct sk_buff *skb,
			       struct dst_entry *dst, bool noref);
unsigned int fnat_route_send(const struct fnat_conn *c, struct sk_buff *skb,
			     struct dst_entry *dst, bool noref);

/* mangle.c: no locks, no look-ups */
__wsum fnat_mangle_addr_diff(u16 af, const union nf_inet_addr *from,
			     const union nf_inet_addr *to);
__wsum fnat_mangle_port_diff(__be16 from, __be16 to);
int fnat_mangle_begin(struct sk_buff *skb, unsigned int len);
int fnat_mangle(struct sk_buff *skb, u16 af, u16 protocol, unsigned int l4_off,
		const struct fnat_rewrite *rw);
int fnat_mangle_icmp(struct sk_buff *skb, u16 af, u16 protocol,
		     const struct ip_vs_iphdr *outer,
		     const struct ip_vs_iphdr *inner,
		     const struct fnat_rewrite *outer_rw,
		     const struct fnat_rewrite *inner_rw);

/* tcp.c */
void fnat_tcp_init(void);
bool fnat_tcp_to_server(struct fnat_conn *c, struct sk_buff *skb,
			unsigned int l4_off, const struct dst_entry *dst,
			struct fnat_rewrite *rw);
bool fnat_tcp_to_client(struct fnat_conn *c, struct sk_buff *skb,
			unsigned int l4_off, struct fnat_rewrite *rw);
void fnat_tcp_inherit(struct fnat_tcp *tcp, const struct fnat_tcp *old);
void fnat_tcp_watch_end(struct fnat_conn *c, enum fnat_dir dir,
			const struct sk_buff *skb, unsigned int l4_off);
bool fnat_tcp_is_over(const struct fnat_conn *c);

/* toa.c */
bool fnat_toa_in_time(const struct fnat_conn *c, const struct tcphdr *th);
unsigned int fnat_toa_len(const struct fnat_conn *c);
unsigned int fnat_toa_mss_cost(const struct fnat_conn *c);
void fnat_toa_add(struct fnat_conn *c, struct sk_buff *skb, unsigned int l4_off,
		  const struct dst_entry *dst, struct fnat_rewrite *rw);

/* rst.c */
bool fnat_rst_send(struct fnat_conn *c, enum fnat_dir dir, u32 seq);
void fnat_rst_both(struct fnat_conn *c);
void fnat_rst_refuse(struct fnat_net *fn, struct sk_buff *skb, u16 af,
		     const struct ip_vs_iphdr *iph);

/* synproxy.c: softirq, RCU */
unsigned int fnat_synproxy_in(struct fnat_net *fn, struct sk_buff *skb, u16 af);
unsigned int fnat_synproxy_guard(struct fnat_net *fn, struct sk_buff *skb,
				 u16 af);
unsigned int fnat_synproxy_ack(struct fnat_net *fn, struct sk_buff *skb, u16 af,
			       struct ip_vs_iphdr *iph);
unsigned int fnat_synproxy_instead(struct fnat_net *fn, struct sk_buff *skb,
				   u16 af, struct ip_vs_iphdr *iph);
unsigned int fnat_synproxy_again(struct fnat_conn *c, struct sk_buff *skb,
				 struct ip_vs_iphdr *iph);
void fnat_synproxy_settle(const struct ip_vs_conn *cp,
			  const struct sk_buff *skb,
			  const struct ip_vs_iphdr *iph);
void fnat_synproxy_init(void);
int fnat_synproxy_net_init(struct fnat_net *fn);
void fnat_synproxy_net_free(struct fnat_net *fn);

/* splice.c: softirq, RCU */
struct fnat_splice *fnat_splice_offered(const struct sk_buff *skb);
void fnat_splice_begin(struct fnat_conn *c, struct fnat_splice *s);
void fnat_splice_end(struct fnat_splice *s);
void fnat_splice_forget_route(struct fnat_splice *s);
bool fnat_splice_ts_floor(const struct fnat_conn *c, const struct tcphdr *th,
			  u32 *floor);
u8 fnat_splice_our_wscale(const struct fnat_conn *c);

/* splice_join.c: softirq, RCU */
unsigned int fnat_splice_from_client(struct fnat_conn *c, struct sk_buff *skb,
				     unsigned int l4_off);
unsigned int fnat_splice_from_server(struct fnat_conn *c, struct sk_buff *skb,
				     unsigned int l4_off, bool *joined);
void fnat_splice_joined(struct fnat_conn *c);

/* xmit.c */
struct dst_entry *fnat_xmit_rewrite(struct fnat_conn *c, enum fnat_dir dir,
				    struct sk_buff *skb, unsigned int l4_off,
				    bool *noref);
int fnat_xmit(struct sk_buff *skb, struct ip_vs_conn *cp,
	      struct ip_vs_protocol *pp, struct ip_vs_iphdr *iph);

/* reply.c */
unsigned int fnat_reply(struct fnat_net *fn, struct sk_buff *skb, u16 af);

/* fast.c */
unsigned int fnat_fast(struct fnat_net *fn, struct sk_buff *skb, u16 af);

/* icmp.c */
bool fnat_icmp_is_error(const struct sk_buff *skb, u16 af, unsigned int off);
bool fnat_icmp_inner(const struct sk_buff *skb, u16 af,
		     const struct ip_vs_iphdr *outer,
		     struct ip_vs_iphdr *inner);
void fnat_icmp_inner_rewrite(const struct fnat_conn *c, enum fnat_dir dir,
			     struct fnat_rewrite *rw);
int fnat_icmp_to_server(struct fnat_conn *c, struct sk_buff *skb,
			const struct ip_vs_iphdr *inner);
unsigned int fnat_icmp_to_client(struct fnat_net *fn, struct sk_buff *skb,
				 u16 af, const struct ip_vs_iphdr *outer);

/* hooks.c */
int fnat_hooks_net_init(struct net *net);
void fnat_hooks_net_exit(struct net *net);

/* netlink.c */
extern struct genl_family fnat_genl_family;

static inline void __fnat_stat_inc(const struct fnat_net *fn, enum fnat_stat id)
{
	this_cpu_inc(fn->stats->counter[id]);
}

/* Ends a packet: the verdict cannot be had without naming a counter. */
static inline unsigned int __fnat_drop(const struct fnat_net *fn,
				       enum fnat_stat id)
{
	__fnat_stat_inc(fn, id);
	return NF_DROP;
}

#define fnat_stat_inc(fn, id)	__fnat_stat_inc(fn, FNAT_STAT_##id)
#define fnat_drop(fn, id)	__fnat_drop(fn, FNAT_STAT_##id)

static inline unsigned int fnat_addr_hash(u16 af, const union nf_inet_addr *a)
{
	u32 v = (__force u32)a->ip;

	if (af == AF_INET6)
		v ^= (__force u32)(a->ip6[1] ^ a->ip6[2] ^ a->ip6[3]);
	return hash_32(v, FNAT_LADDR_BITS);
}

#include "snat.h"

#endif /* FNAT_H */
