// SPDX-License-Identifier: GPL-2.0-only
/*
 * Our part of a connection, and the table in which packets of real servers
 * find it. One table serves all namespaces: a namespace may die while stock
 * still holds connections of it, and a table of its own could not be freed
 * from the timer that ends the last one.
 */
#include <linux/delay.h>
#include <linux/hash.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/jhash.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "fnat.h"

/*
 * Wanted between the last packet of a connection and the next use of its port; the
 * timer, which says when that was, may be FNAT_TIMER_LAG early.
 */
#define CONN_LINGER		(HZ / 4 + FNAT_TIMER_LAG)
/*
 * So long after the last packet a FIN that was not acknowledged keeps its port no
 * more: Linux gives its own half-ended connections as long (tcp_fin_timeout).
 */
#define CONN_SILENT		(60 * HZ)
/* Ports that are looked at for one of an ended connection. */
#define CONN_RECLAIM_TRIES	64U
/* How often another CPU may be quicker with the one that was found. */
#define CONN_RECLAIM_ROUNDS	4
/* How a drain goes: ms between rounds, connections without a pause. */
#define CONN_DRAIN_ROUNDS	10
#define CONN_DRAIN_PAUSE	20
#define CONN_WALK_BATCH		4096

static struct rhashtable conns;

u32 fnat_conn_tuple_hash(const void *data, u32 len, u32 seed)
{
	const struct fnat_tuple *t = data;
	u32 ports = (__force u32)t->rport << 16 | (__force u32)t->lport;

	/* Namespaces may all have the same addresses. */
	seed ^= hash_ptr(t->fn, 32);
	if (t->af == AF_INET6)
		seed = jhash2((const u32 *)&t->rip, 8, seed);
	return jhash_3words((__force u32)t->rip.ip, (__force u32)t->lip.ip,
			    ports, seed ^ t->protocol);
}

static u32 conn_hash(const void *data, u32 len, u32 seed)
{
	const struct fnat_conn *c = data;

	return fnat_conn_tuple_hash(&c->tuple, len, seed);
}

static int conn_cmp(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct fnat_tuple *a = arg->key;
	const struct fnat_conn *c = obj;
	const struct fnat_tuple *b = &c->tuple;

	return a->fn != b->fn || a->rport != b->rport || a->lport != b->lport ||
	       a->protocol != b->protocol || a->af != b->af ||
	       !ip_vs_addr_equal(a->af, &a->rip, &b->rip) ||
	       !ip_vs_addr_equal(a->af, &a->lip, &b->lip);
}

static const struct rhashtable_params conn_params = {
	.head_offset = offsetof(struct fnat_conn, node),
	.key_len = sizeof(struct fnat_tuple),
	.hashfn = fnat_conn_tuple_hash,
	.obj_hashfn = conn_hash,
	.obj_cmpfn = conn_cmp,
	.automatic_shrinking = true,
};

static struct fnat_conn *conn_find(const struct fnat_tuple *tuple)
{
	return rhashtable_lookup(&conns, tuple, conn_params);
}

/* Identifiers of echoes stand for the port of the side that asked. */
static bool echo_ports(const struct sk_buff *skb, const struct ip_vs_iphdr *iph,
		       struct fnat_ports *ports)
{
	const struct icmphdr *icmph;
	struct icmphdr buf;

	icmph = skb_header_pointer(skb, iph->len, sizeof(buf), &buf);
	if (!icmph)
		return false;
	ports->source = 0;
	ports->dest = 0;
	switch (icmph->type) {
	case ICMP_ECHO:
	case ICMPV6_ECHO_REQUEST:
		ports->source = icmph->un.echo.id;
		return true;
	case ICMP_ECHOREPLY:
	case ICMPV6_ECHO_REPLY:
		ports->dest = icmph->un.echo.id;
		return true;
	default:
		return false;
	}
}

/* The ports of the packet whose header is @iph: false, it is none of ours. */
bool fnat_conn_ports(const struct sk_buff *skb, const struct ip_vs_iphdr *iph,
		     struct fnat_ports *ports)
{
	const struct fnat_ports *there;

	switch (iph->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		there = skb_header_pointer(skb, iph->len, sizeof(*ports),
					   ports);
		if (!there)
			return false;
		*ports = *there;
		return true;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return echo_ports(skb, iph, ports);
	default:
		return false;
	}
}

/*
 * The connection of a packet on the real server's side, whose header is @iph:
 * FNAT_DIR_REPLY, the real server sent it, or FNAT_DIR_ORIG, it was sent to it.
 */
struct fnat_conn *fnat_conn_find_rcu(struct fnat_net *fn,
				     const struct sk_buff *skb, u16 af,
				     const struct ip_vs_iphdr *iph,
				     enum fnat_dir dir)
{
	struct fnat_tuple tuple = {
		.fn = fn,
		.af = af,
		.protocol = iph->protocol,
	};
	struct fnat_ports ports;

	if (!fnat_conn_ports(skb, iph, &ports))
		return NULL;
	if (dir == FNAT_DIR_REPLY) {
		tuple.rip = iph->saddr;
		tuple.rport = ports.source;
		tuple.lip = iph->daddr;
		tuple.lport = ports.dest;
	} else {
		tuple.rip = iph->daddr;
		tuple.rport = ports.dest;
		tuple.lip = iph->saddr;
		tuple.lport = ports.source;
	}
	return conn_find(&tuple);
}

/* The service extension of the real server that stock has chosen. */
static struct fnat_svc *conn_service(const struct fnat_net *fn,
				     const struct ip_vs_conn *cp)
{
	const struct ip_vs_dest *dest = cp->dest;
	struct fnat_svc_key key = {
		.fn = fn,
		.af = cp->af,
	};

	/* A connection that the sync daemon brought may have none. */
	if (!dest)
		return NULL;
	if (dest->vfwmark) {
		key.fwmark = dest->vfwmark;
	} else {
		ip_vs_addr_copy(key.af, &key.vip, &dest->vaddr);
		key.vport = dest->vport;
		key.protocol = dest->protocol;
	}
	return fnat_svc_find_rcu(&key);
}

/*
 * How long ago the last packet of an ended connection came; 0: it has not ended.
 * Stock's TIME_WAIT says that a FIN of each side has passed, or only one while the
 * handshake's end was missing. It may have been lost behind us, or wait for data
 * that was: that is the last choice, and only when both sides are silent.
 */
static unsigned long conn_over_for(const struct fnat_conn *c)
{
	const struct ip_vs_conn *cp = c->cp;
	unsigned long since = cp->timer.expires - cp->timeout;
	unsigned long over = time_after(jiffies, since) ? jiffies - since : 0;

	if (cp->state == IP_VS_TCP_S_CLOSE)
		return over;
	if (cp->state != IP_VS_TCP_S_TIME_WAIT)
		return 0;
	if (fnat_tcp_is_over(c))
		return over;
	return over >= CONN_SILENT ? 1 : 0;
}

/*
 * Looks at some ports of a local address, from a random one on, for a
 * connection that has ended: one that is over for CONN_LINGER, or else the one
 * that is over for longest. t->lport becomes its port.
 */
static struct fnat_conn *conn_find_over(const struct fnat_conn *c,
					struct fnat_tuple *t)
{
	struct fnat_conn *old, *oldest = NULL;
	unsigned int port, i, count, lowest;
	unsigned long over, longest = 0;
	__be16 lport = 0;

	if (!fnat_ports_range(&c->fn->sysctl, &lowest, &count))
		return NULL;
	port = get_random_u32_below(count);
	for (i = 0; i < min(count, CONN_RECLAIM_TRIES); i++) {
		t->lport = htons(lowest + (port + i) % count);
		old = conn_find(t);
		over = old && old->snat == c->snat && READ_ONCE(old->map) ?
		       conn_over_for(old) : 0;
		if (over <= longest)
			continue;
		oldest = old;
		longest = over;
		lport = t->lport;
		if (over >= CONN_LINGER)
			break;
	}
	t->lport = lport;
	return oldest;
}

/*
 * Takes @c out of the table. Returns the map that holds its port, for the
 * caller to give back or to use: NULL, somebody else was quicker. That one may
 * still be at it, and the caller about to free @c: so both take it out, and
 * only then does one get the map.
 */
static struct fnat_portmap *conn_leave(struct fnat_conn *c)
{
	struct fnat_portmap *map;

	rhashtable_remove_fast(&conns, &c->node, conn_params);
	map = xchg(&c->map, NULL);
	if (map)
		atomic_dec(&c->entry->conns);
	return map;
}

/*
 * Stock holds ended connections for up to two minutes. When no port is free
 * one of them gives its port away: the real server accepts a new connection
 * from it, because sequence number and time stamp have grown (tcp.c).
 */
static struct fnat_portmap *conn_reclaim(struct fnat_conn *c,
					 struct fnat_tuple *t)
{
	struct fnat_portmap *map;
	struct fnat_conn *old;
	unsigned int round;

	if (t->protocol != IPPROTO_TCP)
		return NULL;
	for (round = 0; round < CONN_RECLAIM_ROUNDS; round++) {
		old = conn_find_over(c, t);
		if (!old)
			return NULL;
		map = conn_leave(old);
		if (!map)
			continue;
		if (old->snat)
			fnat_snat_conn_unhash(old);
		/* Out of the table a drain would not find it any more. */
		fnat_attach_expire(old->cp);
		fnat_tcp_inherit(&c->tcp, &old->tcp);
		fnat_stat_inc(c->fn, PORT_RECLAIMED);
		return map;
	}
	return NULL;
}

/* A port of one local address: 0, -EADDRINUSE or -ENOMEM. */
static int conn_take_from(struct fnat_conn *c, struct fnat_svc_laddr *entry,
			  bool reclaim)
{
	struct fnat_tuple *t = &c->tuple;

	t->lip = entry->laddr->addr;
	if (reclaim)
		c->map = conn_reclaim(c, t) ?: ERR_PTR(-EADDRINUSE);
	else
		c->map = fnat_ports_take(entry->laddr, t->protocol, &t->rip,
					 t->rport, &t->lport);
	if (IS_ERR(c->map))
		return PTR_ERR(c->map);
	atomic_inc(&entry->conns);
	c->entry = entry;
	return 0;
}

/*
 * Takes a local address, from the @first one on, and a port of it. When the
 * ports of one are used up the next one is tried.
 */
static int conn_take_any(struct fnat_conn *c,
			 struct fnat_svc_laddr *const *entries,
			 unsigned int count, unsigned int first, bool reclaim)
{
	struct fnat_svc_laddr *entry;
	int err = -EADDRNOTAVAIL;
	bool in_use = false;
	unsigned int i;

	for (i = 0; i < count; i++) {
		entry = entries[(first + i) % count];
		if (!refcount_inc_not_zero(&entry->refcnt))
			continue;
		err = conn_take_from(c, entry, reclaim);
		if (!err)
			return 0;
		if (!reclaim)
			atomic64_inc(&entry->conflicts);
		fnat_svc_laddr_put(entry);
		in_use |= err == -EADDRINUSE;
	}
	/* Ports of ended connections are worth a look then. */
	return in_use ? -EADDRINUSE : err;
}

/* 0, -EADDRNOTAVAIL: none of @count, -EADDRINUSE: no free port, -ENOMEM. */
int fnat_conn_take_port(struct fnat_conn *c,
			struct fnat_svc_laddr *const *entries,
			unsigned int count, unsigned int first)
{
	int err = conn_take_any(c, entries, count, first, false);

	if (err != -EADDRINUSE)
		return err;
	return conn_take_any(c, entries, count, first, true);
}

/* Leaves the table and gives the port back, unless that has been done. */
void fnat_conn_give_port(struct fnat_conn *c)
{
	struct fnat_portmap *map = conn_leave(c);

	if (map)
		fnat_ports_give(map, c->tuple.lport);
	fnat_svc_laddr_put(c->entry);
}

/*
 * The sum of what changes is the same for every packet of the connection. It is
 * made before any packet can find it.
 */
void fnat_conn_sum_changes(struct fnat_conn *c)
{
	const struct ip_vs_conn *cp = c->cp;
	const struct fnat_tuple *t = &c->tuple;

	c->addr_diff = csum_add(fnat_mangle_addr_diff(t->af, &cp->caddr,
						      &t->lip),
				fnat_mangle_addr_diff(t->af, &cp->vaddr,
						      &t->rip));
	c->port_diff = csum_add(fnat_mangle_port_diff(cp->cport, t->lport),
				fnat_mangle_port_diff(cp->vport, t->rport));
}

/*
 * Makes the connection, whose changes are summed up, known to packets of real
 * servers: 0 or -errno.
 */
int fnat_conn_enter(struct fnat_conn *c)
{
	int err = rhashtable_lookup_insert_key(&conns, &c->tuple, &c->node,
					       conn_params);

	if (err)
		return err;
	fnat_net_get(c->fn);
	atomic_inc(&c->fn->conns);
	return 0;
}

/*
 * Makes our part of @cp, with a local address and port, and enters it into the
 * table. ERR_PTR: -ESRCH no such service extension, -EADDRNOTAVAIL it has no
 * local address, -EADDRINUSE no free port, -ENOMEM.
 */
struct fnat_conn *fnat_conn_new(struct fnat_net *fn, struct ip_vs_conn *cp,
				const struct sk_buff *skb)
{
	struct fnat_svc *svc = conn_service(fn, cp);
	const struct fnat_laddr_set *set;
	struct fnat_conn *c;
	int err;

	if (!svc)
		return ERR_PTR(-ESRCH);
	c = kzalloc(sizeof(*c), GFP_ATOMIC | __GFP_NOWARN);
	if (!c)
		return ERR_PTR(-ENOMEM);
	c->fn = fn;
	c->cp = cp;
	c->tuple.fn = fn;
	c->tuple.af = cp->af;
	c->tuple.protocol = cp->protocol;
	c->tuple.rport = cp->dport;
	c->tcp.started = cp->protocol != IPPROTO_TCP;
	ip_vs_addr_copy(cp->af, &c->tuple.rip, &cp->daddr);
	c->client_oif = fnat_route_link_local_oif(skb, cp->af, &cp->caddr);

	set = rcu_dereference(svc->laddrs);
	err = fnat_conn_take_port(c, set->entry, set->count,
				  this_cpu_inc_return(*fn->turn));
	if (err)
		goto err_free;
	fnat_conn_sum_changes(c);
	err = fnat_conn_enter(c);
	if (err)
		goto err_port;
	return c;

err_port:
	fnat_conn_give_port(c);
err_free:
	kfree(c);
	return ERR_PTR(err == -EADDRINUSE || err == -EADDRNOTAVAIL ?
		       err : -ENOMEM);
}

static bool conn_release_routes(struct fnat_conn *c)
{
	int dir;

	for (dir = 0; dir < FNAT_DIR_MAX; dir++)
		dst_release(xchg(&c->path[dir].dst, NULL));
	fnat_splice_forget_route(READ_ONCE(c->splice));
	return true;
}

/* Undoes fnat_conn_new(); readers under RCU may still see the object. */
void fnat_conn_release(struct fnat_conn *c)
{
	struct fnat_net *fn = c->fn;

	if (c->snat)
		fnat_snat_conn_release(c);
	fnat_conn_give_port(c);
	fnat_splice_end(xchg(&c->splice, NULL));
	conn_release_routes(c);
	atomic_dec(&fn->conns);
	fnat_net_put(fn);
	kfree_rcu(c, rcu);
}

void fnat_conn_rewrite(const struct fnat_conn *c, enum fnat_dir dir,
		       struct fnat_rewrite *rw)
{
	const struct ip_vs_conn *cp = c->cp;

	rw->len_diff = 0;
	rw->inner_seq_add = 0;
	rw->mtu_sub = 0;
	rw->forwarded = c->snat;
	if (dir == FNAT_DIR_ORIG) {
		rw->saddr = &c->tuple.lip;
		rw->sport = c->tuple.lport;
		rw->daddr = &c->tuple.rip;
		rw->dport = c->tuple.rport;
		rw->addr_diff = c->addr_diff;
		rw->l4_diff = c->port_diff;
	} else {
		rw->saddr = &cp->vaddr;
		rw->sport = cp->vport;
		rw->daddr = &cp->caddr;
		rw->dport = cp->cport;
		rw->addr_diff = ~c->addr_diff;
		rw->l4_diff = ~c->port_diff;
	}
}

/* Walks the connections of all namespaces: the caller picks its own. */
void fnat_conn_walk_enter(struct rhashtable_iter *iter)
{
	rhashtable_walk_enter(&conns, iter);
}

/*
 * A walk, started, has seen one more: lets others run from time to time. 0, or
 * -EAGAIN: the table was resized meanwhile, the walk begins anew.
 */
int fnat_conn_walk_pause(struct rhashtable_iter *iter, unsigned int *seen)
{
	if (++*seen % CONN_WALK_BATCH)
		return 0;
	rhashtable_walk_stop(iter);
	cond_resched();
	return rhashtable_walk_start_check(iter);
}

/*
 * Does the namespace drain? Then stock, which is about to restart the timer of
 * the packet's connection, finds a timeout of 0.
 */
bool fnat_conn_drains(const struct fnat_conn *c)
{
	if (likely(!READ_ONCE(c->fn->draining)))
		return false;
	c->cp->timeout = 0;
	return true;
}

static bool conn_expire(struct fnat_conn *c)
{
	return fnat_attach_expire(c->cp);
}

/* Calls @fun for each connection of the namespace; how often it said true. */
static unsigned int conn_for_each(const struct fnat_net *fn,
				  bool (*fun)(struct fnat_conn *c))
{
	unsigned int count = 0, seen = 0;
	struct rhashtable_iter iter;
	struct fnat_conn *c;

	/* The table is that of all namespaces. */
	if (!atomic_read(&fn->conns))
		return 0;
	fnat_conn_walk_enter(&iter);
	rhashtable_walk_start(&iter);
	while ((c = rhashtable_walk_next(&iter))) {
		if (IS_ERR(c))
			continue;
		if (c->fn == fn && fun(c))
			count++;
		fnat_conn_walk_pause(&iter, &seen);
	}
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
	return count;
}

/*
 * A namespace that dies waits for its devices before stock flushes its
 * connections, and a route may hold one: up to 5.10 an IPv6 route whose device
 * is gone holds the loopback device instead. No packet is under way any more.
 */
void fnat_conn_forget_routes(const struct fnat_net *fn)
{
	conn_for_each(fn, conn_release_routes);
}

/*
 * Ends all connections of the namespace and refuses new ones from now on.
 * Returns how many were asked to end. A connection may evade for a moment: when
 * its timer fires while a packet holds it, stock starts it anew.
 */
unsigned int fnat_conn_drain(struct fnat_net *fn)
{
	unsigned int count, round;

	WRITE_ONCE(fn->draining, true);
	/* No packet that has seen it false is under way any more. */
	synchronize_rcu();
	count = conn_for_each(fn, conn_expire);
	for (round = 0; round < CONN_DRAIN_ROUNDS; round++) {
		if (!atomic_read(&fn->conns))
			break;
		msleep(CONN_DRAIN_PAUSE);
		conn_for_each(fn, conn_expire);
	}
	return count;
}

int fnat_conn_init(void)
{
	return rhashtable_init(&conns, &conn_params);
}

void fnat_conn_exit(void)
{
	rhashtable_destroy(&conns);
}
