// SPDX-License-Identifier: GPL-2.0-only
/*
 * defence_tcp_drop and defence_udp_drop: what comes from outside for an address
 * of a TCP service and is wanted by no service and no connection is dropped,
 * so that the host need not answer it. Off by default: programs of the host on
 * such an address are not reached any more.
 *
 * Alibaba's kernel, which has them on, drops UDP for such an address even where
 * there is an UDP service; here services come first.
 */
#include <linux/slab.h>

#include "fnat.h"

/* An address of TCP services. */
struct fnat_vip {
	struct hlist_node node;		/* in vip_hash [fn->lock, RCU] */
	union nf_inet_addr addr;	/* [const] */
	u16 af;				/* [const] */
	unsigned int services;		/* that have it [fn->lock] */
	struct rcu_head rcu;
};

static bool has_vip(const struct fnat_svc_key *key)
{
	return !key->fwmark && key->protocol == IPPROTO_TCP;
}

static struct fnat_vip *vip_find(const struct fnat_net *fn, u16 af,
				 const union nf_inet_addr *addr)
{
	struct fnat_vip *vip;

	hlist_for_each_entry_rcu(vip, &fn->vip_hash[fnat_addr_hash(af, addr)],
				 node, lockdep_is_held(&fn->lock))
		if (vip->af == af && ip_vs_addr_equal(af, &vip->addr, addr))
			return vip;
	return NULL;
}

/* A service begins. 0 or -ENOMEM. Caller: fn->lock. */
int fnat_defence_add(struct fnat_net *fn, const struct fnat_svc_key *key)
{
	struct fnat_vip *vip;

	if (!has_vip(key))
		return 0;
	vip = vip_find(fn, key->af, &key->vip);
	if (!vip) {
		vip = kzalloc(sizeof(*vip), GFP_KERNEL_ACCOUNT);
		if (!vip)
			return -ENOMEM;
		vip->af = key->af;
		vip->addr = key->vip;
		hlist_add_head_rcu(&vip->node,
				   &fn->vip_hash[fnat_addr_hash(key->af,
								&key->vip)]);
	}
	vip->services++;
	return 0;
}

/* A service for which fnat_defence_add() has succeeded ends. */
void fnat_defence_del(struct fnat_net *fn, const struct fnat_svc_key *key)
{
	struct fnat_vip *vip;

	if (!has_vip(key))
		return;
	vip = vip_find(fn, key->af, &key->vip);
	if (--vip->services)
		return;
	hlist_del_rcu(&vip->node);
	kfree_rcu(vip, rcu);
}

/* The verdict on a packet for the host that stock has let go. */
unsigned int fnat_defence(const struct fnat_net *fn, const struct sk_buff *skb,
			  u16 af, const struct ip_vs_iphdr *iph)
{
	bool tcp = iph->protocol == IPPROTO_TCP;

	if (tcp ? !READ_ONCE(fn->sysctl.defence_tcp) :
		  iph->protocol != IPPROTO_UDP ||
		  !READ_ONCE(fn->sysctl.defence_udp))
		return NF_ACCEPT;
	/* The host talks to itself. */
	if (skb->dev->flags & IFF_LOOPBACK)
		return NF_ACCEPT;
	if (!vip_find(fn, af, &iph->daddr))
		return NF_ACCEPT;
	return tcp ? fnat_drop(fn, DEFENCE_TCP_DROP) :
		     fnat_drop(fn, DEFENCE_UDP_DROP);
}
