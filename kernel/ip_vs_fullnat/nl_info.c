// SPDX-License-Identifier: GPL-2.0-only
/* What the module is and does, over netlink: info, counters, drain. */
#include "netlink.h"
#include "version.h"

#define CAPABILITIES							\
	(IPVS_FNAT_CAP_FULLNAT | IPVS_FNAT_CAP_SYNPROXY |		\
	 IPVS_FNAT_CAP_ZONE | IPVS_FNAT_CAP_TOA | IPVS_FNAT_CAP_DRAIN)

static int reply_info(struct genl_info *info, u8 cmd, u32 conns)
{
	struct sk_buff *skb = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	struct nlattr *nest;
	void *hdr;

	if (!skb)
		return -ENOMEM;
	hdr = genlmsg_put_reply(skb, info, &fnat_genl_family, 0, cmd);
	if (!hdr)
		goto err_free;
	nest = nla_nest_start(skb, IPVS_FNAT_ATTR_INFO);
	if (!nest ||
	    nla_put_string(skb, IPVS_FNAT_INFO_ATTR_VERSION, IPVS_FULLNAT_VERSION) ||
	    nla_put_u32(skb, IPVS_FNAT_INFO_ATTR_CAPABILITIES, CAPABILITIES) ||
	    nla_put_u32(skb, IPVS_FNAT_INFO_ATTR_CONNS, conns))
		goto err_free;
	nla_nest_end(skb, nest);
	genlmsg_end(skb, hdr);
	return genlmsg_reply(skb, info);

err_free:
	nlmsg_free(skb);
	return -EMSGSIZE;
}

int fnat_nl_get_info(struct sk_buff *skb, struct genl_info *info)
{
	struct fnat_net *fn = fnat_net(genl_info_net(info));

	return reply_info(info, IPVS_FNAT_CMD_GET_INFO,
			  atomic_read(&fn->conns));
}

int fnat_nl_drain(struct sk_buff *skb, struct genl_info *info)
{
	struct fnat_net *fn = fnat_net(genl_info_net(info));

	return reply_info(info, IPVS_FNAT_CMD_DRAIN, fnat_conn_drain(fn));
}

static int fill_stat(struct sk_buff *skb, struct netlink_callback *cb,
		     const struct fnat_net *fn, enum fnat_stat id)
{
	void *hdr = fnat_nl_dump_msg(skb, cb, IPVS_FNAT_CMD_GET_STATS);
	struct nlattr *nest;

	if (!hdr)
		return -EMSGSIZE;
	nest = nla_nest_start(skb, IPVS_FNAT_ATTR_STAT);
	if (!nest ||
	    nla_put_string(skb, IPVS_FNAT_STAT_ATTR_NAME, fnat_stat_name(id)) ||
	    nla_put_u64_64bit(skb, IPVS_FNAT_STAT_ATTR_VALUE,
			      fnat_stat_sum(fn, id), IPVS_FNAT_STAT_ATTR_PAD)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	genlmsg_end(skb, hdr);
	return 0;
}

/* cb->args[0]: the next counter */
int fnat_nl_dump_stats(struct sk_buff *skb, struct netlink_callback *cb)
{
	const struct fnat_net *fn = fnat_net(sock_net(skb->sk));

	for (; cb->args[0] < __FNAT_STAT_MAX; cb->args[0]++)
		if (fill_stat(skb, cb, fn, cb->args[0]))
			break;
	return skb->len;
}
