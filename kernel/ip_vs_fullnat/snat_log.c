// SPDX-License-Identifier: GPL-2.0-only
/*
 * The log of translations: who had which local address and port, from when to
 * when. Made only while somebody listens.
 */
#include <linux/timekeeping.h>

#include "netlink.h"

static int log_fill(struct sk_buff *skb, const struct fnat_conn *c, u8 cmd)
{
	void *hdr = genlmsg_put(skb, 0, 0, &fnat_genl_family, 0, cmd);
	struct nlattr *nest;

	if (!hdr)
		return -EMSGSIZE;
	nest = nla_nest_start(skb, IPVS_FNAT_ATTR_CONN);
	if (!nest || fnat_nl_put_conn(skb, c) ||
	    nla_put_u64_64bit(skb, IPVS_FNAT_CONN_ATTR_TIME,
			      ktime_get_real_ns(), IPVS_FNAT_CONN_ATTR_PAD))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	genlmsg_end(skb, hdr);
	return 0;
}

/* @cmd: IPVS_FNAT_CMD_SNAT_NEW or IPVS_FNAT_CMD_SNAT_END */
void fnat_snat_log(const struct fnat_conn *c, u8 cmd)
{
	struct fnat_net *fn = c->fn;
	struct sk_buff *skb;

	/* A namespace that dies takes its listeners along. */
	if (READ_ONCE(fn->exiting) ||
	    likely(!genl_has_listeners(&fnat_genl_family, fn->net,
				       FNAT_NL_GROUP_SNAT)))
		return;
	skb = genlmsg_new(NLMSG_GOODSIZE, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb || log_fill(skb, c, cmd)) {
		nlmsg_free(skb);
		/* A listener that misses one is to know it. */
		genl_set_err(&fnat_genl_family, fn->net, 0, FNAT_NL_GROUP_SNAT,
			     -ENOBUFS);
		fnat_stat_inc(fn, SNAT_LOG_LOST);
		return;
	}
	/* -ESRCH: the last one has just gone */
	if (genlmsg_multicast_netns(&fnat_genl_family, fn->net, skb, 0,
				    FNAT_NL_GROUP_SNAT,
				    GFP_ATOMIC) == -ENOBUFS)
		fnat_stat_inc(fn, SNAT_LOG_LOST);
}
