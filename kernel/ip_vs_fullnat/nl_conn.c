// SPDX-License-Identifier: GPL-2.0-only
/* Dump of bound connections over netlink. */
#include <linux/slab.h>

#include "netlink.h"

/* The walk spans several messages; cb->args[0] points to its state. */
static struct rhashtable_iter *dump_iter(struct netlink_callback *cb)
{
	return (struct rhashtable_iter *)cb->args[0];
}

int fnat_nl_start_conn(struct netlink_callback *cb)
{
	struct rhashtable_iter *iter = kmalloc(sizeof(*iter), GFP_KERNEL);

	if (!iter)
		return -ENOMEM;
	fnat_conn_walk_enter(iter);
	cb->args[0] = (long)iter;
	return 0;
}

int fnat_nl_done_conn(struct netlink_callback *cb)
{
	rhashtable_walk_exit(dump_iter(cb));
	kfree(dump_iter(cb));
	return 0;
}

/* What a dump or a notification says of a connection, without the nest. */
int fnat_nl_put_conn(struct sk_buff *skb, const struct fnat_conn *c)
{
	const struct ip_vs_conn *cp = c->cp;
	const struct fnat_tuple *t = &c->tuple;
	long left = cp->timer.expires - jiffies;

	if (nla_put_u16(skb, IPVS_FNAT_CONN_ATTR_AF, t->af) ||
	    nla_put_u16(skb, IPVS_FNAT_CONN_ATTR_PROTOCOL, t->protocol) ||
	    fnat_nl_put_addr(skb, IPVS_FNAT_CONN_ATTR_CADDR, &cp->caddr) ||
	    nla_put_be16(skb, IPVS_FNAT_CONN_ATTR_CPORT, cp->cport) ||
	    fnat_nl_put_addr(skb, IPVS_FNAT_CONN_ATTR_VADDR, &cp->vaddr) ||
	    nla_put_be16(skb, IPVS_FNAT_CONN_ATTR_VPORT, cp->vport) ||
	    fnat_nl_put_addr(skb, IPVS_FNAT_CONN_ATTR_LADDR, &t->lip) ||
	    nla_put_be16(skb, IPVS_FNAT_CONN_ATTR_LPORT, t->lport) ||
	    fnat_nl_put_addr(skb, IPVS_FNAT_CONN_ATTR_DADDR, &t->rip) ||
	    nla_put_be16(skb, IPVS_FNAT_CONN_ATTR_DPORT, t->rport) ||
	    nla_put_u16(skb, IPVS_FNAT_CONN_ATTR_STATE, cp->state) ||
	    nla_put_u32(skb, IPVS_FNAT_CONN_ATTR_EXPIRES,
			left > 0 ? jiffies_to_msecs(left) : 0))
		return -EMSGSIZE;
	return 0;
}

static int fill_conn(struct sk_buff *skb, struct netlink_callback *cb,
		     const struct fnat_conn *c)
{
	void *hdr = fnat_nl_dump_msg(skb, cb, IPVS_FNAT_CMD_GET_CONN);
	struct nlattr *nest;

	if (!hdr)
		return -EMSGSIZE;
	nest = nla_nest_start(skb, IPVS_FNAT_ATTR_CONN);
	if (!nest || fnat_nl_put_conn(skb, c)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	genlmsg_end(skb, hdr);
	return 0;
}

int fnat_nl_dump_conn(struct sk_buff *skb, struct netlink_callback *cb)
{
	const struct fnat_net *fn = fnat_net(sock_net(skb->sk));
	struct rhashtable_iter *iter = dump_iter(cb);
	unsigned int seen = 0;
	struct fnat_conn *c;

	cb->seq = 1;
	if (!atomic_read(&fn->conns))
		return skb->len;
	/* The table was resized since the last message: begins anew. */
	if (rhashtable_walk_start_check(iter))
		cb->prev_seq = 2;
	for (c = rhashtable_walk_peek(iter); c; c = rhashtable_walk_next(iter)) {
		if (IS_ERR(c)) {
			/* The table was resized: some may be missed or twice. */
			cb->prev_seq = 2;
			continue;
		}
		if (c->fn == fn && fill_conn(skb, cb, c))
			break;
		if (fnat_conn_walk_pause(iter, &seen))
			cb->prev_seq = 2;
	}
	rhashtable_walk_stop(iter);
	return skb->len;
}
