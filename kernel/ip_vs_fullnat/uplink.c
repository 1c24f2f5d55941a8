// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several uplinks: the host's routing has chosen a device for a packet, and the
 * zone may have local addresses that belong to it. An address belongs to the
 * device that it is configured on; when that is none, or a loopback device, to
 * the one whose network it is in. So the addresses of a zone are grouped by
 * device, anew when they or the host's addresses change.
 */
#include <linux/inetdevice.h>
#include <linux/slab.h>
#include <net/addrconf.h>

#include "fnat.h"

/* When there was no memory to follow the host's addresses. */
#define REGROUP_AGAIN	HZ

static bool dev_has4(const struct net_device *dev, __be32 addr, bool exact)
{
	const struct in_device *in_dev = __in_dev_get_rcu(dev);
	const struct in_ifaddr *ifa;

	if (!in_dev)
		return false;
	in_dev_for_each_ifa_rcu(ifa, in_dev)
		if (exact ? ifa->ifa_local == addr : inet_ifa_match(addr, ifa))
			return true;
	return false;
}

static bool dev_has(struct net *net, struct net_device *dev, u16 af,
		    const union nf_inet_addr *addr, bool exact)
{
	if (af == AF_INET)
		return dev_has4(dev, addr->ip, exact);
	/* Also one that duplicates are still looked for: no event tells the end. */
	if (exact)
		return ipv6_chk_addr_and_flags(net, &addr->in6, dev, false, 1,
					       0);
	return ipv6_chk_prefix(&addr->in6, dev);
}

/* The device that @addr belongs to, or 0. */
int fnat_uplink_of(struct net *net, u16 af, const union nf_inet_addr *addr)
{
	struct net_device *dev;
	int ifindex = 0;

	rcu_read_lock();
	for_each_netdev_rcu(net, dev) {
		if (dev->flags & IFF_LOOPBACK)
			continue;
		if (dev_has(net, dev, af, addr, true)) {
			ifindex = dev->ifindex;
			break;
		}
		if (!ifindex && dev_has(net, dev, af, addr, false))
			ifindex = dev->ifindex;
	}
	rcu_read_unlock();
	return ifindex;
}

/* The group of @ifindex; an empty one is appended when there is none. */
static struct fnat_uplink *link_of(struct fnat_uplinks *uplinks, int ifindex)
{
	struct fnat_uplink *link = uplinks->link;

	while (link < uplinks->link + uplinks->count &&
	       link->ifindex != ifindex)
		link++;
	if (link == uplinks->link + uplinks->count) {
		link->ifindex = ifindex;
		uplinks->count++;
	}
	return link;
}

static void fill_groups(struct fnat_uplinks *uplinks,
			const struct fnat_laddr_set *set)
{
	struct fnat_svc_laddr *entry;
	struct fnat_uplink *link;
	unsigned int i, next = 0;

	for (i = 0; i < set->count; i++) {
		entry = set->entry[i];
		if (entry->uplink)
			link_of(uplinks, entry->uplink)->count++;
	}
	for (i = 0; i < uplinks->count; i++) {
		uplinks->link[i].first = next;
		next += uplinks->link[i].count;
		uplinks->link[i].count = 0;
	}
	for (i = 0; i < set->count; i++) {
		entry = set->entry[i];
		if (!entry->uplink)
			continue;
		link = link_of(uplinks, entry->uplink);
		uplinks->entry[link->first + link->count++] = entry;
	}
}

/*
 * Groups the addresses of @set, which are or are about to be those of @zone: 0
 * or -ENOMEM, and the groups are what they were.
 */
int fnat_uplink_group(struct fnat_net *fn, struct fnat_zone *zone,
		      const struct fnat_laddr_set *set)
{
	struct fnat_uplinks *uplinks = NULL, *old;
	unsigned int i, count = 0;

	for (i = 0; i < set->count; i++)
		if (set->entry[i]->uplink)
			count++;
	if (count) {
		/* Each entry may have a device of its own. */
		uplinks = kvzalloc(struct_size(uplinks, entry, count) +
				   count * sizeof(*uplinks->link), GFP_KERNEL);
		if (!uplinks)
			return -ENOMEM;
		uplinks->link = (void *)&uplinks->entry[count];
		fill_groups(uplinks, set);
	}
	old = rcu_replace_pointer(zone->uplinks, uplinks,
				  lockdep_is_held(&fn->lock));
	if (old)
		kvfree_rcu(old, rcu);
	zone->regroup = false;
	return 0;
}

const struct fnat_uplink *
fnat_uplink_find_rcu(const struct fnat_uplinks *uplinks, int ifindex)
{
	unsigned int i;

	if (!uplinks)
		return NULL;
	for (i = 0; i < uplinks->count; i++)
		if (uplinks->link[i].ifindex == ifindex)
			return &uplinks->link[i];
	return NULL;
}

/* 0 or -ENOMEM: it is to be done again. */
static int regroup_zone(struct fnat_net *fn, struct fnat_zone *zone)
{
	const struct fnat_laddr_set *set =
		fnat_laddr_set_locked(fn, &zone->laddrs);
	unsigned int i;

	for (i = 0; i < set->count; i++) {
		struct fnat_svc_laddr *entry = set->entry[i];
		int uplink = fnat_uplink_of(fn->net, zone->af,
					    &entry->laddr->addr);

		zone->regroup |= uplink != entry->uplink;
		entry->uplink = uplink;
	}
	return zone->regroup ? fnat_uplink_group(fn, zone, set) : 0;
}

static void regroup_work(struct work_struct *work)
{
	struct fnat_net *fn = container_of(to_delayed_work(work),
					   struct fnat_net, snat.uplink_work);
	struct fnat_zone *zone;
	int err = 0;

	mutex_lock(&fn->lock);
	list_for_each_entry(zone, &fn->snat.zones, list)
		err = regroup_zone(fn, zone) ?: err;
	mutex_unlock(&fn->lock);
	if (!err)
		return;
	pr_warn_ratelimited("no memory to group a zone's addresses by device, trying again\n");
	schedule_delayed_work(&fn->snat.uplink_work, REGROUP_AGAIN);
}

/* Called with and without RTNL, also in atomic context. */
static void addresses_changed(const struct net *net)
{
	struct fnat_net *fn = fnat_net(net);

	/* A grace period passes between exiting and the end of the work. */
	rcu_read_lock();
	if (fn && !READ_ONCE(fn->exiting) && !list_empty(&fn->snat.zones))
		schedule_delayed_work(&fn->snat.uplink_work, 0);
	rcu_read_unlock();
}

static int inetaddr_event(struct notifier_block *nb, unsigned long event,
			  void *ptr)
{
	const struct in_ifaddr *ifa = ptr;

	addresses_changed(dev_net(ifa->ifa_dev->dev));
	return NOTIFY_DONE;
}

static int inet6addr_event(struct notifier_block *nb, unsigned long event,
			   void *ptr)
{
	const struct inet6_ifaddr *ifa = ptr;

	addresses_changed(dev_net(ifa->idev->dev));
	return NOTIFY_DONE;
}

static struct notifier_block inetaddr_notifier = {
	.notifier_call = inetaddr_event,
};

static struct notifier_block inet6addr_notifier = {
	.notifier_call = inet6addr_event,
};

void fnat_uplink_net_init(struct fnat_net *fn)
{
	INIT_DELAYED_WORK(&fn->snat.uplink_work, regroup_work);
}

void fnat_uplink_net_exit(struct fnat_net *fn)
{
	cancel_delayed_work_sync(&fn->snat.uplink_work);
}

int fnat_uplink_init(void)
{
	int err = register_inetaddr_notifier(&inetaddr_notifier);

	if (err)
		return err;
	err = register_inet6addr_notifier(&inet6addr_notifier);
	if (err)
		unregister_inetaddr_notifier(&inetaddr_notifier);
	return err;
}

void fnat_uplink_exit(void)
{
	unregister_inet6addr_notifier(&inet6addr_notifier);
	unregister_inetaddr_notifier(&inetaddr_notifier);
}
