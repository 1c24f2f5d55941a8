// SPDX-License-Identifier: GPL-2.0-only
/*
 * Local addresses of a namespace. One object per address however many services
 * share it, so that their connections never take the same port twice. It stays
 * until the last connection that uses it has ended.
 */
#include <linux/slab.h>

#include "fnat.h"

static struct fnat_laddr *laddr_find(const struct fnat_net *fn, u16 af,
				     const union nf_inet_addr *addr)
{
	struct fnat_laddr *laddr;

	hlist_for_each_entry_rcu(laddr,
				 &fn->laddr_hash[fnat_addr_hash(af, addr)],
				 node, lockdep_is_held(&fn->laddr_lock))
		if (laddr->af == af && ip_vs_addr_equal(af, &laddr->addr, addr))
			return laddr;
	return NULL;
}

/* Is there any chance that a packet to @addr belongs to a connection? */
bool fnat_laddr_exists_rcu(const struct fnat_net *fn, u16 af,
			   const union nf_inet_addr *addr)
{
	return laddr_find(fn, af, addr);
}

/* Finds or makes the object; NULL when there is no memory. May sleep. */
struct fnat_laddr *fnat_laddr_get(struct fnat_net *fn, u16 af,
				  const union nf_inet_addr *addr)
{
	struct fnat_laddr *new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	struct fnat_laddr *laddr;

	if (!new)
		return NULL;
	new->fn = fn;
	new->af = af;
	new->addr = *addr;
	refcount_set(&new->refcnt, 1);

	spin_lock_bh(&fn->laddr_lock);
	laddr = laddr_find(fn, af, addr);
	if (laddr) {
		/* Under the lock: an object in the hash has a reference. */
		refcount_inc(&laddr->refcnt);
	} else {
		hlist_add_head_rcu(&new->node,
				   &fn->laddr_hash[fnat_addr_hash(af, addr)]);
		laddr = new;
		new = NULL;
	}
	spin_unlock_bh(&fn->laddr_lock);
	kfree(new);
	return laddr;
}

void fnat_laddr_put(struct fnat_laddr *laddr)
{
	struct fnat_net *fn = laddr->fn;

	/* The lock is for the last reference only: others do not meet in it. */
	if (refcount_dec_not_one(&laddr->refcnt))
		return;
	spin_lock_bh(&fn->laddr_lock);
	if (refcount_dec_and_test(&laddr->refcnt)) {
		hlist_del_rcu(&laddr->node);
		kfree_rcu(laddr, rcu);
	}
	spin_unlock_bh(&fn->laddr_lock);
}
