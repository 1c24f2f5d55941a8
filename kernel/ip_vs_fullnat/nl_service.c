// SPDX-License-Identifier: GPL-2.0-only
/* Service extensions over netlink. */
#include "netlink.h"

/* Bits of IPVS_FNAT_SVC_ATTR_FLAGS that this module can set. */
#define SVC_FLAGS_KNOWN	IPVS_FNAT_SVC_F_SYNPROXY

static int check_flags(const struct fnat_svc_key *key,
		       const struct nlattr *attr,
		       struct netlink_ext_ack *extack)
{
	struct nla_bitfield32 flags;
	u32 on;

	if (!attr)
		return 0;
	flags = nla_get_bitfield32(attr);
	on = flags.value & flags.selector;
	/* Switching off what cannot be on is no error. */
	if (on & ~SVC_FLAGS_KNOWN) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "FLAGS has a bit that this module does not know");
		return -EOPNOTSUPP;
	}
	/* A firewall mark names services of any protocol: TCP is proxied. */
	if (on & IPVS_FNAT_SVC_F_SYNPROXY && !key->fwmark &&
	    key->protocol != IPPROTO_TCP) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "SYNPROXY is for TCP services only");
		return -EINVAL;
	}
	return 0;
}

static void set_flags(struct fnat_net *fn, struct fnat_svc *svc,
		      const struct nlattr *attr)
{
	struct nla_bitfield32 flags;

	if (!attr)
		return;
	flags = nla_get_bitfield32(attr);
	if (flags.selector & IPVS_FNAT_SVC_F_SYNPROXY)
		fnat_svc_set_synproxy(fn, svc, flags.value &
				      IPVS_FNAT_SVC_F_SYNPROXY);
}

int fnat_nl_set_service(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *a[IPVS_FNAT_SVC_ATTR_MAX + 1];
	struct fnat_net *fn = fnat_net(genl_info_net(info));
	struct fnat_svc_key key;
	struct fnat_svc *svc;
	int err;

	err = fnat_nl_parse_service(fn, info->attrs[IPVS_FNAT_ATTR_SERVICE],
				    &key, a, info->extack);
	if (!err)
		err = check_flags(&key, a[IPVS_FNAT_SVC_ATTR_FLAGS],
				  info->extack);
	if (err)
		return err;

	mutex_lock(&fn->lock);
	svc = fnat_svc_find(fn, &key);
	if (!svc)
		svc = fnat_svc_add(fn, &key);
	if (IS_ERR(svc)) {
		err = PTR_ERR(svc);
	} else {
		WRITE_ONCE(fn->draining, false);
		set_flags(fn, svc, a[IPVS_FNAT_SVC_ATTR_FLAGS]);
		fnat_nl_notify(fn, IPVS_FNAT_CMD_SET_SERVICE, &key, NULL);
	}
	mutex_unlock(&fn->lock);
	return err;
}

int fnat_nl_del_service(struct sk_buff *skb, struct genl_info *info)
{
	struct fnat_net *fn = fnat_net(genl_info_net(info));
	struct fnat_svc_key key;
	struct fnat_svc *svc;
	int err;

	err = fnat_nl_parse_service(fn, info->attrs[IPVS_FNAT_ATTR_SERVICE],
				    &key, NULL, info->extack);
	if (err)
		return err;

	mutex_lock(&fn->lock);
	svc = fnat_svc_find(fn, &key);
	if (svc) {
		fnat_svc_del(fn, svc);
		fnat_nl_notify(fn, IPVS_FNAT_CMD_DEL_SERVICE, &key, NULL);
	} else {
		NL_SET_ERR_MSG(info->extack,
			       "the service has no FULLNAT extension");
		err = -ESRCH;
	}
	mutex_unlock(&fn->lock);
	return err;
}

int fnat_nl_flush(struct sk_buff *skb, struct genl_info *info)
{
	struct fnat_net *fn = fnat_net(genl_info_net(info));

	mutex_lock(&fn->lock);
	fnat_svc_flush(fn);
	fnat_zone_flush(fn);
	fnat_nl_notify(fn, IPVS_FNAT_CMD_FLUSH, NULL, NULL);
	mutex_unlock(&fn->lock);
	return 0;
}

int fnat_nl_put_flags(struct sk_buff *skb, const struct fnat_svc *svc)
{
	return nla_put_bitfield32(skb, IPVS_FNAT_SVC_ATTR_FLAGS, svc->synproxy ?
				  IPVS_FNAT_SVC_F_SYNPROXY : 0,
				  SVC_FLAGS_KNOWN);
}

static int fill_service(struct sk_buff *skb, struct netlink_callback *cb,
			struct fnat_net *fn, const struct fnat_svc *svc)
{
	const struct fnat_laddr_set *set =
		rcu_dereference_protected(svc->laddrs,
					  lockdep_is_held(&fn->lock));
	void *hdr = fnat_nl_dump_msg(skb, cb, IPVS_FNAT_CMD_GET_SERVICE);
	struct nlattr *nest;

	if (!hdr)
		return -EMSGSIZE;
	nest = nla_nest_start(skb, IPVS_FNAT_ATTR_SERVICE);
	if (!nest || fnat_nl_put_key(skb, &svc->key) ||
	    fnat_nl_put_flags(skb, svc) ||
	    nla_put_u32(skb, IPVS_FNAT_SVC_ATTR_LADDR_COUNT, set->count)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	genlmsg_end(skb, hdr);
	return 0;
}

int fnat_nl_dump_service(struct sk_buff *skb, struct netlink_callback *cb)
{
	int len = fnat_nl_dump_services(skb, cb, fill_service);

	/* Having none is an answer. */
	return len == -ESRCH ? skb->len : len;
}

/*
 * Walks the services, or the one that the request names, in as many messages as
 * it takes. @fill writes what a service has, under fn->lock; -EMSGSIZE when
 * @skb is full: then it is called again for the same one, and finds what it has
 * left in cb->args[FNAT_NL_DUMP_WITHIN], which is 0 when a service begins.
 * -ESRCH: there is no such service.
 */
int fnat_nl_dump_services(struct sk_buff *skb, struct netlink_callback *cb,
			  fnat_nl_fill_fn *fill)
{
	const struct nlattr *nest =
		fnat_nl_dump_attrs(cb)[IPVS_FNAT_ATTR_SERVICE];
	struct fnat_net *fn = fnat_net(sock_net(skb->sk));
	long *done = &cb->args[FNAT_NL_DUMP_DONE];
	long *within = &cb->args[FNAT_NL_DUMP_WITHIN];
	/* One that was there when the dump began may go on its way. */
	bool found = !nest || *done || *within;
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
		if (index++ < *done)
			continue;
		if (fill(skb, cb, fn, svc))
			break;
		*within = 0;
		(*done)++;
	}
	mutex_unlock(&fn->lock);
	return found ? skb->len : -ESRCH;
}
