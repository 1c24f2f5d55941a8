/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * toa: real servers see their clients. A director put the client's address into
 * a TCP option (common/toa_wire.h); the connection that comes of it gets an
 * entry in a table (store.c), made by hooks at the end of the handshake
 * (capture.c), and getname.c puts it in place of the peer's address.
 */
#ifndef TOA_H
#define TOA_H

#include <linux/list_bl.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "../common/toa_parse.h"
#include "stats.h"

/* net.toa.enable */
enum toa_mode {
	TOA_OFF,	/* as if the module were not there */
	TOA_ON,
	TOA_DRAIN,	/* what is known is told, nothing new is learned */
};

/* A network from which options are taken; IPv4 in the v4-mapped form. */
struct toa_prefix {
	struct in6_addr addr;
	unsigned int len;	/* bits, 0 to 128 */
};

/* Kinds and networks of a namespace: replaced as a whole, read under RCU. */
struct toa_config {
	struct rcu_head rcu;
	struct toa_kinds kinds;
	unsigned int n_trusted;
	struct toa_prefix trusted[] __counted_by(n_trusted);
};

#define TOA_TRUSTED_MAX		64

/* A namespace's share; lives in net_generic(). */
struct toa_net {
	struct net *net;
	struct toa_stats __percpu *stats;
	int mode;			/* enum toa_mode */
	struct mutex lock;		/* writers of config */
	struct toa_config __rcu *config;
	struct ctl_table_header *sysctl_header;
};

/* The connection as it is on the wire; IPv4 in the v4-mapped form. */
struct toa_wire {
	const struct net *net;
	struct in6_addr laddr;
	struct in6_addr raddr;
	__be16 lport;
	__be16 rport;
	u32 zero;			/* it is a key: no padding */
};

/*
 * A connection with a known client, before that perhaps a request with one.
 * Nothing changes once it is in the table of connections.
 */
struct toa_entry {
	union {
		struct hlist_bl_node node;	/* store.c, by sk */
		struct hlist_node of_syn;	/* syn.c, by req */
	};
	struct rhash_head wire_node;	/* wires, by wire */
	union {
		struct sock *sk;	/* its key; lives longer than the entry */
		const struct request_sock *req;	/* compared, never followed */
	};
	struct toa_wire wire;
	struct toa_client client;
	bool on_wires;			/* MPTCP: programs have another sk */
	struct rcu_head rcu;
};

/* main.c */
extern bool toa_drain;
struct toa_net *toa_net_rcu(const struct net *net);
struct toa_net *toa_net(const struct net *net);

/* config.c */
struct toa_config *toa_config_parse(const char *kinds, const char *trusted);
struct toa_config *toa_config_alloc(unsigned int n_trusted);
int toa_kinds_parse(const char *text, struct toa_kinds *kinds);
int toa_kinds_format(const struct toa_kinds *kinds, char *buf, int size);
int toa_trusted_parse(const char *text, struct toa_prefix *prefixes);
int toa_trusted_format(const struct toa_config *config, char *buf, int size);
bool toa_trusted(const struct toa_config *config, const struct in6_addr *addr);

/* sysctl.c */
int toa_sysctl_net_init(struct toa_net *tn);
void toa_sysctl_net_exit(struct toa_net *tn);

/* store.c */
int toa_store_init(void);
void toa_store_exit(void);
struct toa_entry *toa_entry_alloc(void);
void toa_entry_free(struct toa_entry *e);
void toa_store_add(struct toa_net *tn, struct sock *sk, struct toa_entry *e,
		   const struct toa_client *client);
void toa_store_del(struct sock *sk);
void toa_store_forget_wire(struct sock *sk);
struct toa_entry *toa_store_find_rcu(struct sock *sk);
bool toa_store_is_peer(const struct toa_entry *e, const struct sock *sk);
unsigned long toa_store_buckets(void);
unsigned long toa_store_filled(unsigned long i);
void toa_store_each_rcu(unsigned long i,
			void (*fn)(const struct toa_entry *e, void *arg),
			void *arg);
void toa_store_flush(const struct net *net);
int toa_store_live(void);

/* syn.c */
void toa_syn_init(void);
void toa_syn_exit(void);
bool toa_syn_add(const struct request_sock *req, const struct toa_client *client);
struct toa_entry *toa_syn_take(const struct request_sock *req);
void toa_syn_del(const struct request_sock *req);
bool toa_syn_find(const struct request_sock *req, struct toa_client *client);

/* capture.c, hooks.c */
void toa_on_conn_request(const struct sock *sk, const struct sk_buff *skb);
void toa_on_reqsk_hash(const struct sock *sk, const struct request_sock *req);
void toa_on_syn_recv_sock(const struct sock *sk, const struct sk_buff *skb,
			  const struct request_sock *req);
void toa_on_hashdance(struct sock *child, const struct request_sock *req,
		      bool own_req);
void toa_on_queue_add(struct sock *child, const struct request_sock *req);
int toa_hooks_init(bool syn);
void toa_hooks_stop(void);
void toa_hooks_exit(void);

/* getname.c */
int toa_getname_init(void);
void toa_getname_exit(void);
unsigned long toa_getname_missed(void);
extern struct socket *toa_getname_test;
extern atomic_t toa_getname_tests;

/* health.c */
int toa_health_init(void);
void toa_health_exit(void);
bool toa_health_check(void);
void toa_health_look(void);

/* sockopt.c */
int toa_sockopt_init(void);
void toa_sockopt_exit(void);

/* procfs.c */
int toa_procfs_net_init(struct toa_net *tn);
void toa_procfs_net_exit(struct toa_net *tn);

#endif /* TOA_H */
