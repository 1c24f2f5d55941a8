/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SNAT zones: machines behind the director reach the outside from its local
 * addresses. Roles as in fnat.h: cip:cport is the machine of the zone,
 * rip:rport whom it talks to. Towards the outside cip->rip becomes lip->rip,
 * towards the machine rip->lip becomes rip->cip. For ICMP echo cport and lport
 * are the identifiers, and rport is 0.
 */
#ifndef FNAT_SNAT_H
#define FNAT_SNAT_H

/* fnat_snat_net.on, by family: what the switch services turn on */
#define FNAT_SNAT_TCP	0x1
#define FNAT_SNAT_UDP	0x2

/* The local addresses of a zone that belong to one of the host's devices. */
struct fnat_uplink {
	int ifindex;
	unsigned int first;		/* in fnat_uplinks.entry */
	unsigned int count;
};

/* A second view of a zone's set, which holds the references. */
struct fnat_uplinks {
	struct rcu_head rcu;
	unsigned int count;
	struct fnat_uplink *link;	/* behind the entries */
	struct fnat_svc_laddr *entry[];
};

struct fnat_zone {
	struct list_head list;		/* in zones [lock, RCU] */
	union nf_inet_addr addr;	/* [const] */
	union nf_inet_addr mask;	/* [const] */
	u16 af;				/* [const] */
	u8 prefixlen;			/* [const] */
	bool regroup;			/* uplinks are out of date [lock] */
	u8 select;			/* IPVS_FNAT_ZONE_SELECT_* [ONCE] */
	u32 limit;			/* connections per source, 0: any [ONCE] */
	struct fnat_laddr_set __rcu *laddrs;	/* never NULL [lock, RCU] */
	struct fnat_uplinks __rcu *uplinks;	/* NULL: none [lock, RCU] */
	struct rcu_head rcu;
};

/* How many flows one source address has. */
struct fnat_source;

/* A translated flow. Its stock connection has vip and rip the same. */
struct fnat_snat_conn {
	struct fnat_conn conn;		/* first: it is freed as one */
	struct rhash_head node;		/* by the client's side */
	struct fnat_source *source;	/* [const] */
	bool limited;			/* began under a limit [const] */
};

/* What a packet of a zone is about. */
struct fnat_snat_flow {
	struct ip_vs_iphdr iph;
	struct fnat_tuple tuple;	/* lip:lport is cip:cport here */
};

static inline struct fnat_snat_conn *fnat_snat_conn(struct fnat_conn *c)
{
	return container_of(c, struct fnat_snat_conn, conn);
}

/* zone.c: changes need process context and fn->lock */
void fnat_zone_net_init(struct fnat_net *fn);
struct fnat_zone *fnat_zone_find(struct fnat_net *fn, u16 af,
				 const union nf_inet_addr *addr, u8 prefixlen);
struct fnat_zone *fnat_zone_match_rcu(const struct fnat_net *fn, u16 af,
				      const union nf_inet_addr *addr);
struct fnat_zone *fnat_zone_add(struct fnat_net *fn, u16 af,
				const union nf_inet_addr *addr, u8 prefixlen);
void fnat_zone_del(struct fnat_net *fn, struct fnat_zone *zone);
void fnat_zone_flush(struct fnat_net *fn);
int fnat_zone_add_laddr(struct fnat_net *fn, struct fnat_zone *zone,
			const union nf_inet_addr *addr);
int fnat_zone_del_laddr(struct fnat_net *fn, struct fnat_zone *zone,
			const union nf_inet_addr *addr);
void fnat_zone_mask(u16 af, u8 prefixlen, union nf_inet_addr *mask);
bool fnat_zone_is_switch(const struct fnat_svc_key *key);
void fnat_zone_switch(struct fnat_net *fn, const struct fnat_svc_key *key,
		      bool on);

/* uplink.c: process context; fnat_uplink_find_rcu() softirq */
int fnat_uplink_init(void);
void fnat_uplink_exit(void);
void fnat_uplink_net_init(struct fnat_net *fn);
void fnat_uplink_net_exit(struct fnat_net *fn);
int fnat_uplink_of(struct net *net, u16 af, const union nf_inet_addr *addr);
int fnat_uplink_group(struct fnat_net *fn, struct fnat_zone *zone,
		      const struct fnat_laddr_set *set);
const struct fnat_uplink *
fnat_uplink_find_rcu(const struct fnat_uplinks *uplinks, int ifindex);

/* snat_source.c: softirq, RCU */
int fnat_source_init(void);
void fnat_source_exit(void);
struct fnat_source *fnat_source_get(struct fnat_net *fn, u16 af,
				    const union nf_inet_addr *addr, u32 limit);
bool fnat_source_exists_rcu(const struct fnat_net *fn, u16 af,
			    const union nf_inet_addr *addr);
void fnat_source_put(struct fnat_source *source, bool limited);

/* snat_conn.c: softirq, RCU */
int fnat_snat_conn_init(void);
void fnat_snat_conn_exit(void);
struct fnat_conn *fnat_snat_conn_find_rcu(const struct fnat_tuple *client);
struct fnat_conn *fnat_snat_conn_new(struct fnat_net *fn,
				     const struct fnat_zone *zone,
				     const struct fnat_tuple *client,
				     int out_ifindex, bool *made);
void fnat_snat_conn_unhash(struct fnat_conn *c);
void fnat_snat_conn_release(struct fnat_conn *c);
void fnat_snat_conn_start(struct fnat_conn *c);
void fnat_snat_conn_touch(struct fnat_conn *c, enum fnat_dir dir,
			  const struct sk_buff *skb, unsigned int l4_off);

/* snat.c: hooks, RCU */
unsigned int fnat_snat_out(struct fnat_net *fn, struct sk_buff *skb, u16 af);
unsigned int fnat_snat_first(struct fnat_net *fn, struct sk_buff *skb, u16 af,
			     int out_ifindex);
unsigned int fnat_snat_in(struct fnat_conn *c, struct sk_buff *skb,
			  const struct ip_vs_iphdr *iph);

/* snat_icmp.c: hooks, RCU */
unsigned int fnat_snat_echo_in(struct fnat_net *fn, struct sk_buff *skb,
			       u16 af, const struct ip_vs_iphdr *iph);
unsigned int fnat_snat_error_in(struct fnat_conn *c, struct sk_buff *skb,
				const struct ip_vs_iphdr *outer,
				const struct ip_vs_iphdr *inner);
unsigned int fnat_snat_error_out(struct fnat_net *fn, struct sk_buff *skb,
				 u16 af, const struct ip_vs_iphdr *outer);
unsigned int fnat_snat_error_local(struct fnat_net *fn, struct sk_buff *skb,
				   u16 af);

/* snat_log.c */
void fnat_snat_log(const struct fnat_conn *c, u8 cmd);

#endif /* FNAT_SNAT_H */
