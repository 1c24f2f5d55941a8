// SPDX-License-Identifier: GPL-2.0-only
/*
 * Options of SYNs: kept by request, for the connection that comes of it, until
 * the request ends. There are no more than requests, which the kernel bounds.
 * With SYN cookies there is no request, and nothing is kept.
 */
#include <linux/hash.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "toa.h"

#define BITS	12

struct syn {
	struct hlist_node node;
	const struct request_sock *req;	/* compared, never followed */
	struct toa_client client;
};

static struct bucket {
	spinlock_t lock;		/* protects list */
	struct hlist_head list;
} buckets[1 << BITS];

static struct bucket *bucket_of(const struct request_sock *req)
{
	return &buckets[hash_ptr(req, BITS)];
}

static struct syn *find(struct bucket *b, const struct request_sock *req)
{
	struct syn *s;

	hlist_for_each_entry(s, &b->list, node)
		if (s->req == req)
			return s;
	return NULL;
}

/* False when there is no memory. */
bool toa_syn_add(const struct request_sock *req, const struct toa_client *client)
{
	struct bucket *b = bucket_of(req);
	struct syn *s = kmalloc(sizeof(*s), GFP_ATOMIC);

	if (!s)
		return false;
	s->req = req;
	s->client = *client;
	spin_lock_bh(&b->lock);
	hlist_add_head(&s->node, &b->list);
	spin_unlock_bh(&b->lock);
	return true;
}

/* Called for every request that ends. */
void toa_syn_del(const struct request_sock *req)
{
	struct bucket *b = bucket_of(req);
	struct syn *s;

	/* Nobody adds for a request that ends: no lock to see there is none. */
	if (hlist_empty(&b->list))
		return;
	spin_lock_bh(&b->lock);
	s = find(b, req);
	if (s)
		hlist_del(&s->node);
	spin_unlock_bh(&b->lock);
	kfree(s);
}

bool toa_syn_find(const struct request_sock *req, struct toa_client *client)
{
	struct bucket *b = bucket_of(req);
	struct syn *s;

	if (hlist_empty(&b->list))
		return false;
	spin_lock_bh(&b->lock);
	s = find(b, req);
	if (s)
		*client = s->client;
	spin_unlock_bh(&b->lock);
	return s;
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
	struct syn *s;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(buckets); i++)
		hlist_for_each_entry_safe(s, next, &buckets[i].list, node)
			kfree(s);
}
