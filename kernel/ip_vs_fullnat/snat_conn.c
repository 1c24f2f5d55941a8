// SPDX-License-Identifier: GPL-2.0-only
/*
 * Translated flows of zones. Each is a connection of stock's, for its timers,
 * states and lists, and one of ours (conn.c), by which packets from outside
 * find it. This file has the second table, by which those from inside do:
 * stock's own would cost a reference for each packet, and would let two CPUs
 * make two connections out of the first packets of one flow.
 *
 * Stock's connection has forwarding method LOCALNODE, which makes stock let
 * packets pass untouched, and no destination. Its timer is moved without a
 * reference to it, under RCU.
 */
#include <linux/jhash.h>
#include <linux/module.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>

#include "fnat.h"

static struct rhashtable clients;

static u32 client_obj_hash(const void *data, u32 len, u32 seed)
{
	const struct fnat_snat_conn *s = data;
	struct fnat_tuple client = s->conn.tuple;

	client.lip = s->conn.cp->caddr;
	client.lport = s->conn.cp->cport;
	return fnat_conn_tuple_hash(&client, sizeof(client), seed);
}

static int client_cmp(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct fnat_snat_conn *s = obj;
	const struct fnat_tuple *a = arg->key, *b = &s->conn.tuple;
	const struct ip_vs_conn *cp = s->conn.cp;

	return a->rport != b->rport || a->lport != cp->cport ||
	       !ip_vs_addr_equal(a->af, &a->lip, &cp->caddr) ||
	       !ip_vs_addr_equal(a->af, &a->rip, &b->rip) ||
	       a->protocol != b->protocol || a->af != b->af || a->fn != b->fn;
}

/* Keys have cip:cport in place of lip:lport. */
static const struct rhashtable_params client_params = {
	.head_offset = offsetof(struct fnat_snat_conn, node),
	.key_len = sizeof(struct fnat_tuple),
	.hashfn = fnat_conn_tuple_hash,
	.obj_hashfn = client_obj_hash,
	.obj_cmpfn = client_cmp,
	.automatic_shrinking = true,
};

/* The flow that cip:cport->rip:rport belongs to. */
struct fnat_conn *fnat_snat_conn_find_rcu(const struct fnat_tuple *client)
{
	struct fnat_snat_conn *s = rhashtable_lookup(&clients, client,
						     client_params);

	return s ? &s->conn : NULL;
}

static DEFINE_RATELIMIT_STATE(no_port_limit, 5 * HZ, 1);

static void log_no_port(const struct fnat_tuple *client)
{
	if (!__ratelimit(&no_port_limit))
		return;
	if (client->af == AF_INET6)
		pr_warn("zone of [%pI6c] -> [%pI6c]:%u: no free local port, connection dropped\n",
			&client->lip.in6, &client->rip.in6,
			ntohs(client->rport));
	else
		pr_warn("zone of %pI4 -> %pI4:%u: no free local port, connection dropped\n",
			&client->lip.ip, &client->rip.ip, ntohs(client->rport));
}

/*
 * By hash without a secret: another director, and this one after a restart,
 * choose the same address for the same machine.
 */
static unsigned int first_choice(const struct fnat_net *fn,
				 const struct fnat_zone *zone,
				 const struct fnat_tuple *client)
{
	u32 len = client->af == AF_INET6 ? 4 : 1;
	u32 hash;

	switch (READ_ONCE(zone->select)) {
	case IPVS_FNAT_ZONE_SELECT_SH:
		return jhash2(client->lip.all, len, 0);
	case IPVS_FNAT_ZONE_SELECT_SDH:
		hash = jhash2(client->lip.all, len, 0);
		return jhash2(client->rip.all, len, hash);
	default:
		return this_cpu_inc_return(*fn->turn);
	}
}

/*
 * A port of an address that belongs to the uplink that routing has chosen, if
 * the zone has one; else of any.
 */
static int take_port(struct fnat_conn *c, const struct fnat_zone *zone,
		     const struct fnat_tuple *client, int out_ifindex)
{
	const struct fnat_uplinks *uplinks = rcu_dereference(zone->uplinks);
	const struct fnat_laddr_set *set = rcu_dereference(zone->laddrs);
	unsigned int first = first_choice(c->fn, zone, client);
	const struct fnat_uplink *link;

	link = fnat_uplink_find_rcu(uplinks, out_ifindex);
	if (link)
		return fnat_conn_take_port(c, &uplinks->entry[link->first],
					   link->count, first);
	return fnat_conn_take_port(c, set->entry, set->count, first);
}

static struct ip_vs_conn *stock_conn_new(const struct fnat_net *fn,
					 const struct fnat_tuple *client)
{
	struct ip_vs_conn_param p;

	ip_vs_conn_fill_param(net_ipvs(fn->net), client->af, client->protocol,
			      &client->lip, client->lport, &client->rip,
			      client->rport, &p);
	return ip_vs_conn_new(&p, client->af, &client->rip, client->rport,
			      IP_VS_CONN_F_LOCALNODE, NULL, 0);
}

/* Ends a stock connection that nothing hangs on. */
static void stock_conn_drop(struct ip_vs_conn *cp)
{
	cp->timeout = 0;
	ip_vs_conn_put(cp);
}

/* Gives @c its stock connection and enters it into both tables. */
static int snat_conn_enter(struct fnat_conn *c, const struct fnat_tuple *client)
{
	struct fnat_snat_conn *s = fnat_snat_conn(c);
	int err;

	c->cp = stock_conn_new(c->fn, client);
	if (!c->cp)
		return -ENOMEM;
	fnat_conn_sum_changes(c);
	err = rhashtable_lookup_insert_key(&clients, client, &s->node,
					   client_params);
	if (err)
		goto err_cp;
	err = fnat_conn_enter(c);
	if (err)
		goto err_client;
	return 0;

err_client:
	fnat_snat_conn_unhash(c);
err_cp:
	stock_conn_drop(c->cp);
	/* A port was free: the tuple cannot be there, so there is no memory. */
	return err == -EEXIST ? err : -ENOMEM;
}

static struct fnat_conn *snat_conn_alloc(struct fnat_net *fn,
					 const struct fnat_tuple *client)
{
	struct fnat_snat_conn *s = kzalloc(sizeof(*s),
					   GFP_ATOMIC | __GFP_NOWARN);
	struct fnat_conn *c;

	if (!s)
		return NULL;
	c = &s->conn;
	c->fn = fn;
	c->snat = true;
	c->tuple = *client;
	return c;
}

/*
 * Makes the flow of @client's first packet. The caller starts its timer with
 * fnat_snat_conn_start(). ERR_PTR: -EEXIST another CPU was quicker, -EDQUOT
 * the source has too many, -EADDRNOTAVAIL the zone has no address,
 * -EADDRINUSE no free port, -ENOMEM.
 */
static struct fnat_conn *snat_conn_make(struct fnat_net *fn,
					const struct fnat_zone *zone,
					const struct fnat_tuple *client,
					int out_ifindex)
{
	struct fnat_conn *c = snat_conn_alloc(fn, client);
	u32 limit = READ_ONCE(zone->limit);
	struct fnat_source *source;
	int err;

	if (!c)
		return ERR_PTR(-ENOMEM);
	source = fnat_source_get(fn, client->af, &client->lip, limit);
	if (IS_ERR(source)) {
		err = PTR_ERR(source);
		goto err_free;
	}
	fnat_snat_conn(c)->source = source;
	fnat_snat_conn(c)->limited = limit;
	err = take_port(c, zone, client, out_ifindex);
	if (err)
		goto err_source;
	err = snat_conn_enter(c, client);
	if (err)
		goto err_port;
	fnat_attach_snat(c->cp, c);
	return c;

err_port:
	fnat_conn_give_port(c);
err_source:
	fnat_source_put(source, limit);
err_free:
	/* It may have been in the table of clients for a moment. */
	kfree_rcu(c, rcu);
	return ERR_PTR(err);
}

static void count_refusal(struct fnat_net *fn, const struct fnat_tuple *client,
			  int err)
{
	switch (err) {
	case -EDQUOT:
		fnat_stat_inc(fn, SNAT_LIMITED);
		break;
	case -EADDRNOTAVAIL:
		fnat_stat_inc(fn, SNAT_BLOCKED);
		break;
	case -EADDRINUSE:
		fnat_stat_inc(fn, SNAT_NO_PORT);
		log_no_port(client);
		break;
	default:
		fnat_stat_inc(fn, SNAT_NO_MEM);
	}
}

/*
 * As snat_conn_make(); finds what another CPU has made, which is not @made.
 * NULL: refused, and counted.
 */
struct fnat_conn *fnat_snat_conn_new(struct fnat_net *fn,
				     const struct fnat_zone *zone,
				     const struct fnat_tuple *client,
				     int out_ifindex, bool *made)
{
	struct fnat_conn *c;

	*made = false;
	/* Fails once rmmod has begun. */
	if (READ_ONCE(fn->draining) || !try_module_get(THIS_MODULE)) {
		fnat_stat_inc(fn, SNAT_DRAINING);
		return NULL;
	}
	c = snat_conn_make(fn, zone, client, out_ifindex);
	if (!IS_ERR(c)) {
		*made = true;
		fnat_stat_inc(fn, SNAT_CONN_NEW);
		return c;
	}
	module_put(THIS_MODULE);
	if (PTR_ERR(c) == -EEXIST) {
		c = fnat_snat_conn_find_rcu(client);
		fnat_stat_inc(fn, SNAT_RACE);
		return c;
	}
	count_refusal(fn, client, PTR_ERR(c));
	return NULL;
}

/* Packets from inside do not find it any more; may be called twice. */
void fnat_snat_conn_unhash(struct fnat_conn *c)
{
	rhashtable_remove_fast(&clients, &fnat_snat_conn(c)->node,
			       client_params);
}

/* What fnat_conn_release() does not know of. */
void fnat_snat_conn_release(struct fnat_conn *c)
{
	struct fnat_snat_conn *s = fnat_snat_conn(c);

	fnat_snat_conn_unhash(c);
	fnat_source_put(s->source, s->limited);
	fnat_snat_log(c, IPVS_FNAT_CMD_SNAT_END);
}

/* Starts the timer of a new flow; its first packet has been accounted for. */
void fnat_snat_conn_start(struct fnat_conn *c)
{
	fnat_snat_log(c, IPVS_FNAT_CMD_SNAT_NEW);
	ip_vs_conn_put(c->cp);
}

static void advance_state(struct ip_vs_conn *cp, enum fnat_dir dir,
			  const struct sk_buff *skb, unsigned int l4_off,
			  const struct fnat_net *fn)
{
	struct ip_vs_proto_data *pd = ip_vs_proto_data_get(cp->ipvs,
							   cp->protocol);

	if (likely(pd))
		fnat_state_transition(pd->pp, cp, dir == FNAT_DIR_ORIG ?
				      IP_VS_DIR_INPUT : IP_VS_DIR_OUTPUT,
				      skb, l4_off, pd);
	else
		/* Stock has no ICMP echo. */
		cp->timeout = READ_ONCE(fn->sysctl.snat_icmp_timeout) * HZ;
}

/* Accounts for a packet: state and timer. */
void fnat_snat_conn_touch(struct fnat_conn *c, enum fnat_dir dir,
			  const struct sk_buff *skb, unsigned int l4_off)
{
	struct ip_vs_conn *cp = c->cp;
	unsigned long expires;

	advance_state(cp, dir, skb, l4_off, c->fn);
	if (cp->protocol == IPPROTO_TCP &&
	    unlikely(cp->state != IP_VS_TCP_S_ESTABLISHED))
		fnat_tcp_watch_end(c, dir, skb, l4_off);
	fnat_conn_drains(c);
	expires = jiffies + READ_ONCE(cp->timeout);
	/* Pending only: not after the final deletion in ip_vs_conn_expire(). */
	if (!fnat_timer_is_near(cp, expires))
		mod_timer_pending(&cp->timer, expires);
}

int fnat_snat_conn_init(void)
{
	ratelimit_set_flags(&no_port_limit, RATELIMIT_MSG_ON_RELEASE);
	return rhashtable_init(&clients, &client_params);
}

void fnat_snat_conn_exit(void)
{
	rhashtable_destroy(&clients);
}
