// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is behind which connection. An entry lives from the end of the handshake
 * until its socket is destroyed, or until the module or the namespace goes.
 */
#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/rculist_bl.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/tcp.h>

#include "toa.h"

/*
 * Entries by socket. As many buckets as TCP has for its connections: one for
 * 128 KiB of memory, and at most 512 Ki (tcp_init() in net/ipv4/tcp.c). They stay
 * as they are: adding an entry cannot fail for want of a larger table.
 */
#define BUCKETS_SHIFT	17
#define BUCKETS_MIN	1024UL
#define BUCKETS_MAX	(512 * 1024UL)

static struct hlist_bl_head *buckets;
static unsigned int buckets_bits;

/* Sums over the CPUs mean something, single ones do not. */
static DEFINE_PER_CPU(int, live);

static const struct rhashtable_params wire_params = {
	.key_len = sizeof_field(struct toa_entry, wire),
	.key_offset = offsetof(struct toa_entry, wire),
	.head_offset = offsetof(struct toa_entry, wire_node),
	.automatic_shrinking = true,
};

static struct rhashtable wires;
static struct kmem_cache *entry_cache;

/* Nobody outside chooses where a socket lies. */
static struct hlist_bl_head *bucket_of(const struct sock *sk)
{
	return &buckets[hash_ptr(sk, buckets_bits)];
}

static void bucket_lock(struct hlist_bl_head *b)
	__acquires(bitlock)
{
	local_bh_disable();
	hlist_bl_lock(b);
}

static void bucket_unlock(struct hlist_bl_head *b)
	__releases(bitlock)
{
	hlist_bl_unlock(b);
	local_bh_enable();
}

/* Within an RCU read section, or with the bucket's lock. */
static struct toa_entry *find(struct hlist_bl_head *b, const struct sock *sk)
{
	struct hlist_bl_node *node;
	struct toa_entry *e;

	hlist_bl_for_each_entry_rcu(e, node, b, node)
		if (e->sk == sk)
			return e;
	return NULL;
}

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

/* Nothing in it is set. NULL when there is no memory. */
struct toa_entry *toa_entry_alloc(void)
{
	return kmem_cache_alloc(entry_cache, GFP_ATOMIC);
}

/* One that has not been in a table that is read under RCU. */
void toa_entry_free(struct toa_entry *e)
{
	kmem_cache_free(entry_cache, e);
}

static void entry_free_rcu(struct rcu_head *rcu)
{
	toa_entry_free(container_of(rcu, struct toa_entry, rcu));
}

/*
 * One with the same addresses is of a connection that has ended: MPTCP keeps
 * the socket of its first one until the program closes its own. False when there
 * is no memory.
 */
static bool wire_enter(struct toa_entry *e)
{
	struct toa_entry *old;

	do {
		old = rhashtable_lookup_get_insert_fast(&wires, &e->wire_node,
							wire_params);
		if (IS_ERR(old))
			return false;
		/* Does not replace one that has gone meanwhile. */
	} while (old && rhashtable_replace_fast(&wires, &old->wire_node,
						&e->wire_node, wire_params));
	e->on_wires = true;
	return true;
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

/* False if there is one already: it was first, and counts. */
static bool enter(struct toa_entry *e)
{
	struct hlist_bl_head *b = bucket_of(e->sk);
	bool first;

	bucket_lock(b);
	first = !find(b, e->sk);
	if (first)
		hlist_bl_add_head_rcu(&e->node, b);
	bucket_unlock(b);
	return first;
}

/* For MPTCP also where programs' sockets find it. False when there is no memory. */
static bool entry_fill(struct toa_entry *e, struct sock *sk,
		       const struct toa_client *client)
{
	e->sk = sk;
	e->client = *client;
	e->on_wires = false;
	wire_fill(&e->wire, sk);
	return !is_mptcp(sk) || wire_enter(e);
}

/*
 * For a full TCP socket; counts, also that there is no memory. @e is what was kept
 * of its SYN, if anything, and not the caller's any more. The caller is in an RCU
 * read section.
 */
void toa_store_add(struct toa_net *tn, struct sock *sk, struct toa_entry *e,
		   const struct toa_client *client)
{
	if (!e)
		e = toa_entry_alloc();
	if (!e || !entry_fill(e, sk, client)) {
		if (e)
			toa_entry_free(e);
		/* It is not to be told the one that had its addresses before. */
		toa_store_forget_wire(sk);
		toa_stat_inc(tn, NO_MEM);
		return;
	}
	if (!enter(e)) {
		if (e->on_wires)
			rhashtable_remove_fast(&wires, &e->wire_node,
					       wire_params);
		call_rcu(&e->rcu, entry_free_rcu);
		return;
	}
	this_cpu_inc(live);
	toa_stat_inc(tn, RECV_TOA);
	toa_stat_inc(tn, ADDED);
	if (!toa_addr_is_v4(&client->addr))
		toa_stat_inc(tn, IP6_ALLOC);
}

/* What has been taken out of its bucket, in this RCU read section. */
static void entry_del(struct toa_entry *e)
{
	struct toa_net *tn = toa_net_rcu(e->wire.net);

	if (e->on_wires)
		rhashtable_remove_fast(&wires, &e->wire_node, wire_params);
	this_cpu_dec(live);
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
	struct hlist_bl_head *b = bucket_of(sk);
	struct toa_entry *e;

	/* Nobody adds for this socket any more: no lock to see there is none. */
	if (hlist_bl_empty(b))
		return;
	rcu_read_lock();
	bucket_lock(b);
	e = find(b, sk);
	if (e)
		hlist_bl_del_rcu(&e->node);
	bucket_unlock(b);
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
		return find(bucket_of(sk), sk);
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

unsigned long toa_store_buckets(void)
{
	return 1UL << buckets_bits;
}

/* The first bucket from @i on that something is in; their number if there is none. */
unsigned long toa_store_filled(unsigned long i)
{
	while (i < toa_store_buckets() && hlist_bl_empty(&buckets[i]))
		i++;
	return i;
}

/* Calls @fn for each entry of bucket @i, in an RCU read section. */
void toa_store_each_rcu(unsigned long i,
			void (*fn)(const struct toa_entry *e, void *arg),
			void *arg)
{
	struct hlist_bl_node *node;
	struct toa_entry *e;

	hlist_bl_for_each_entry_rcu(e, node, &buckets[i], node)
		fn(e, arg);
}

/* The first entry of a bucket that is of @net, or of any (NULL). */
static struct toa_entry *first_of(struct hlist_bl_head *b,
				  const struct net *net)
{
	struct hlist_bl_node *node;
	struct toa_entry *e;

	hlist_bl_for_each_entry(e, node, b, node)
		if (!net || e->wire.net == net)
			return e;
	return NULL;
}

static void bucket_flush(struct hlist_bl_head *b, const struct net *net)
{
	struct toa_entry *e;

	do {
		rcu_read_lock();
		bucket_lock(b);
		e = first_of(b, net);
		if (e)
			hlist_bl_del_rcu(&e->node);
		bucket_unlock(b);
		if (e)
			entry_del(e);
		rcu_read_unlock();
	} while (e);
}

/* One at a time: a namespace waits for who still has an entry of it in hand. */
static DEFINE_MUTEX(flush_lock);

/* Removes all entries of a namespace, or of all (NULL). None comes in any more. */
void toa_store_flush(const struct net *net)
{
	unsigned long i;

	mutex_lock(&flush_lock);
	for (i = 0; (i = toa_store_filled(i)) < toa_store_buckets(); i++) {
		bucket_flush(&buckets[i], net);
		cond_resched();
	}
	mutex_unlock(&flush_lock);
}

/* Connections whose client is known, in all namespaces. */
int toa_store_live(void)
{
	int cpu, sum = 0;

	for_each_possible_cpu(cpu)
		sum += per_cpu(live, cpu);
	/* One that moved meanwhile may be seen to go, and not to come. */
	return max(sum, 0);
}

static int buckets_init(void)
{
	unsigned long n = totalram_pages() >> (BUCKETS_SHIFT - PAGE_SHIFT);

	buckets_bits = order_base_2(clamp(n, BUCKETS_MIN, BUCKETS_MAX));
	buckets = kvcalloc(toa_store_buckets(), sizeof(*buckets), GFP_KERNEL);
	return buckets ? 0 : -ENOMEM;
}

int toa_store_init(void)
{
	int err;

	entry_cache = KMEM_CACHE(toa_entry, SLAB_HWCACHE_ALIGN);
	if (!entry_cache)
		return -ENOMEM;
	err = buckets_init();
	if (err)
		goto err_cache;
	err = rhashtable_init(&wires, &wire_params);
	if (err)
		goto err_buckets;
	return 0;

err_buckets:
	kvfree(buckets);
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
	kvfree(buckets);
	kmem_cache_destroy(entry_cache);
}
