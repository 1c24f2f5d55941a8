// SPDX-License-Identifier: GPL-2.0-only
/* Local addresses of services over netlink. */
#include "netlink.h"

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

static int add_laddr(struct fnat_net *fn, const struct fnat_svc_key *key,
		     const union nf_inet_addr *addr,
		     struct netlink_ext_ack *extack)
{
	struct fnat_svc *svc, *new = NULL;
	int err;

	rcu_read_lock();
	svc = fnat_svc_find_rcu(key);
	rcu_read_unlock();
	if (!svc) {
		new = fnat_svc_add(fn, key);
		if (IS_ERR(new))
			return PTR_ERR(new);
		svc = new;
	}
	err = fnat_svc_add_laddr(fn, svc, addr);
	if (err == -EEXIST)
		NL_SET_ERR_MSG(extack,
			       "the service has this local address already");
	if (err && new)
		fnat_svc_del(fn, new);
	return err;
}

int fnat_nl_new_laddr(struct sk_buff *skb, struct genl_info *info)
{
	struct fnat_net *fn = fnat_net(genl_info_net(info));
	union nf_inet_addr addr;
	struct fnat_svc_key key;
	int err;

	err = parse_request(info, fn, &key, &addr);
	if (err)
		return err;
	mutex_lock(&fn->lock);
	err = add_laddr(fn, &key, &addr, info->extack);
	if (!err) {
		WRITE_ONCE(fn->draining, false);
		fnat_nl_notify(fn, IPVS_FNAT_CMD_NEW_LADDR, &key, &addr);
	}
	mutex_unlock(&fn->lock);
	return err;
}

static int del_laddr(struct fnat_net *fn, const struct fnat_svc_key *key,
		     const union nf_inet_addr *addr,
		     struct netlink_ext_ack *extack)
{
	struct fnat_svc *svc;
	int err;

	rcu_read_lock();
	svc = fnat_svc_find_rcu(key);
	rcu_read_unlock();
	if (!svc) {
		NL_SET_ERR_MSG(extack, "the service has no local addresses");
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
	struct fnat_net *fn = fnat_net(genl_info_net(info));
	union nf_inet_addr addr;
	struct fnat_svc_key key;
	int err;

	err = parse_request(info, fn, &key, &addr);
	if (err)
		return err;
	mutex_lock(&fn->lock);
	err = del_laddr(fn, &key, &addr, info->extack);
	if (!err)
		fnat_nl_notify(fn, IPVS_FNAT_CMD_DEL_LADDR, &key, &addr);
	mutex_unlock(&fn->lock);
	return err;
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

	nest = nla_nest_start(skb, IPVS_FNAT_ATTR_LADDR);
	if (!nest ||
	    fnat_nl_put_addr(skb, IPVS_FNAT_LADDR_ATTR_ADDR,
			     &entry->laddr->addr) ||
	    nla_put_u64_64bit(skb, IPVS_FNAT_LADDR_ATTR_PORT_CONFLICT,
			      atomic64_read(&entry->conflicts),
			      IPVS_FNAT_LADDR_ATTR_PAD) ||
	    nla_put_u32(skb, IPVS_FNAT_LADDR_ATTR_CONN_COUNTS,
			atomic_read(&entry->conns)))
		goto err_cancel;
	nla_nest_end(skb, nest);
	genlmsg_end(skb, hdr);
	return 0;

err_cancel:
	genlmsg_cancel(skb, hdr);
	return -EMSGSIZE;
}

/* One service from cb->args[1] on; -EMSGSIZE when the message is full. */
static int dump_set(struct sk_buff *skb, struct netlink_callback *cb,
		    struct fnat_net *fn, const struct fnat_svc *svc)
{
	const struct fnat_laddr_set *set =
		rcu_dereference_protected(svc->laddrs,
					  lockdep_is_held(&fn->lock));
	int err;

	for (; cb->args[1] < set->count; cb->args[1]++) {
		err = fill_laddr(skb, cb, svc, set->entry[cb->args[1]]);
		if (err)
			return err;
	}
	cb->args[1] = 0;
	return 0;
}

/* args[0]: services done, args[1]: addresses of the next one done */
int fnat_nl_dump_laddr(struct sk_buff *skb, struct netlink_callback *cb)
{
	const struct nlattr *nest =
		fnat_nl_dump_attrs(cb)[IPVS_FNAT_ATTR_SERVICE];
	struct fnat_net *fn = fnat_net(sock_net(skb->sk));
	bool found = !nest || cb->args[0];
	struct fnat_svc_key key;
	struct fnat_svc *svc;
	int index = 0, err;

	if (nest) {
		err = fnat_nl_parse_service(fn, nest, &key, NULL, cb->extack);
		if (err)
			return err;
	}
	mutex_lock(&fn->lock);
	cb->seq = fn->generation;
	list_for_each_entry(svc, &fn->services, list) {
		if (nest && memcmp(&svc->key, &key, sizeof(key)))
			continue;
		found = true;
		if (index++ < cb->args[0])
			continue;
		if (dump_set(skb, cb, fn, svc))
			break;
		cb->args[0]++;
	}
	mutex_unlock(&fn->lock);
	if (found)
		return skb->len;
	NL_SET_ERR_MSG(cb->extack, "the service has no local addresses");
	return -ESRCH;
}
