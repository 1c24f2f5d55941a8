// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of zones: which sources leave from which local addresses. The
 * first zone that a source is in counts, in the order in which they were
 * added. Packets read it under RCU; changes are made under fn->lock.
 */
#include <linux/inetdevice.h>
#include <linux/slab.h>
#include <net/ipv6.h>

#include "fnat.h"

void fnat_zone_mask(u16 af, u8 prefixlen, union nf_inet_addr *mask)
{
	struct in6_addr ones;

	memset(mask, 0, sizeof(*mask));
	memset(&ones, 0xff, sizeof(ones));
	if (af == AF_INET6)
		ipv6_addr_prefix(&mask->in6, &ones, prefixlen);
	else
		mask->ip = inet_make_mask(prefixlen);
}

static bool zone_has(const struct fnat_zone *zone, u16 af,
		     const union nf_inet_addr *addr)
{
	if (zone->af != af)
		return false;
	if (af == AF_INET6)
		return !ipv6_masked_addr_cmp(&addr->in6, &zone->mask.in6,
					     &zone->addr.in6);
	return (addr->ip & zone->mask.ip) == zone->addr.ip;
}

/* The zone that @addr is in, or NULL. Caller is in an RCU read section. */
struct fnat_zone *fnat_zone_match_rcu(const struct fnat_net *fn, u16 af,
				      const union nf_inet_addr *addr)
{
	struct fnat_zone *zone;

	list_for_each_entry_rcu(zone, &fn->snat.zones, list)
		if (zone_has(zone, af, addr))
			return zone;
	return NULL;
}

/* The zone of this very network. Caller: fn->lock. */
struct fnat_zone *fnat_zone_find(struct fnat_net *fn, u16 af,
				 const union nf_inet_addr *addr, u8 prefixlen)
{
	struct fnat_zone *zone;

	lockdep_assert_held(&fn->lock);
	list_for_each_entry(zone, &fn->snat.zones, list)
		if (zone->af == af && zone->prefixlen == prefixlen &&
		    ip_vs_addr_equal(af, &zone->addr, addr))
			return zone;
	return NULL;
}

/* Appends a zone, or ERR_PTR(-ENOMEM). */
struct fnat_zone *fnat_zone_add(struct fnat_net *fn, u16 af,
				const union nf_inet_addr *addr, u8 prefixlen)
{
	struct fnat_zone *zone = kzalloc(sizeof(*zone), GFP_KERNEL_ACCOUNT);
	int err;

	lockdep_assert_held(&fn->lock);
	if (!zone)
		return ERR_PTR(-ENOMEM);
	zone->addr = *addr;
	zone->af = af;
	zone->prefixlen = prefixlen;
	fnat_zone_mask(af, prefixlen, &zone->mask);
	err = fnat_laddr_set_init(&zone->laddrs);
	if (err) {
		kfree(zone);
		return ERR_PTR(err);
	}
	list_add_tail_rcu(&zone->list, &fn->snat.zones);
	fn->snat.zone_count++;
	fn->generation++;
	return zone;
}

/* Its connections live on. */
void fnat_zone_del(struct fnat_net *fn, struct fnat_zone *zone)
{
	struct fnat_uplinks *uplinks =
		rcu_dereference_protected(zone->uplinks,
					  lockdep_is_held(&fn->lock));

	list_del_rcu(&zone->list);
	fn->snat.zone_count--;
	fn->generation++;
	if (uplinks)
		kvfree_rcu(uplinks, rcu);
	fnat_laddr_set_free(fn, &zone->laddrs);
	kfree_rcu(zone, rcu);
}

void fnat_zone_flush(struct fnat_net *fn)
{
	struct fnat_zone *zone, *next;

	list_for_each_entry_safe(zone, next, &fn->snat.zones, list)
		fnat_zone_del(fn, zone);
}

/* Both views of a zone's addresses change, or neither does. */
static int change_laddrs(struct fnat_net *fn, struct fnat_zone *zone,
			 struct fnat_laddr_set *set)
{
	int err;

	/* The view by device goes first: it has no references of its own. */
	err = fnat_uplink_group(fn, zone, set);
	if (err)
		fnat_laddr_set_discard(fn, &zone->laddrs, set);
	else
		fnat_laddr_set_publish(fn, &zone->laddrs, set);
	return err;
}

/* 0, -EEXIST or -ENOMEM. */
int fnat_zone_add_laddr(struct fnat_net *fn, struct fnat_zone *zone,
			const union nf_inet_addr *addr)
{
	struct fnat_laddr_set *set = fnat_laddr_set_with(fn, &zone->laddrs,
							 zone->af, addr);

	if (IS_ERR(set))
		return PTR_ERR(set);
	set->entry[set->count - 1]->uplink = fnat_uplink_of(fn->net, zone->af,
							    addr);
	return change_laddrs(fn, zone, set);
}

/* 0, -ENOENT or -ENOMEM. */
int fnat_zone_del_laddr(struct fnat_net *fn, struct fnat_zone *zone,
			const union nf_inet_addr *addr)
{
	struct fnat_laddr_set *set = fnat_laddr_set_without(fn, &zone->laddrs,
							    zone->af, addr);

	return IS_ERR(set) ? PTR_ERR(set) : change_laddrs(fn, zone, set);
}

/*
 * A service of the unspecified address and port 0 can match no packet. By the
 * old systems' convention it turns SNAT on for its protocol and family.
 */
bool fnat_zone_is_switch(const struct fnat_svc_key *key)
{
	static const union nf_inet_addr none;

	return !key->fwmark && !key->vport &&
	       ip_vs_addr_equal(key->af, &key->vip, &none);
}

/* The service of @key has come or gone. Caller: fn->lock. */
void fnat_zone_switch(struct fnat_net *fn, const struct fnat_svc_key *key,
		      bool on)
{
	u8 *flags = &fn->snat.on[key->af == AF_INET6];
	u8 flag = key->protocol == IPPROTO_TCP ? FNAT_SNAT_TCP : FNAT_SNAT_UDP;

	if (!fnat_zone_is_switch(key))
		return;
	WRITE_ONCE(*flags, on ? *flags | flag : *flags & ~flag);
}

void fnat_zone_net_init(struct fnat_net *fn)
{
	INIT_LIST_HEAD(&fn->snat.zones);
}
