// SPDX-License-Identifier: GPL-2.0-only
/*
 * Options of SYNs: kept by request, in the entry of the connection that comes of
 * it, until that is there or the request ends. There are no more than requests,
 * which the kernel bounds. With SYN cookies there is no request, and nothing is
 * kept.
 */
#include <linux/hash.h>
#include <linux/spinlock.h>
#include <net/inet_sock.h>
#include <net/request_sock.h>

#include "toa.h"

#define BITS	12

static struct bucket {
	spinlock_t lock;		/* protects list */
	struct hlist_head list;
} buckets[1 << BITS];

static struct bucket *bucket_of(const struct request_sock *req)
{
	return &buckets[hash_ptr(req, BITS)];
}

static struct toa_entry *find(struct bucket *b, const struct request_sock *req)
{
	struct toa_entry *e;

	hlist_for_each_entry(e, &b->list, of_syn)
		if (e->req == req)
			return e;
	return NULL;
}

/* False when there is no memory. Bottom halves are off, as in toa_syn_find(). */
bool toa_syn_add(const struct request_sock *req, const struct toa_client *client)
{
	struct bucket *b = bucket_of(req);
	struct toa_entry *e = toa_entry_alloc();

	if (!e)
		return false;
	e->req = req;
	e->client = *client;
	spin_lock(&b->lock);
	hlist_add_head(&e->of_syn, &b->list);
	spin_unlock(&b->lock);
	return true;
}

/* Each that was kept, one day: as many as TOA_STAT_SYN_KEPT when no request is left. */
static void count_done(const struct request_sock *req)
{
	struct toa_net *tn;

	rcu_read_lock();
	tn = toa_net_rcu(read_pnet(&inet_rsk(req)->ireq_net));
	if (tn)
		toa_stat_inc(tn, SYN_DONE);
	rcu_read_unlock();
}

/* The entry is the caller's then. */
struct toa_entry *toa_syn_take(const struct request_sock *req)
{
	struct bucket *b = bucket_of(req);
	struct toa_entry *e;

	/* Nobody adds for this request any more: no lock to see there is none. */
	if (hlist_empty(&b->list))
		return NULL;
	spin_lock_bh(&b->lock);
	e = find(b, req);
	if (e)
		hlist_del(&e->of_syn);
	spin_unlock_bh(&b->lock);
	if (e)
		count_done(req);
	return e;
}

/* Called for every request that ends. */
void toa_syn_del(const struct request_sock *req)
{
	struct toa_entry *e = toa_syn_take(req);

	if (e)
		toa_entry_free(e);
}

bool toa_syn_find(const struct request_sock *req, struct toa_client *client)
{
	struct bucket *b = bucket_of(req);
	struct toa_entry *e;

	if (hlist_empty(&b->list))
		return false;
	spin_lock(&b->lock);
	e = find(b, req);
	if (e)
		*client = e->client;
	spin_unlock(&b->lock);
	return e;
}

void toa_syn_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(buckets); i++) {
		spin_lock_init(&buckets[i].lock);
		INIT_HLIST_HEAD(&buckets[i].list);
	}
}

/* The hooks are gone; requests may be left. */
void toa_syn_exit(void)
{
	struct hlist_node *next;
	struct toa_entry *e;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(buckets); i++)
		hlist_for_each_entry_safe(e, next, &buckets[i].list, of_syn)
			toa_entry_free(e);
}
