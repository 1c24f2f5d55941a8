// SPDX-License-Identifier: GPL-2.0-only
/* SNAT zones over netlink. */
#include <linux/inetdevice.h>

#include "netlink.h"

#define NO_ZONE	"there is no such zone"

const struct nla_policy fnat_nl_zone_policy[IPVS_FNAT_ZONE_ATTR_MAX + 1] = {
	[IPVS_FNAT_ZONE_ATTR_ADDR] =
		NLA_POLICY_EXACT_LEN(sizeof(union nf_inet_addr)),
	[IPVS_FNAT_ZONE_ATTR_NETMASK] = { .type = NLA_U32 },
	[IPVS_FNAT_ZONE_ATTR_PREFIXLEN] = NLA_POLICY_MAX(NLA_U8, 128),
	[IPVS_FNAT_ZONE_ATTR_AF] = { .type = NLA_U16 },
	[IPVS_FNAT_ZONE_ATTR_SELECT] =
		NLA_POLICY_MAX(NLA_U8, IPVS_FNAT_ZONE_SELECT_MAX),
	[IPVS_FNAT_ZONE_ATTR_LIMIT] = { .type = NLA_U32 },
	[IPVS_FNAT_ZONE_ATTR_LADDR_COUNT] = { .type = NLA_REJECT,
		.reject_message = "IPVS_FNAT_ZONE_ATTR_LADDR_COUNT is for answers only" },
};

/* What names a zone. */
struct zone_key {
	union nf_inet_addr addr;
	u16 af;
	u8 prefixlen;
};

static int parse_netmask(const struct nlattr *attr, struct zone_key *key,
			 struct netlink_ext_ack *extack)
{
	__be32 mask = nla_get_be32(attr);

	key->prefixlen = inet_mask_len(mask);
	if (key->af == AF_INET && inet_make_mask(key->prefixlen) == mask)
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, attr,
			    "NETMASK is for IPv4, ones and then zeros");
	return -EINVAL;
}

static int parse_mask(struct nlattr **a, struct zone_key *key,
		      const struct nlattr *nest, struct netlink_ext_ack *extack)
{
	const struct nlattr *prefixlen = a[IPVS_FNAT_ZONE_ATTR_PREFIXLEN];
	const struct nlattr *netmask = a[IPVS_FNAT_ZONE_ATTR_NETMASK];

	if (!prefixlen == !netmask) {
		NL_SET_ERR_MSG_ATTR(extack, nest,
				    "a zone needs either NETMASK or PREFIXLEN");
		return -EINVAL;
	}
	if (netmask)
		return parse_netmask(netmask, key, extack);
	key->prefixlen = nla_get_u8(prefixlen);
	if (key->af == AF_INET6 || key->prefixlen <= 32)
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, prefixlen, "PREFIXLEN of IPv4 is 32 at most");
	return -EINVAL;
}

static int parse_network(const struct nlattr *attr, struct zone_key *key,
			 struct netlink_ext_ack *extack)
{
	union nf_inet_addr mask;
	int i;

	memcpy(&key->addr, nla_data(attr), sizeof(key->addr));
	fnat_zone_mask(key->af, key->prefixlen, &mask);
	for (i = 0; i < ARRAY_SIZE(mask.all); i++) {
		if (!(key->addr.all[i] & ~mask.all[i]))
			continue;
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "ADDR of the zone has bits behind its mask");
		return -ERANGE;
	}
	return 0;
}

/*
 * Reads IPVS_FNAT_ATTR_ZONE; @a has room for IPVS_FNAT_ZONE_ATTR_MAX + 1 and
 * receives the attributes.
 */
static int parse_zone(const struct nlattr *nest, struct zone_key *key,
		      struct nlattr **a, struct netlink_ext_ack *extack)
{
	int err;

	if (!nest) {
		NL_SET_ERR_MSG(extack, "attribute ZONE is missing");
		return -EINVAL;
	}
	err = nla_parse_nested(a, IPVS_FNAT_ZONE_ATTR_MAX, nest,
			       fnat_nl_zone_policy, extack);
	if (err)
		return err;
	key->af = AF_INET;
	if (a[IPVS_FNAT_ZONE_ATTR_AF])
		key->af = nla_get_u16(a[IPVS_FNAT_ZONE_ATTR_AF]);
	if (key->af != AF_INET && key->af != AF_INET6) {
		NL_SET_ERR_MSG_ATTR(extack, a[IPVS_FNAT_ZONE_ATTR_AF],
				    "AF is neither AF_INET nor AF_INET6");
		return -EAFNOSUPPORT;
	}
	if (!a[IPVS_FNAT_ZONE_ATTR_ADDR]) {
		NL_SET_ERR_MSG_ATTR(extack, nest, "ZONE has no ADDR");
		return -EINVAL;
	}
	err = parse_mask(a, key, nest, extack);
	if (err)
		return err;
	return parse_network(a[IPVS_FNAT_ZONE_ATTR_ADDR], key, extack);
}

/* The attributes that name a zone, without the nest around them. */
static int put_key(struct sk_buff *skb, const struct fnat_zone *zone)
{
	if (fnat_nl_put_addr(skb, IPVS_FNAT_ZONE_ATTR_ADDR, &zone->addr) ||
	    nla_put_u16(skb, IPVS_FNAT_ZONE_ATTR_AF, zone->af))
		return -EMSGSIZE;
	if (zone->af == AF_INET)
		return nla_put_be32(skb, IPVS_FNAT_ZONE_ATTR_NETMASK,
				    zone->mask.ip);
	return nla_put_u8(skb, IPVS_FNAT_ZONE_ATTR_PREFIXLEN, zone->prefixlen);
}

static int put_zone(struct sk_buff *skb, const void *zone)
{
	struct nlattr *nest = nla_nest_start(skb, IPVS_FNAT_ATTR_ZONE);

	if (!nest || put_key(skb, zone))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static void set_options(struct fnat_zone *zone, struct nlattr **a)
{
	if (a[IPVS_FNAT_ZONE_ATTR_SELECT])
		WRITE_ONCE(zone->select,
			   nla_get_u8(a[IPVS_FNAT_ZONE_ATTR_SELECT]));
	if (a[IPVS_FNAT_ZONE_ATTR_LIMIT])
		WRITE_ONCE(zone->limit,
			   nla_get_u32(a[IPVS_FNAT_ZONE_ATTR_LIMIT]));
}

/* The zone that a request names, or ERR_PTR(-ENOENT). Caller: fn->lock. */
static struct fnat_zone *find_zone(struct fnat_net *fn,
				   const struct zone_key *key,
				   struct netlink_ext_ack *extack)
{
	struct fnat_zone *zone = fnat_zone_find(fn, key->af, &key->addr,
						key->prefixlen);

	if (zone)
		return zone;
	NL_SET_ERR_MSG(extack, NO_ZONE);
	return ERR_PTR(-ENOENT);
}

static int new_zone(struct fnat_net *fn, const struct zone_key *key,
		    struct nlattr **a, struct netlink_ext_ack *extack)
{
	struct fnat_zone *zone;

	if (fnat_zone_find(fn, key->af, &key->addr, key->prefixlen)) {
		NL_SET_ERR_MSG(extack, "there is this zone already");
		return -EEXIST;
	}
	zone = fnat_zone_add(fn, key->af, &key->addr, key->prefixlen);
	if (IS_ERR(zone))
		return PTR_ERR(zone);
	set_options(zone, a);
	WRITE_ONCE(fn->draining, false);
	fnat_nl_notify_put(fn, IPVS_FNAT_CMD_NEW_ZONE, put_zone, zone, NULL);
	return 0;
}

static int set_zone(struct fnat_net *fn, const struct zone_key *key,
		    struct nlattr **a, struct netlink_ext_ack *extack)
{
	struct fnat_zone *zone = find_zone(fn, key, extack);

	if (IS_ERR(zone))
		return PTR_ERR(zone);
	set_options(zone, a);
	fn->generation++;
	fnat_nl_notify_put(fn, IPVS_FNAT_CMD_SET_ZONE, put_zone, zone, NULL);
	return 0;
}

static int del_zone(struct fnat_net *fn, const struct zone_key *key,
		    struct nlattr **a, struct netlink_ext_ack *extack)
{
	struct fnat_zone *zone = find_zone(fn, key, extack);

	if (IS_ERR(zone))
		return PTR_ERR(zone);
	fnat_nl_notify_put(fn, IPVS_FNAT_CMD_DEL_ZONE, put_zone, zone, NULL);
	fnat_zone_del(fn, zone);
	return 0;
}

/* What a request does to a zone. Caller: fn->lock. */
typedef int change_fn(struct fnat_net *fn, const struct zone_key *key,
		      struct nlattr **a, struct netlink_ext_ack *extack);

static int change_zone(struct genl_info *info, change_fn *change)
{
	struct fnat_net *fn = fnat_net(genl_info_net(info));
	struct nlattr *a[IPVS_FNAT_ZONE_ATTR_MAX + 1];
	struct zone_key key;
	int err;

	err = parse_zone(info->attrs[IPVS_FNAT_ATTR_ZONE], &key, a,
			 info->extack);
	if (err)
		return err;
	mutex_lock(&fn->lock);
	err = change(fn, &key, a, info->extack);
	mutex_unlock(&fn->lock);
	return err;
}

int fnat_nl_new_zone(struct sk_buff *skb, struct genl_info *info)
{
	return change_zone(info, new_zone);
}

int fnat_nl_set_zone(struct sk_buff *skb, struct genl_info *info)
{
	return change_zone(info, set_zone);
}

int fnat_nl_del_zone(struct sk_buff *skb, struct genl_info *info)
{
	return change_zone(info, del_zone);
}

static int change_laddr(struct fnat_net *fn, u8 cmd, struct fnat_zone *zone,
			const union nf_inet_addr *addr,
			struct netlink_ext_ack *extack)
{
	int err;

	if (cmd == IPVS_FNAT_CMD_NEW_LADDR_ZONE)
		err = fnat_zone_add_laddr(fn, zone, addr);
	else
		err = fnat_zone_del_laddr(fn, zone, addr);
	if (err == -EEXIST)
		NL_SET_ERR_MSG(extack, "the zone has this local address already");
	if (err == -ENOENT)
		NL_SET_ERR_MSG(extack, "the zone has no such local address");
	return err;
}

/* NEW_LADDR_ZONE and DEL_LADDR_ZONE */
int fnat_nl_change_laddr_zone(struct sk_buff *skb, struct genl_info *info)
{
	struct fnat_net *fn = fnat_net(genl_info_net(info));
	struct nlattr *a[IPVS_FNAT_ZONE_ATTR_MAX + 1];
	u8 cmd = info->genlhdr->cmd;
	union nf_inet_addr addr;
	struct fnat_zone *zone;
	struct zone_key key;
	int err;

	err = parse_zone(info->attrs[IPVS_FNAT_ATTR_ZONE], &key, a,
			 info->extack);
	if (!err)
		err = fnat_nl_parse_laddr(info->attrs[IPVS_FNAT_ATTR_LADDR],
					  key.af, &addr, info->extack);
	if (err)
		return err;
	mutex_lock(&fn->lock);
	zone = find_zone(fn, &key, info->extack);
	err = PTR_ERR_OR_ZERO(zone);
	if (!err)
		err = change_laddr(fn, cmd, zone, &addr, info->extack);
	if (!err) {
		if (cmd == IPVS_FNAT_CMD_NEW_LADDR_ZONE)
			WRITE_ONCE(fn->draining, false);
		fnat_nl_notify_put(fn, cmd, put_zone, zone, &addr);
	}
	mutex_unlock(&fn->lock);
	return err;
}

typedef int fill_fn(struct sk_buff *skb, struct netlink_callback *cb,
		    struct fnat_net *fn, const struct fnat_zone *zone);

/* As fnat_nl_dump_services(), of zones. */
static int dump_zones(struct sk_buff *skb, struct netlink_callback *cb,
		      fill_fn *fill)
{
	const struct nlattr *nest = fnat_nl_dump_attrs(cb)[IPVS_FNAT_ATTR_ZONE];
	struct fnat_net *fn = fnat_net(sock_net(skb->sk));
	struct nlattr *a[IPVS_FNAT_ZONE_ATTR_MAX + 1];
	long *done = &cb->args[FNAT_NL_DUMP_DONE];
	long *within = &cb->args[FNAT_NL_DUMP_WITHIN];
	bool found = !nest || *done || *within;
	const struct fnat_zone *zone;
	struct zone_key key;
	int index = 0, err;

	if (nest) {
		err = parse_zone(nest, &key, a, cb->extack);
		if (err)
			return err;
	}
	mutex_lock(&fn->lock);
	cb->seq = fn->generation;
	list_for_each_entry(zone, &fn->snat.zones, list) {
		if (nest && (zone->af != key.af ||
			     zone->prefixlen != key.prefixlen ||
			     !ip_vs_addr_equal(key.af, &zone->addr, &key.addr)))
			continue;
		found = true;
		if (index++ < *done)
			continue;
		if (fill(skb, cb, fn, zone))
			break;
		*within = 0;
		(*done)++;
	}
	mutex_unlock(&fn->lock);
	if (found)
		return skb->len;
	NL_SET_ERR_MSG(cb->extack, NO_ZONE);
	return -ENOENT;
}

static int fill_zone(struct sk_buff *skb, struct netlink_callback *cb,
		     struct fnat_net *fn, const struct fnat_zone *zone)
{
	const struct fnat_laddr_set *set =
		fnat_laddr_set_locked(fn, &zone->laddrs);
	void *hdr = fnat_nl_dump_msg(skb, cb, IPVS_FNAT_CMD_GET_ZONE);
	struct nlattr *nest;

	if (!hdr)
		return -EMSGSIZE;
	nest = nla_nest_start(skb, IPVS_FNAT_ATTR_ZONE);
	if (!nest || put_key(skb, zone) ||
	    nla_put_u8(skb, IPVS_FNAT_ZONE_ATTR_SELECT, zone->select) ||
	    nla_put_u32(skb, IPVS_FNAT_ZONE_ATTR_LIMIT, zone->limit) ||
	    nla_put_u32(skb, IPVS_FNAT_ZONE_ATTR_LADDR_COUNT, set->count)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	genlmsg_end(skb, hdr);
	return 0;
}

int fnat_nl_dump_zone(struct sk_buff *skb, struct netlink_callback *cb)
{
	return dump_zones(skb, cb, fill_zone);
}

static int fill_laddr(struct sk_buff *skb, struct netlink_callback *cb,
		      const struct fnat_zone *zone,
		      const struct fnat_svc_laddr *entry)
{
	void *hdr = fnat_nl_dump_msg(skb, cb, IPVS_FNAT_CMD_GET_LADDR_ZONE);

	if (!hdr)
		return -EMSGSIZE;
	if (put_zone(skb, zone) || fnat_nl_put_laddr(skb, entry)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

/* Of one zone, from the address on that the last message had no room for. */
static int fill_set(struct sk_buff *skb, struct netlink_callback *cb,
		    struct fnat_net *fn, const struct fnat_zone *zone)
{
	const struct fnat_laddr_set *set =
		fnat_laddr_set_locked(fn, &zone->laddrs);
	long *done = &cb->args[FNAT_NL_DUMP_WITHIN];
	int err;

	for (; *done < set->count; (*done)++) {
		err = fill_laddr(skb, cb, zone, set->entry[*done]);
		if (err)
			return err;
	}
	return 0;
}

int fnat_nl_dump_laddr_zone(struct sk_buff *skb, struct netlink_callback *cb)
{
	return dump_zones(skb, cb, fill_set);
}
