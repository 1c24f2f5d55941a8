// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many flows each source address has: for zones with a limit, and so that
 * the fragments of flows whose zone is gone are known. An address is in the
 * table while it has any.
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
	atomic_t flows;			/* 0: about to go */
	atomic_t limited;		/* of them, counted for a limit */
	struct rcu_head rcu;
};

static struct rhashtable sources;

static const struct rhashtable_params source_params = {
	.head_offset = offsetof(struct fnat_source, node),
	.key_offset = offsetof(struct fnat_source, key),
	.key_len = sizeof(struct fnat_source_key),
	.automatic_shrinking = true,
};

/* Has @addr a flow? Caller is in an RCU read section. */
bool fnat_source_exists_rcu(const struct fnat_net *fn, u16 af,
			    const union nf_inet_addr *addr)
{
	struct fnat_source_key key = {
		.fn = fn,
		.af = af,
	};

	ip_vs_addr_copy(af, &key.addr, addr);
	return rhashtable_lookup(&sources, &key, source_params);
}

/* One more of those that are counted for a limit; false: there are as many. */
static bool source_count(struct fnat_source *source, u32 limit)
{
	int count = atomic_read(&source->limited);

	do {
		if ((u32)count >= limit)
			return false;
	} while (!atomic_try_cmpxchg(&source->limited, &count, count + 1));
	return true;
}

/* The entry, whoever made it, or NULL; @made when it is new and has a flow. */
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
	atomic_set(&source->flows, 1);
	old = rhashtable_lookup_get_insert_fast(&sources, &source->node,
						source_params);
	*made = !old;
	if (!old)
		return source;
	kfree(source);
	return IS_ERR(old) ? NULL : old;
}

/* Nothing happens when somebody else has done it. */
static void source_remove(struct fnat_source *source)
{
	rhashtable_remove_fast(&sources, &source->node, source_params);
}

/*
 * A flow more of @key's address, or NULL: no memory. Caller is in an RCU read
 * section.
 */
static struct fnat_source *source_get(const struct fnat_source_key *key)
{
	struct fnat_source *source;
	bool made;
	int tries;

	for (tries = 0; tries < 64; tries++) {
		source = source_find(key, &made);
		if (!source)
			break;
		if (made || atomic_inc_not_zero(&source->flows))
			return source;
		/* Whose last flow this was may be held up. */
		source_remove(source);
	}
	return NULL;
}

/*
 * A flow of @addr begins. With a @limit (0: none) it is counted among those
 * that began under one; ERR_PTR: -EDQUOT there are as many, or -ENOMEM.
 */
struct fnat_source *fnat_source_get(struct fnat_net *fn, u16 af,
				    const union nf_inet_addr *addr, u32 limit)
{
	struct fnat_source_key key = {
		.fn = fn,
		.af = af,
	};
	struct fnat_source *source;

	ip_vs_addr_copy(af, &key.addr, addr);
	source = source_get(&key);
	if (!source)
		return ERR_PTR(-ENOMEM);
	if (limit && !source_count(source, limit)) {
		fnat_source_put(source, false);
		return ERR_PTR(-EDQUOT);
	}
	return source;
}

/* A flow has ended; @limited as it began under a limit. */
void fnat_source_put(struct fnat_source *source, bool limited)
{
	if (limited)
		atomic_dec(&source->limited);
	if (!atomic_dec_and_test(&source->flows))
		return;
	source_remove(source);
	kfree_rcu(source, rcu);
}

int fnat_source_init(void)
{
	return rhashtable_init(&sources, &source_params);
}

void fnat_source_exit(void)
{
	rhashtable_destroy(&sources);
}
