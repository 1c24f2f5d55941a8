// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family IPVS_FULLNAT: policies, operations, and what its
 * handlers share. include/uapi/linux/ip_vs_fullnat.h is its manual.
 */
#include <linux/module.h>

#include "netlink.h"

static const struct nla_policy svc_policy[IPVS_FNAT_SVC_ATTR_MAX + 1] = {
	[IPVS_FNAT_SVC_ATTR_AF] = { .type = NLA_U16 },
	[IPVS_FNAT_SVC_ATTR_PROTOCOL] = { .type = NLA_U16 },
	[IPVS_FNAT_SVC_ATTR_ADDR] =
		NLA_POLICY_EXACT_LEN(sizeof(union nf_inet_addr)),
	[IPVS_FNAT_SVC_ATTR_PORT] = { .type = NLA_U16 },
	[IPVS_FNAT_SVC_ATTR_FWMARK] = { .type = NLA_U32 },
	/* Which bits there are is for the handler, which says more. */
	[IPVS_FNAT_SVC_ATTR_FLAGS] = NLA_POLICY_BITFIELD32(U32_MAX),
	[IPVS_FNAT_SVC_ATTR_LADDR_COUNT] = { .type = NLA_REJECT,
		.reject_message = "IPVS_FNAT_SVC_ATTR_LADDR_COUNT is for answers only" },
};

static const struct nla_policy laddr_policy[IPVS_FNAT_LADDR_ATTR_MAX + 1] = {
	[IPVS_FNAT_LADDR_ATTR_ADDR] =
		NLA_POLICY_EXACT_LEN(sizeof(union nf_inet_addr)),
	/* Answers only; Alibaba's tools send them along. */
	[IPVS_FNAT_LADDR_ATTR_PORT_CONFLICT] = { .type = NLA_U64 },
	[IPVS_FNAT_LADDR_ATTR_CONN_COUNTS] = { .type = NLA_U32 },
};

const struct nla_policy fnat_nl_policy[IPVS_FNAT_ATTR_MAX + 1] = {
	[IPVS_FNAT_ATTR_SERVICE] = NLA_POLICY_NESTED(svc_policy),
	[IPVS_FNAT_ATTR_LADDR] = NLA_POLICY_NESTED(laddr_policy),
	[IPVS_FNAT_ATTR_ZONE] = NLA_POLICY_NESTED(fnat_nl_zone_policy),
};

static int parse_vip(struct nlattr **a, struct fnat_svc_key *key,
		     const struct nlattr *nest, struct netlink_ext_ack *extack)
{
	if (!a[IPVS_FNAT_SVC_ATTR_PROTOCOL] || !a[IPVS_FNAT_SVC_ATTR_ADDR] ||
	    !a[IPVS_FNAT_SVC_ATTR_PORT]) {
		NL_SET_ERR_MSG_ATTR(extack, nest,
				    "a service needs PROTOCOL, ADDR and PORT, or FWMARK");
		return -EINVAL;
	}
	key->protocol = nla_get_u16(a[IPVS_FNAT_SVC_ATTR_PROTOCOL]);
	if (key->protocol != IPPROTO_TCP && key->protocol != IPPROTO_UDP) {
		NL_SET_ERR_MSG_ATTR(extack, a[IPVS_FNAT_SVC_ATTR_PROTOCOL],
				    "FULLNAT knows TCP and UDP only");
		return -EINVAL;
	}
	ip_vs_addr_copy(key->af, &key->vip,
			nla_data(a[IPVS_FNAT_SVC_ATTR_ADDR]));
	key->vport = nla_get_be16(a[IPVS_FNAT_SVC_ATTR_PORT]);
	return 0;
}

/*
 * Reads IPVS_FNAT_ATTR_SERVICE. @svc_attrs, when given, has room for
 * IPVS_FNAT_SVC_ATTR_MAX + 1 and receives the attributes.
 */
int fnat_nl_parse_service(struct fnat_net *fn, const struct nlattr *nest,
			  struct fnat_svc_key *key, struct nlattr **svc_attrs,
			  struct netlink_ext_ack *extack)
{
	struct nlattr *own[IPVS_FNAT_SVC_ATTR_MAX + 1];
	struct nlattr **a = svc_attrs ? svc_attrs : own;
	int err;

	if (!nest) {
		NL_SET_ERR_MSG(extack, "attribute SERVICE is missing");
		return -EINVAL;
	}
	err = nla_parse_nested(a, IPVS_FNAT_SVC_ATTR_MAX, nest, svc_policy,
			       extack);
	if (err)
		return err;
	memset(key, 0, sizeof(*key));
	key->fn = fn;
	if (!a[IPVS_FNAT_SVC_ATTR_AF]) {
		NL_SET_ERR_MSG_ATTR(extack, nest, "SERVICE has no AF");
		return -EINVAL;
	}
	key->af = nla_get_u16(a[IPVS_FNAT_SVC_ATTR_AF]);
	if (key->af != AF_INET && key->af != AF_INET6) {
		NL_SET_ERR_MSG_ATTR(extack, a[IPVS_FNAT_SVC_ATTR_AF],
				    "AF is neither AF_INET nor AF_INET6");
		return -EAFNOSUPPORT;
	}
	if (!a[IPVS_FNAT_SVC_ATTR_FWMARK])
		return parse_vip(a, key, nest, extack);
	key->fwmark = nla_get_u32(a[IPVS_FNAT_SVC_ATTR_FWMARK]);
	if (!key->fwmark) {
		NL_SET_ERR_MSG_ATTR(extack, a[IPVS_FNAT_SVC_ATTR_FWMARK],
				    "a firewall mark of 0 marks nothing");
		return -EINVAL;
	}
	return 0;
}

static const char *laddr4_refusal(__be32 addr)
{
	if (ipv4_is_zeronet(addr))
		return "a local address cannot be in 0.0.0.0/8";
	if (ipv4_is_loopback(addr))
		return "a local address cannot be a loopback address";
	if (ipv4_is_multicast(addr) || ipv4_is_lbcast(addr))
		return "a local address cannot be multicast or broadcast";
	return NULL;
}

static const char *laddr6_refusal(const struct in6_addr *addr)
{
	int type = ipv6_addr_type(addr);

	if (type == IPV6_ADDR_ANY)
		return "a local address cannot be ::";
	if (type & IPV6_ADDR_LOOPBACK)
		return "a local address cannot be a loopback address";
	if (type & IPV6_ADDR_MULTICAST)
		return "a local address cannot be multicast";
	if (type & (IPV6_ADDR_LINKLOCAL | IPV6_ADDR_MAPPED))
		return "a local address cannot be link-local or IPv4-mapped";
	return NULL;
}

/* Nothing but the four bytes: an IPv6 address for an IPv4 service shows. */
static bool has_tail(const union nf_inet_addr *addr)
{
	return addr->all[1] || addr->all[2] || addr->all[3];
}

/* NL_SET_ERR_MSG_ATTR() for a text that is chosen at run time. */
static void set_err(struct netlink_ext_ack *extack, const struct nlattr *attr,
		    const char *text)
{
	if (!extack)
		return;
	extack->_msg = text;
	extack->bad_attr = attr;
}

/* Reads IPVS_FNAT_ATTR_LADDR for a service of family @af. */
int fnat_nl_parse_laddr(const struct nlattr *nest, u16 af,
			union nf_inet_addr *addr,
			struct netlink_ext_ack *extack)
{
	struct nlattr *a[IPVS_FNAT_LADDR_ATTR_MAX + 1];
	const char *refusal;
	int err;

	if (!nest) {
		NL_SET_ERR_MSG(extack, "attribute LADDR is missing");
		return -EINVAL;
	}
	err = nla_parse_nested(a, IPVS_FNAT_LADDR_ATTR_MAX, nest, laddr_policy,
			       extack);
	if (err)
		return err;
	if (!a[IPVS_FNAT_LADDR_ATTR_ADDR]) {
		NL_SET_ERR_MSG_ATTR(extack, nest, "LADDR has no ADDR");
		return -EINVAL;
	}
	memcpy(addr, nla_data(a[IPVS_FNAT_LADDR_ATTR_ADDR]), sizeof(*addr));
	if (af == AF_INET && has_tail(addr)) {
		NL_SET_ERR_MSG_ATTR(extack, a[IPVS_FNAT_LADDR_ATTR_ADDR],
				    "the service is IPv4, the local address is not");
		return -EAFNOSUPPORT;
	}
	refusal = af == AF_INET6 ? laddr6_refusal(&addr->in6) :
				   laddr4_refusal(addr->ip);
	if (refusal) {
		set_err(extack, a[IPVS_FNAT_LADDR_ATTR_ADDR], refusal);
		return -EADDRNOTAVAIL;
	}
	return 0;
}

int fnat_nl_put_addr(struct sk_buff *skb, int attr,
		     const union nf_inet_addr *addr)
{
	return nla_put(skb, attr, sizeof(*addr), addr);
}

/* The attributes that name a service, without the nest around them. */
int fnat_nl_put_key(struct sk_buff *skb, const struct fnat_svc_key *key)
{
	if (nla_put_u16(skb, IPVS_FNAT_SVC_ATTR_AF, key->af))
		return -EMSGSIZE;
	if (key->fwmark)
		return nla_put_u32(skb, IPVS_FNAT_SVC_ATTR_FWMARK, key->fwmark);
	if (nla_put_u16(skb, IPVS_FNAT_SVC_ATTR_PROTOCOL, key->protocol) ||
	    fnat_nl_put_addr(skb, IPVS_FNAT_SVC_ATTR_ADDR, &key->vip) ||
	    nla_put_be16(skb, IPVS_FNAT_SVC_ATTR_PORT, key->vport))
		return -EMSGSIZE;
	return 0;
}

/* Starts one message of a dump; NULL when @skb is full. */
void *fnat_nl_dump_msg(struct sk_buff *skb, struct netlink_callback *cb,
		       u8 cmd)
{
	void *hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid,
				cb->nlh->nlmsg_seq, &fnat_genl_family,
				NLM_F_MULTI, cmd);

	if (hdr)
		genl_dump_check_consistent(cb, hdr);
	return hdr;
}

/* Caller: fn->lock. */
static int notify_flags(struct sk_buff *skb, const struct fnat_svc_key *key)
{
	const struct fnat_svc *svc;
	int err = 0;

	rcu_read_lock();
	svc = fnat_svc_find_rcu(key);
	if (svc)
		err = fnat_nl_put_flags(skb, svc);
	rcu_read_unlock();
	return err;
}

/* Address and counters of a local address, in a nest of their own. */
int fnat_nl_put_laddr(struct sk_buff *skb, const struct fnat_svc_laddr *entry)
{
	struct nlattr *nest = nla_nest_start(skb, IPVS_FNAT_ATTR_LADDR);

	if (!nest ||
	    fnat_nl_put_addr(skb, IPVS_FNAT_LADDR_ATTR_ADDR,
			     &entry->laddr->addr) ||
	    nla_put_u64_64bit(skb, IPVS_FNAT_LADDR_ATTR_PORT_CONFLICT,
			      atomic64_read(&entry->conflicts),
			      IPVS_FNAT_LADDR_ATTR_PAD) ||
	    nla_put_u32(skb, IPVS_FNAT_LADDR_ATTR_CONN_COUNTS,
			atomic_read(&entry->conns)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int notify_fill(struct sk_buff *skb, u8 cmd, fnat_nl_put_fn *put,
		       const void *object, const union nf_inet_addr *laddr)
{
	void *hdr = genlmsg_put(skb, 0, 0, &fnat_genl_family, 0, cmd);
	struct nlattr *nest;

	if (!hdr)
		return -EMSGSIZE;
	if (object && put(skb, object))
		return -EMSGSIZE;
	if (laddr) {
		nest = nla_nest_start(skb, IPVS_FNAT_ATTR_LADDR);
		if (!nest ||
		    fnat_nl_put_addr(skb, IPVS_FNAT_LADDR_ATTR_ADDR, laddr))
			return -EMSGSIZE;
		nla_nest_end(skb, nest);
	}
	genlmsg_end(skb, hdr);
	return 0;
}

static int put_service(struct sk_buff *skb, const void *key)
{
	struct nlattr *nest = nla_nest_start(skb, IPVS_FNAT_ATTR_SERVICE);

	if (!nest || fnat_nl_put_key(skb, key))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_service_flags(struct sk_buff *skb, const void *key)
{
	struct nlattr *nest = nla_nest_start(skb, IPVS_FNAT_ATTR_SERVICE);

	if (!nest || fnat_nl_put_key(skb, key) || notify_flags(skb, key))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* Tells listeners about a change; @key and @laddr may be NULL. */
void fnat_nl_notify(struct fnat_net *fn, u8 cmd,
		    const struct fnat_svc_key *key,
		    const union nf_inet_addr *laddr)
{
	fnat_nl_notify_put(fn, cmd, cmd == IPVS_FNAT_CMD_SET_SERVICE ?
			   put_service_flags : put_service, key, laddr);
}

/* The same, of what @put writes; @object and @laddr may be NULL. */
void fnat_nl_notify_put(struct fnat_net *fn, u8 cmd, fnat_nl_put_fn *put,
			const void *object, const union nf_inet_addr *laddr)
{
	struct sk_buff *skb;

	if (!genl_has_listeners(&fnat_genl_family, fn->net, 0))
		return;
	skb = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!skb || notify_fill(skb, cmd, put, object, laddr)) {
		nlmsg_free(skb);
		/* A listener that misses one is to know it. */
		genl_set_err(&fnat_genl_family, fn->net, 0, 0, -ENOBUFS);
		return;
	}
	genlmsg_multicast_netns(&fnat_genl_family, fn->net, skb, 0, 0,
				GFP_KERNEL);
}

static const struct genl_ops fnat_genl_ops[] = {
	{
		.cmd = IPVS_FNAT_CMD_NEW_LADDR,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = fnat_nl_new_laddr,
	},
	{
		.cmd = IPVS_FNAT_CMD_DEL_LADDR,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = fnat_nl_del_laddr,
	},
	{
		.cmd = IPVS_FNAT_CMD_GET_LADDR,
		.flags = GENL_UNS_ADMIN_PERM,
		.dumpit = fnat_nl_dump_laddr,
	},
	{
		.cmd = IPVS_FNAT_CMD_NEW_ZONE,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = fnat_nl_new_zone,
	},
	{
		.cmd = IPVS_FNAT_CMD_SET_ZONE,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = fnat_nl_set_zone,
	},
	{
		.cmd = IPVS_FNAT_CMD_DEL_ZONE,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = fnat_nl_del_zone,
	},
	{
		.cmd = IPVS_FNAT_CMD_GET_ZONE,
		.flags = GENL_UNS_ADMIN_PERM,
		.dumpit = fnat_nl_dump_zone,
	},
	{
		.cmd = IPVS_FNAT_CMD_NEW_LADDR_ZONE,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = fnat_nl_change_laddr_zone,
	},
	{
		.cmd = IPVS_FNAT_CMD_DEL_LADDR_ZONE,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = fnat_nl_change_laddr_zone,
	},
	{
		.cmd = IPVS_FNAT_CMD_GET_LADDR_ZONE,
		.flags = GENL_UNS_ADMIN_PERM,
		.dumpit = fnat_nl_dump_laddr_zone,
	},
	{
		.cmd = IPVS_FNAT_CMD_SET_SERVICE,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = fnat_nl_set_service,
	},
	{
		.cmd = IPVS_FNAT_CMD_DEL_SERVICE,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = fnat_nl_del_service,
	},
	{
		.cmd = IPVS_FNAT_CMD_GET_SERVICE,
		.flags = GENL_UNS_ADMIN_PERM,
		.dumpit = fnat_nl_dump_service,
	},
	{
		.cmd = IPVS_FNAT_CMD_FLUSH,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = fnat_nl_flush,
	},
	{
		.cmd = IPVS_FNAT_CMD_GET_INFO,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = fnat_nl_get_info,
	},
	{
		.cmd = IPVS_FNAT_CMD_GET_CONN,
		.flags = GENL_UNS_ADMIN_PERM,
		.start = fnat_nl_start_conn,
		.dumpit = fnat_nl_dump_conn,
		.done = fnat_nl_done_conn,
	},
	{
		.cmd = IPVS_FNAT_CMD_GET_STATS,
		.flags = GENL_UNS_ADMIN_PERM,
		.dumpit = fnat_nl_dump_stats,
	},
	{
		.cmd = IPVS_FNAT_CMD_DRAIN,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = fnat_nl_drain,
	},
};

static const struct genl_multicast_group fnat_genl_groups[] = {
	[FNAT_NL_GROUP_CONFIG] = { .name = IPVS_FNAT_MCGRP_CONFIG },
	/* Who talks to whom is for the administrator. */
	[FNAT_NL_GROUP_SNAT] = { .name = IPVS_FNAT_MCGRP_SNAT,
				 FNAT_GENL_MCGRP_UNS_ADMIN },
};

struct genl_family fnat_genl_family __ro_after_init = {
	.name = IPVS_FNAT_GENL_NAME,
	.version = IPVS_FNAT_GENL_VERSION,
	.maxattr = IPVS_FNAT_ATTR_MAX,
	.policy = fnat_nl_policy,
	.netnsok = true,
	.module = THIS_MODULE,
	.ops = fnat_genl_ops,
	.n_ops = ARRAY_SIZE(fnat_genl_ops),
	.mcgrps = fnat_genl_groups,
	.n_mcgrps = ARRAY_SIZE(fnat_genl_groups),
	FNAT_GENL_RESV_START_OP(__IPVS_FNAT_CMD_MAX)
};
