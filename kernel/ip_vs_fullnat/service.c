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

/* Returns the new extension, or ERR_PTR(-ENOMEM). */
struct fnat_svc *fnat_svc_add(struct fnat_net *fn,
			      const struct fnat_svc_key *key)
{
	struct fnat_svc *svc = kzalloc(sizeof(*svc), GFP_KERNEL_ACCOUNT);
	int err;

	lockdep_assert_held(&fn->lock);
	if (!svc)
		return ERR_PTR(-ENOMEM);
	svc->key = *key;
	err = fnat_laddr_set_init(&svc->laddrs);
	if (err)
		goto err_free;
	err = rhashtable_insert_fast(&services, &svc->node, service_params);
	if (err)
		goto err_set;
	err = fnat_defence_add(fn, key);
	if (err)
		goto err_remove;
	list_add_tail(&svc->list, &fn->services);
	fn->service_count++;
	fn->generation++;
	fnat_zone_switch(fn, key, true);
	return svc;

err_remove:
	/* A packet may have found it. */
	rhashtable_remove_fast(&services, &svc->node, service_params);
	fnat_laddr_set_free(fn, &svc->laddrs);
	kfree_rcu(svc, rcu);
	return ERR_PTR(err);
err_set:
	fnat_laddr_set_free(fn, &svc->laddrs);
err_free:
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
	fnat_svc_set_synproxy(fn, svc, false);
	rhashtable_remove_fast(&services, &svc->node, service_params);
	fnat_defence_del(fn, &svc->key);
	list_del(&svc->list);
	fn->service_count--;
	fn->generation++;
	fnat_zone_switch(fn, &svc->key, false);
	fnat_laddr_set_free(fn, &svc->laddrs);
	kfree_rcu(svc, rcu);
}

void fnat_svc_flush(struct fnat_net *fn)
{
	struct fnat_svc *svc, *next;

	list_for_each_entry_safe(svc, next, &fn->services, list)
		fnat_svc_del(fn, svc);
}

static int change_laddrs(struct fnat_net *fn, struct fnat_svc *svc,
			 struct fnat_laddr_set *set)
{
	if (IS_ERR(set))
		return PTR_ERR(set);
	fnat_laddr_set_publish(fn, &svc->laddrs, set);
	return 0;
}

/* 0, -EEXIST or -ENOMEM. */
int fnat_svc_add_laddr(struct fnat_net *fn, struct fnat_svc *svc,
		       const union nf_inet_addr *addr)
{
	return change_laddrs(fn, svc,
			     fnat_laddr_set_with(fn, &svc->laddrs, svc->key.af,
						 addr));
}

/* 0, -ENOENT or -ENOMEM. Connections keep the address that they use. */
int fnat_svc_del_laddr(struct fnat_net *fn, struct fnat_svc *svc,
		       const union nf_inet_addr *addr)
{
	return change_laddrs(fn, svc,
			     fnat_laddr_set_without(fn, &svc->laddrs,
						    svc->key.af, addr));
}

int fnat_svc_init(void)
{
	return rhashtable_init(&services, &service_params);
}

void fnat_svc_exit(void)
{
	rhashtable_destroy(&services);
}
