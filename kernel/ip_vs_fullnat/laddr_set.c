// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sets of local addresses, as services and zones have them. A set is replaced
 * as a whole, under fn->lock; readers see it through RCU and never half of a
 * change.
 */
#include <linux/slab.h>

#include "fnat.h"

/* Room for @count entries, or NULL. */
static struct fnat_laddr_set *set_alloc(unsigned int count)
{
	struct fnat_laddr_set *set;

	set = kvzalloc(struct_size(set, entry, count), GFP_KERNEL_ACCOUNT);
	if (set)
		set->count = count;
	return set;
}

struct fnat_laddr_set *
fnat_laddr_set_locked(struct fnat_net *fn,
		      struct fnat_laddr_set __rcu *const *slot)
{
	return rcu_dereference_protected(*slot, lockdep_is_held(&fn->lock));
}

/* An empty set: 0 or -ENOMEM. */
int fnat_laddr_set_init(struct fnat_laddr_set __rcu **slot)
{
	struct fnat_laddr_set *set = set_alloc(0);

	if (!set)
		return -ENOMEM;
	rcu_assign_pointer(*slot, set);
	return 0;
}

/* Connections keep the addresses that they use. */
void fnat_laddr_set_free(struct fnat_net *fn,
			 struct fnat_laddr_set __rcu *const *slot)
{
	struct fnat_laddr_set *set = fnat_laddr_set_locked(fn, slot);
	unsigned int i;

	for (i = 0; i < set->count; i++)
		fnat_svc_laddr_put(set->entry[i]);
	kvfree_rcu(set, rcu);
}

static int set_index(const struct fnat_laddr_set *set, u16 af,
		     const union nf_inet_addr *addr)
{
	unsigned int i;

	for (i = 0; i < set->count; i++)
		if (ip_vs_addr_equal(af, &set->entry[i]->laddr->addr, addr))
			return i;
	return -ENOENT;
}

static struct fnat_svc_laddr *entry_alloc(struct fnat_net *fn, u16 af,
					  const union nf_inet_addr *addr)
{
	struct fnat_svc_laddr *entry = kzalloc(sizeof(*entry), GFP_KERNEL_ACCOUNT);

	if (!entry)
		return NULL;
	entry->laddr = fnat_laddr_get(fn, af, addr);
	if (!entry->laddr) {
		kfree(entry);
		return NULL;
	}
	refcount_set(&entry->refcnt, 1);
	return entry;
}

void fnat_svc_laddr_put(struct fnat_svc_laddr *entry)
{
	if (!refcount_dec_and_test(&entry->refcnt))
		return;
	fnat_laddr_put(entry->laddr);
	kfree_rcu(entry, rcu);
}

/*
 * The set with @addr appended, which nobody sees yet: it is to be published or
 * discarded. ERR_PTR(-EEXIST) or ERR_PTR(-ENOMEM).
 */
struct fnat_laddr_set *
fnat_laddr_set_with(struct fnat_net *fn,
		    struct fnat_laddr_set __rcu *const *slot, u16 af,
		    const union nf_inet_addr *addr)
{
	const struct fnat_laddr_set *old = fnat_laddr_set_locked(fn, slot);
	struct fnat_svc_laddr *entry;
	struct fnat_laddr_set *new;

	if (set_index(old, af, addr) >= 0)
		return ERR_PTR(-EEXIST);
	new = set_alloc(old->count + 1);
	if (!new)
		return ERR_PTR(-ENOMEM);
	entry = entry_alloc(fn, af, addr);
	if (!entry) {
		kvfree(new);
		return ERR_PTR(-ENOMEM);
	}
	memcpy(new->entry, old->entry, old->count * sizeof(*old->entry));
	new->entry[old->count] = entry;
	return new;
}

/* The same without @addr. ERR_PTR(-ENOENT) or ERR_PTR(-ENOMEM). */
struct fnat_laddr_set *
fnat_laddr_set_without(struct fnat_net *fn,
		       struct fnat_laddr_set __rcu *const *slot, u16 af,
		       const union nf_inet_addr *addr)
{
	const struct fnat_laddr_set *old = fnat_laddr_set_locked(fn, slot);
	int gone = set_index(old, af, addr);
	struct fnat_laddr_set *new;
	unsigned int i, n = 0;

	if (gone < 0)
		return ERR_PTR(gone);
	new = set_alloc(old->count - 1);
	if (!new)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < old->count; i++)
		if (i != gone)
			new->entry[n++] = old->entry[i];
	return new;
}

/* Gives up the entries that @kept lacks; those of both have the same order. */
static void put_missing(const struct fnat_laddr_set *set,
			const struct fnat_laddr_set *kept)
{
	unsigned int i, k, next = 0;

	for (i = 0; i < set->count; i++) {
		for (k = next; k < kept->count; k++)
			if (kept->entry[k] == set->entry[i])
				break;
		if (k < kept->count)
			next = k + 1;
		else
			fnat_svc_laddr_put(set->entry[i]);
	}
}

/* Connections keep the addresses that they use. */
void fnat_laddr_set_publish(struct fnat_net *fn,
			    struct fnat_laddr_set __rcu **slot,
			    struct fnat_laddr_set *new)
{
	struct fnat_laddr_set *old = fnat_laddr_set_locked(fn, slot);

	rcu_assign_pointer(*slot, new);
	put_missing(old, new);
	kvfree_rcu(old, rcu);
	fn->generation++;
}

void fnat_laddr_set_discard(struct fnat_net *fn,
			    struct fnat_laddr_set __rcu *const *slot,
			    struct fnat_laddr_set *new)
{
	put_missing(new, fnat_laddr_set_locked(fn, slot));
	kvfree(new);
}
