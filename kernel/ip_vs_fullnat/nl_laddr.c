// SPDX-License-Identifier: GPL-2.0-only
/* Local addresses of services over netlink. */
#include "netlink.h"

#define FNAT_NL_NO_LADDRS	"the service has no local addresses"

/* Both requests name a service and an address. */
static int parse_request(struct genl_info *info, struct fnat_net *fn,
			 struct fnat_svc_key *key, union nf_inet_addr *addr)
{
	int err;

	err = fnat_nl_parse_service(fn, info->attrs[IPVS_FNAT_ATTR_SERVICE],
				    key, NULL, info->extack);
	if (err)
		return err;
	return fnat_nl_parse_laddr(info->attrs[IPVS_FNAT_ATTR_LADDR], key->af,
				   addr, info->extack);
}

/* What a request does to a service. Caller: fn->lock. */
typedef int change_fn(struct fnat_net *fn, const struct fnat_svc_key *key,
		      const union nf_inet_addr *addr,
		      struct netlink_ext_ack *extack);

static int change_laddr(struct genl_info *info, change_fn *change)
{
	struct fnat_net *fn = fnat_net(genl_info_net(info));
	union nf_inet_addr addr;
	struct fnat_svc_key key;
	int err;

	err = parse_request(info, fn, &key, &addr);
	if (err)
		return err;
	mutex_lock(&fn->lock);
	err = change(fn, &key, &addr, info->extack);
	if (!err)
		fnat_nl_notify(fn, info->genlhdr->cmd, &key, &addr);
	mutex_unlock(&fn->lock);
	return err;
}

static int add_laddr(struct fnat_net *fn, const struct fnat_svc_key *key,
		     const union nf_inet_addr *addr,
		     struct netlink_ext_ack *extack)
{
	struct fnat_svc *svc, *new = NULL;
	int err;

	if (fnat_zone_is_switch(key)) {
		NL_SET_ERR_MSG(extack,
			       "this service switches SNAT on: its local addresses are those of zones");
		return -EINVAL;
	}
	svc = fnat_svc_find(fn, key);
	if (!svc) {
		new = fnat_svc_add(fn, key);
		if (IS_ERR(new))
			return PTR_ERR(new);
		svc = new;
	}
	err = fnat_svc_add_laddr(fn, svc, addr);
	if (!err)
		WRITE_ONCE(fn->draining, false);
	else if (new)
		fnat_svc_del(fn, new);
	if (err == -EEXIST)
		NL_SET_ERR_MSG(extack,
			       "the service has this local address already");
	return err;
}

int fnat_nl_new_laddr(struct sk_buff *skb, struct genl_info *info)
{
	return change_laddr(info, add_laddr);
}

static int del_laddr(struct fnat_net *fn, const struct fnat_svc_key *key,
		     const union nf_inet_addr *addr,
		     struct netlink_ext_ack *extack)
{
	struct fnat_svc *svc = fnat_svc_find(fn, key);
	int err;

	if (!svc) {
		NL_SET_ERR_MSG(extack, FNAT_NL_NO_LADDRS);
		return -ESRCH;
	}
	err = fnat_svc_del_laddr(fn, svc, addr);
	if (err == -ENOENT)
		NL_SET_ERR_MSG(extack,
			       "the service has no such local address");
	return err;
}

int fnat_nl_del_laddr(struct sk_buff *skb, struct genl_info *info)
{
	return change_laddr(info, del_laddr);
}

static int fill_laddr(struct sk_buff *skb, struct netlink_callback *cb,
		      const struct fnat_svc *svc,
		      const struct fnat_svc_laddr *entry)
{
	void *hdr = fnat_nl_dump_msg(skb, cb, IPVS_FNAT_CMD_GET_LADDR);
	struct nlattr *nest;

	if (!hdr)
		return -EMSGSIZE;
	nest = nla_nest_start(skb, IPVS_FNAT_ATTR_SERVICE);
	if (!nest || fnat_nl_put_key(skb, &svc->key))
		goto err_cancel;
	nla_nest_end(skb, nest);

	if (fnat_nl_put_laddr(skb, entry))
		goto err_cancel;
	genlmsg_end(skb, hdr);
	return 0;

err_cancel:
	genlmsg_cancel(skb, hdr);
	return -EMSGSIZE;
}

/* Of one service, from the address on that the last message had no room for. */
static int fill_set(struct sk_buff *skb, struct netlink_callback *cb,
		    struct fnat_net *fn, const struct fnat_svc *svc)
{
	const struct fnat_laddr_set *set =
		rcu_dereference_protected(svc->laddrs,
					  lockdep_is_held(&fn->lock));
	long *done = &cb->args[FNAT_NL_DUMP_WITHIN];
	int err;

	for (; *done < set->count; (*done)++) {
		err = fill_laddr(skb, cb, svc, set->entry[*done]);
		if (err)
			return err;
	}
	return 0;
}

int fnat_nl_dump_laddr(struct sk_buff *skb, struct netlink_callback *cb)
{
	int len = fnat_nl_dump_services(skb, cb, fill_set);

	if (len == -ESRCH)
		NL_SET_ERR_MSG(cb->extack, FNAT_NL_NO_LADDRS);
	return len;
}
