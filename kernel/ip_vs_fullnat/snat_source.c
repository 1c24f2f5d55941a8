// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many connections each source address has, for zones with a limit. An
 * address is in the table while it has any. Counted are those that began
 * while the limit was set.
 */
#include <linux/slab.h>

#include "fnat.h"

struct fnat_source_key {
	const struct fnat_net *fn;
	union nf_inet_addr addr;
	u64 af;
};

struct fnat_source {
	struct rhash_head node;
	struct fnat_source_key key;	/* [const] */
	atomic_t conns;			/* 0: about to go */
	struct rcu_head rcu;
};

static struct rhashtable sources;

static const struct rhashtable_params source_params = {
	.head_offset = offsetof(struct fnat_source, node),
	.key_offset = offsetof(struct fnat_source, key),
	.key_len = sizeof(struct fnat_source_key),
	.automatic_shrinking = true,
};

/* One more, or -EDQUOT, or -ENOENT when it is about to leave the table. */
static int source_inc(struct fnat_source *source, u32 limit)
{
	int conns = atomic_read(&source->conns);

	do {
		if (!conns)
			return -ENOENT;
		if ((u32)conns >= limit)
			return -EDQUOT;
	} while (!atomic_try_cmpxchg(&source->conns, &conns, conns + 1));
	return 0;
}

/* The entry, whoever made it, or NULL; @made when it is new and counts 1. */
static struct fnat_source *source_find(const struct fnat_source_key *key,
				       bool *made)
{
	struct fnat_source *source, *old;

	*made = false;
	source = rhashtable_lookup(&sources, key, source_params);
	if (source)
		return source;
	source = kzalloc(sizeof(*source), GFP_ATOMIC | __GFP_NOWARN);
	if (!source)
		return NULL;
	source->key = *key;
	atomic_set(&source->conns, 1);
	old = rhashtable_lookup_get_insert_fast(&sources, &source->node,
						source_params);
	*made = !old;
	if (!old)
		return source;
	kfree(source);
	return IS_ERR(old) ? NULL : old;
}

/* Counts a connection of @addr; ERR_PTR: -EDQUOT beyond @limit, or -ENOMEM. */
struct fnat_source *fnat_source_get(struct fnat_net *fn, u16 af,
				    const union nf_inet_addr *addr, u32 limit)
{
	struct fnat_source_key key = {
		.fn = fn,
		.af = af,
	};
	struct fnat_source *source;
	int tries, err;
	bool made;

	ip_vs_addr_copy(af, &key.addr, addr);
	/* One that is about to go does so at once, on another CPU. */
	for (tries = 0; tries < 64; tries++) {
		source = source_find(&key, &made);
		if (!source)
			break;
		err = made ? 0 : source_inc(source, limit);
		if (!err)
			return source;
		if (err == -EDQUOT)
			return ERR_PTR(err);
		cpu_relax();
	}
	return ERR_PTR(-ENOMEM);
}

void fnat_source_put(struct fnat_source *source)
{
	/* Nobody is to find it without connections for longer than this. */
	local_bh_disable();
	if (atomic_dec_and_test(&source->conns)) {
		rhashtable_remove_fast(&sources, &source->node, source_params);
		kfree_rcu(source, rcu);
	}
	local_bh_enable();
}

int fnat_source_init(void)
{
	return rhashtable_init(&sources, &source_params);
}

void fnat_source_exit(void)
{
	rhashtable_destroy(&sources);
}
