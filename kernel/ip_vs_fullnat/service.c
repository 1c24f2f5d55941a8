// SPDX-License-Identifier: GPL-2.0-only
/*
 * Service extensions: the local addresses of a service. Keyed like stock's
 * services, and found through the real server of a new connection. All
 * changes are made under fn->lock; readers see the set of local addresses
 * through RCU and never half of a change.
 */
#include <linux/slab.h>

#include "fnat.h"

static struct rhashtable services;

static const struct rhashtable_params service_params = {
	.head_offset = offsetof(struct fnat_svc, node),
	.key_offset = offsetof(struct fnat_svc, key),
	.key_len = sizeof(struct fnat_svc_key),
	.automatic_shrinking = true,
};

struct fnat_svc *fnat_svc_find_rcu(const struct fnat_svc_key *key)
{
	return rhashtable_lookup(&services, key, service_params);
}

/* Valid until the caller gives up fn->lock. */
struct fnat_svc *fnat_svc_find(struct fnat_net *fn,
			       const struct fnat_svc_key *key)
{
	lockdep_assert_held(&fn->lock);
	return rhashtable_lookup_fast(&services, key, service_params);
}

static struct fnat_laddr_set *set_alloc(unsigned int count)
{
	struct fnat_laddr_set *set;

	set = kzalloc(struct_size(set, entry, count), GFP_KERNEL);
	if (set)
		set->count = count;
	return set;
}

static struct fnat_laddr_set *set_locked(struct fnat_net *fn,
					 struct fnat_svc *svc)
{
	return rcu_dereference_protected(svc->laddrs,
					 lockdep_is_held(&fn->lock));
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
	struct fnat_svc_laddr *entry = kzalloc(sizeof(*entry), GFP_KERNEL);

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

/* Returns the new extension, or ERR_PTR(-ENOMEM). */
struct fnat_svc *fnat_svc_add(struct fnat_net *fn,
			      const struct fnat_svc_key *key)
{
	struct fnat_svc *svc = kzalloc(sizeof(*svc), GFP_KERNEL);
	struct fnat_laddr_set *set = set_alloc(0);
	int err;

	lockdep_assert_held(&fn->lock);
	err = -ENOMEM;
	if (!svc || !set)
		goto err_free;
	svc->key = *key;
	rcu_assign_pointer(svc->laddrs, set);
	err = rhashtable_insert_fast(&services, &svc->node, service_params);
	if (err)
		goto err_free;
	err = fnat_defence_add(fn, key);
	if (err)
		goto err_remove;
	list_add_tail(&svc->list, &fn->services);
	fn->service_count++;
	fn->generation++;
	return svc;

err_remove:
	/* A packet may have found it. */
	rhashtable_remove_fast(&services, &svc->node, service_params);
	kfree_rcu(set, rcu);
	kfree_rcu(svc, rcu);
	return ERR_PTR(err);
err_free:
	kfree(set);
	kfree(svc);
	return ERR_PTR(err);
}

void fnat_svc_set_synproxy(struct fnat_net *fn, struct fnat_svc *svc, bool on)
{
	if (svc->synproxy == on)
		return;
	WRITE_ONCE(svc->synproxy, on);
	WRITE_ONCE(fn->synproxies, fn->synproxies + (on ? 1 : -1));
	fn->generation++;
}

void fnat_svc_del(struct fnat_net *fn, struct fnat_svc *svc)
{
	struct fnat_laddr_set *set = set_locked(fn, svc);
	unsigned int i;

	fnat_svc_set_synproxy(fn, svc, false);
	rhashtable_remove_fast(&services, &svc->node, service_params);
	fnat_defence_del(fn, &svc->key);
	list_del(&svc->list);
	fn->service_count--;
	fn->generation++;
	for (i = 0; i < set->count; i++)
		fnat_svc_laddr_put(set->entry[i]);
	kfree_rcu(set, rcu);
	kfree_rcu(svc, rcu);
}

void fnat_svc_flush(struct fnat_net *fn)
{
	struct fnat_svc *svc, *next;

	list_for_each_entry_safe(svc, next, &fn->services, list)
		fnat_svc_del(fn, svc);
}

/* 0, -EEXIST or -ENOMEM. */
int fnat_svc_add_laddr(struct fnat_net *fn, struct fnat_svc *svc,
		       const union nf_inet_addr *addr)
{
	struct fnat_laddr_set *old = set_locked(fn, svc), *new;
	struct fnat_svc_laddr *entry;

	if (set_index(old, svc->key.af, addr) >= 0)
		return -EEXIST;
	new = set_alloc(old->count + 1);
	if (!new)
		return -ENOMEM;
	entry = entry_alloc(fn, svc->key.af, addr);
	if (!entry) {
		kfree(new);
		return -ENOMEM;
	}
	memcpy(new->entry, old->entry, old->count * sizeof(*old->entry));
	new->entry[old->count] = entry;
	rcu_assign_pointer(svc->laddrs, new);
	kfree_rcu(old, rcu);
	fn->generation++;
	return 0;
}

/* 0, -ENOENT or -ENOMEM. Connections keep the address that they use. */
int fnat_svc_del_laddr(struct fnat_net *fn, struct fnat_svc *svc,
		       const union nf_inet_addr *addr)
{
	struct fnat_laddr_set *old = set_locked(fn, svc), *new;
	int gone = set_index(old, svc->key.af, addr);
	unsigned int i, n = 0;

	if (gone < 0)
		return gone;
	new = set_alloc(old->count - 1);
	if (!new)
		return -ENOMEM;
	for (i = 0; i < old->count; i++)
		if (i != gone)
			new->entry[n++] = old->entry[i];
	rcu_assign_pointer(svc->laddrs, new);
	fnat_svc_laddr_put(old->entry[gone]);
	kfree_rcu(old, rcu);
	fn->generation++;
	return 0;
}

int fnat_svc_init(void)
{
	return rhashtable_init(&services, &service_params);
}

void fnat_svc_exit(void)
{
	rhashtable_destroy(&services);
}
