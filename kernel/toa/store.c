// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is behind which connection. An entry lives from the end of the handshake
 * until its socket is destroyed, or until the module or the namespace goes.
 */
#include <linux/hash.h>
#include <linux/slab.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/tcp.h>

#include "toa.h"

/* Nobody outside chooses where a socket lies. */
static u32 key_hash(const void *key, u32 len, u32 seed)
{
	return hash_ptr(*(struct sock * const *)key, 32) ^ seed;
}

static const struct rhashtable_params conn_params = {
	.hashfn = key_hash,
	.key_len = sizeof_field(struct toa_entry, sk),
	.key_offset = offsetof(struct toa_entry, sk),
	.head_offset = offsetof(struct toa_entry, node),
	.automatic_shrinking = true,
};

static const struct rhashtable_params wire_params = {
	.key_len = sizeof_field(struct toa_entry, wire),
	.key_offset = offsetof(struct toa_entry, wire),
	.head_offset = offsetof(struct toa_entry, wire_node),
	.automatic_shrinking = true,
};

struct rhashtable toa_conns;
static struct rhashtable wires;
static struct kmem_cache *entry_cache;

static void wire_fill(struct toa_wire *wire, const struct sock *sk)
{
	const struct inet_sock *inet = inet_sk(sk);

	wire->net = sock_net(sk);
	wire->lport = inet->inet_sport;
	wire->rport = inet->inet_dport;
	wire->zero = 0;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		wire->laddr = sk->sk_v6_rcv_saddr;
		wire->raddr = sk->sk_v6_daddr;
		return;
	}
#endif
	ipv6_addr_set_v4mapped(sk->sk_rcv_saddr, &wire->laddr);
	ipv6_addr_set_v4mapped(sk->sk_daddr, &wire->raddr);
}

static bool is_mptcp(const struct sock *sk)
{
#ifdef CONFIG_MPTCP
	return tcp_sk(sk)->is_mptcp;
#else
	return false;
#endif
}

static void entry_free_rcu(struct rcu_head *rcu)
{
	kmem_cache_free(entry_cache, container_of(rcu, struct toa_entry, rcu));
}

/*
 * One with the same addresses is of a connection that has ended: MPTCP keeps
 * the socket of its first one until the program closes its own.
 */
static void wire_enter(struct toa_entry *e)
{
	struct toa_entry *old;

	old = rhashtable_lookup_get_insert_fast(&wires, &e->wire_node,
						wire_params);
	if (old)
		e->on_wires = !IS_ERR(old) &&
			!rhashtable_replace_fast(&wires, &old->wire_node,
						 &e->wire_node, wire_params);
	else
		e->on_wires = true;
}

/* The caller is in an RCU read section. */
void toa_store_forget_wire(struct sock *sk)
{
	struct toa_entry *old;
	struct toa_wire wire;

	if (!is_mptcp(sk))
		return;
	wire_fill(&wire, sk);
	old = rhashtable_lookup(&wires, &wire, wire_params);
	if (old)
		rhashtable_remove_fast(&wires, &old->wire_node, wire_params);
}

/* For a full TCP socket; counts, also when it fails. */
void toa_store_add(struct toa_net *tn, struct sock *sk,
		   const struct toa_client *client)
{
	struct toa_entry *e = kmem_cache_zalloc(entry_cache, GFP_ATOMIC);

	if (!e) {
		toa_stat_inc(tn, NO_MEM);
		return;
	}
	e->sk = sk;
	e->client = *client;
	wire_fill(&e->wire, sk);
	if (is_mptcp(sk))
		wire_enter(e);
	/* One that is there already was first, and counts. */
	if (rhashtable_lookup_insert_fast(&toa_conns, &e->node, conn_params)) {
		if (e->on_wires)
			rhashtable_remove_fast(&wires, &e->wire_node,
					       wire_params);
		call_rcu(&e->rcu, entry_free_rcu);
		toa_stat_inc(tn, NO_MEM);
		return;
	}
	toa_stat_inc(tn, RECV_TOA);
	toa_stat_inc(tn, ADDED);
	if (!toa_addr_is_v4(&client->addr))
		toa_stat_inc(tn, IP6_ALLOC);
}

/* The caller is in an RCU read section. Two may try; one succeeds. */
static void entry_del(struct toa_entry *e)
{
	struct toa_net *tn = toa_net_rcu(e->wire.net);

	if (rhashtable_remove_fast(&toa_conns, &e->node, conn_params))
		return;
	if (e->on_wires)
		rhashtable_remove_fast(&wires, &e->wire_node, wire_params);
	if (tn) {
		toa_stat_inc(tn, FREED);
		if (!toa_addr_is_v4(&e->client.addr))
			toa_stat_inc(tn, IP6_FREE);
	}
	call_rcu(&e->rcu, entry_free_rcu);
}

/* Called for every TCP socket that ends. */
void toa_store_del(struct sock *sk)
{
	struct toa_entry *e;

	if (!atomic_read(&toa_conns.nelems))
		return;
	rcu_read_lock();
	e = rhashtable_lookup(&toa_conns, &sk, conn_params);
	if (e)
		entry_del(e);
	rcu_read_unlock();
}

/*
 * For a TCP socket, or for an MPTCP one, by its addresses on the wire: whose
 * TCP socket, which accept() has grafted onto the same struct socket, is alive
 * as long as the entry is there (and then a struct sock as long as RCU says).
 */
struct toa_entry *toa_store_find_rcu(struct sock *sk)
{
	struct toa_entry *e;
	struct toa_wire wire;

	if (sk->sk_protocol == IPPROTO_TCP)
		return rhashtable_lookup(&toa_conns, &sk, conn_params);
	wire_fill(&wire, sk);
	e = rhashtable_lookup(&wires, &wire, wire_params);
	if (e && READ_ONCE(e->sk->sk_socket) != READ_ONCE(sk->sk_socket))
		return NULL;
	return e;
}

/* Is the other end of @sk, which may have been connected anew, that of @e? */
bool toa_store_is_peer(const struct toa_entry *e, const struct sock *sk)
{
	struct toa_wire wire;

	wire_fill(&wire, sk);
	return wire.rport == e->wire.rport &&
	       ipv6_addr_equal(&wire.raddr, &e->wire.raddr);
}

/* So many entries are looked at before others have their turn. */
#define FLUSH_BATCH	1000

/* Removes all entries of a namespace, or of all (NULL). None comes in any more. */
void toa_store_flush(const struct net *net)
{
	struct rhashtable_iter iter;
	struct toa_entry *e;
	unsigned int n;

	rhashtable_walk_enter(&toa_conns, &iter);
	do {
		rhashtable_walk_start(&iter);
		for (n = 0; n < FLUSH_BATCH; n++) {
			e = rhashtable_walk_next(&iter);
			if (!e)
				break;
			/* An error: the table grew or shrank, and it starts anew. */
			if (!IS_ERR(e) && (!net || e->wire.net == net))
				entry_del(e);
		}
		rhashtable_walk_stop(&iter);
		cond_resched();
	} while (e);
	rhashtable_walk_exit(&iter);
}

int toa_store_init(void)
{
	int err;

	entry_cache = KMEM_CACHE(toa_entry, SLAB_HWCACHE_ALIGN);
	if (!entry_cache)
		return -ENOMEM;
	err = rhashtable_init(&toa_conns, &conn_params);
	if (err)
		goto err_cache;
	err = rhashtable_init(&wires, &wire_params);
	if (err)
		goto err_conns;
	return 0;

err_conns:
	rhashtable_destroy(&toa_conns);
err_cache:
	kmem_cache_destroy(entry_cache);
	return err;
}

/* The tables are empty, and nobody looks into them. */
void toa_store_exit(void)
{
	/* entry_free_rcu() is our code. */
	rcu_barrier();
	rhashtable_destroy(&wires);
	rhashtable_destroy(&toa_conns);
	kmem_cache_destroy(entry_cache);
}
