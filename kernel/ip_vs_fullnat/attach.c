// SPDX-License-Identifier: GPL-2.0-only
/*
 * How FULLNAT rides on stock IPVS; the only file that changes stock's objects.
 *
 * Stock accepts forwarding method 5 but has no transmitter for it: it makes
 * the connection, leaves cp->packet_xmit NULL and lets the packet go on. Our
 * hook behind it attaches the connection: cp->app_data is our part of it, and
 * cp->packet_xmit our transmitter, which stock calls from then on.
 *
 * cp->app is an application object of ours that is registered nowhere. Stock
 * calls its done_conn() when the connection ends (ip_vs_unbind_app()), and
 * drops the reference to this module that fnat_attach() took, as it does for
 * those that its own ip_vs_app_inc_get() takes. So the module cannot be
 * removed while connections live, and none is forgotten.
 */
#include <linux/module.h>
#include <linux/ratelimit.h>

#include "fnat.h"
#include "synproxy.h"

/* An established connection expires: both sides may still believe in it. */
static void say_goodbye(struct fnat_conn *c)
{
	const struct ip_vs_conn *cp = c->cp;

	if (cp->protocol == IPPROTO_TCP &&
	    cp->state == IP_VS_TCP_S_ESTABLISHED &&
	    READ_ONCE(c->fn->sysctl.expire_rst) && !READ_ONCE(c->fn->exiting))
		fnat_rst_both(c);
}

static int done_conn(struct ip_vs_app *app, struct ip_vs_conn *cp)
{
	struct fnat_conn *c = xchg(&cp->app_data, NULL);

	if (!c)
		return 0;
	/*
	 * Without references nobody else is in this connection. With some it
	 * is ip_vs_try_bind_dest() of the sync daemon, which holds cp->lock,
	 * as fnat_route() does, and the connection goes on.
	 */
	if (!refcount_read(&cp->refcnt) && !c->snat)
		say_goodbye(c);
	c->detached = true;
	if (c->snat)
		fnat_stat_inc(c->fn, SNAT_CONN_DONE);
	else
		fnat_stat_inc(c->fn, CONN_DONE);
	fnat_conn_release(c);
	return 0;
}

static struct ip_vs_app fnat_app = {
	.name = "fullnat",
	.module = THIS_MODULE,
	.app = &fnat_app,
	.done_conn = done_conn,
};

static DEFINE_RATELIMIT_STATE(no_laddr_limit, 5 * HZ, 1);
static DEFINE_RATELIMIT_STATE(no_port_limit, 5 * HZ, 1);
static DEFINE_RATELIMIT_STATE(no_mem_limit, 5 * HZ, 1);
static DEFINE_RATELIMIT_STATE(bad_proto_limit, 5 * HZ, 1);

/* A line about a connection, if @limit has one left. */
void fnat_attach_log(struct ratelimit_state *limit,
		     const struct ip_vs_conn *cp, const char *reason)
{
	if (!__ratelimit(limit))
		return;
	if (cp->af == AF_INET6)
		pr_warn("[%pI6c]:%u -> [%pI6c]:%u: %s\n", &cp->vaddr.in6,
			ntohs(cp->vport), &cp->daddr.in6, ntohs(cp->dport),
			reason);
	else
		pr_warn("%pI4:%u -> %pI4:%u: %s\n", &cp->vaddr.ip,
			ntohs(cp->vport), &cp->daddr.ip, ntohs(cp->dport),
			reason);
}

static void count_refusal(struct fnat_net *fn, const struct ip_vs_conn *cp,
			  int err)
{
	switch (err) {
	case -ESRCH:
		fnat_stat_inc(fn, NO_SERVICE);
		fnat_attach_log(&no_laddr_limit, cp,
				"service has no local address, connection dropped");
		break;
	case -EADDRNOTAVAIL:
		fnat_stat_inc(fn, NO_LADDR);
		fnat_attach_log(&no_laddr_limit, cp,
				"service has no local address, connection dropped");
		break;
	case -EADDRINUSE:
		fnat_stat_inc(fn, NO_PORT);
		fnat_attach_log(&no_port_limit, cp,
				"no free local port, connection dropped");
		break;
	case -EPROTONOSUPPORT:
		fnat_stat_inc(fn, BAD_PROTO);
		fnat_attach_log(&bad_proto_limit, cp,
				"FULLNAT knows TCP and UDP only, connection dropped");
		break;
	default:
		fnat_stat_inc(fn, NO_MEM);
		fnat_attach_log(&no_mem_limit, cp,
				"no memory, connection dropped");
	}
}

/* Makes @c that of @cp, unless another CPU was quicker. */
static bool attach(struct ip_vs_conn *cp, struct fnat_conn *c)
{
	bool first;

	spin_lock_bh(&cp->lock);
	first = !cp->app && !cp->packet_xmit;
	if (first) {
		atomic_inc(&fnat_app.usecnt);
		cp->app = &fnat_app;
		WRITE_ONCE(cp->app_data, c);
		/* Replies come through here: set_tcp_state() sees both sides. */
		cp->flags &= ~IP_VS_CONN_F_NOOUTPUT;
		/* Stock reads it without a lock, then fnat_xmit() app_data. */
		smp_store_release(&cp->packet_xmit, fnat_xmit);
	} else if (cp->app == &fnat_app && !cp->packet_xmit) {
		/* ip_vs_try_bind_dest() clears it after it has let us bind. */
		smp_store_release(&cp->packet_xmit, fnat_xmit);
	}
	spin_unlock_bh(&cp->lock);
	return first;
}

/*
 * Binds @cp, of which the caller holds a reference, to a local address and
 * port. False: the packet is to be dropped, and that is counted.
 */
bool fnat_attach(struct fnat_net *fn, struct ip_vs_conn *cp,
		 const struct sk_buff *skb)
{
	struct fnat_conn *c;

	/* Another CPU was quicker. Pairs with the release in attach(). */
	if (smp_load_acquire(&cp->packet_xmit) == fnat_xmit)
		return true;
	if (cp->protocol != IPPROTO_TCP && cp->protocol != IPPROTO_UDP) {
		count_refusal(fn, cp, -EPROTONOSUPPORT);
		return false;
	}
	/* Fails once rmmod has begun. */
	if (READ_ONCE(fn->draining) || !try_module_get(THIS_MODULE)) {
		fnat_stat_inc(fn, DRAINING);
		return false;
	}
	c = fnat_conn_new(fn, cp, skb);
	if (IS_ERR(c)) {
		module_put(THIS_MODULE);
		count_refusal(fn, cp, PTR_ERR(c));
		return false;
	}
	if (attach(cp, c)) {
		fnat_stat_inc(fn, CONN_BOUND);
	} else {
		fnat_conn_release(c);
		module_put(THIS_MODULE);
		fnat_stat_inc(fn, BIND_RACE);
	}
	/* An application of stock's has none of our data. */
	if (likely(READ_ONCE(cp->app) == &fnat_app))
		return true;
	fnat_stat_inc(fn, UNBOUND);
	return false;
}

/*
 * Hangs @c on a connection that the caller has just made and nobody else uses.
 * It takes over the caller's reference to this module.
 */
void fnat_attach_snat(struct ip_vs_conn *cp, struct fnat_conn *c)
{
	atomic_inc(&fnat_app.usecnt);
	spin_lock_bh(&cp->lock);
	cp->app_data = c;
	cp->app = &fnat_app;
	/* Its conntrack entry, if it has one, is not stock's to delete. */
	cp->flags &= ~IP_VS_CONN_F_NFCT;
	spin_unlock_bh(&cp->lock);
}

/*
 * @old has given its port away after it had ended, and now its client comes
 * again: takes another one. Stock's connection, and the reference to the
 * module that it holds, stay. NULL: the packet is to be dropped, counted.
 */
struct fnat_conn *fnat_attach_again(struct fnat_conn *old,
				    const struct sk_buff *skb)
{
	struct ip_vs_conn *cp = old->cp;
	struct fnat_conn *c;
	bool first;

	c = fnat_conn_new(old->fn, cp, skb);
	if (IS_ERR(c)) {
		count_refusal(old->fn, cp, PTR_ERR(c));
		return NULL;
	}
	spin_lock_bh(&cp->lock);
	first = cp->app_data == old;
	if (first) {
		old->detached = true;
		/* Pairs with the address dependency of those who read it. */
		smp_store_release(&cp->app_data, c);
	}
	spin_unlock_bh(&cp->lock);
	if (first) {
		fnat_stat_inc(old->fn, CONN_BOUND);
		fnat_stat_inc(old->fn, CONN_DONE);
		fnat_conn_release(old);
		return c;
	}
	fnat_stat_inc(old->fn, BIND_RACE);
	fnat_conn_release(c);
	return READ_ONCE(cp->app_data);
}

/* A reference to the stock connection, or NULL when it is about to go. */
struct ip_vs_conn *fnat_attach_get_rcu(struct fnat_conn *c)
{
	struct ip_vs_conn *cp = c->cp;

	return refcount_inc_not_zero(&cp->refcnt) ? cp : NULL;
}

/* Lets the connection's timer fire now. Caller is in an RCU read section. */
bool fnat_attach_expire(struct ip_vs_conn *cp)
{
	if (!timer_pending(&cp->timer))
		return false;
	cp->timeout = 0;
	/* Pending only: not after the final deletion in ip_vs_conn_expire(). */
	mod_timer_pending(&cp->timer, jiffies);
	return true;
}

/*
 * The client is ahead of the real server, which has not answered yet: stock is
 * not to take its segments for those of an established connection. The answer
 * may come meanwhile; its own change of state is behind this one then.
 */
void fnat_attach_wait(struct ip_vs_conn *cp, const struct fnat_splice *s)
{
	struct ip_vs_proto_data *pd = ip_vs_proto_data_get(cp->ipvs,
							   cp->protocol);

	spin_lock_bh(&cp->lock);
	if (pd && cp->state != IP_VS_TCP_S_SYN_RECV &&
	    READ_ONCE(s->state) == FNAT_SPLICE_WAITS) {
		cp->state = IP_VS_TCP_S_SYN_RECV;
		cp->timeout = pd->timeout_table[IP_VS_TCP_S_SYN_RECV];
	}
	spin_unlock_bh(&cp->lock);
}

/* Our part of @cp, which the caller holds, or NULL. */
struct fnat_conn *fnat_attach_conn(struct ip_vs_conn *cp)
{
	/* Pairs with the release in attach(). */
	if (smp_load_acquire(&cp->packet_xmit) != fnat_xmit)
		return NULL;
	return READ_ONCE(cp->app_data);
}

void fnat_attach_init(void)
{
	ratelimit_set_flags(&no_laddr_limit, RATELIMIT_MSG_ON_RELEASE);
	ratelimit_set_flags(&no_port_limit, RATELIMIT_MSG_ON_RELEASE);
	ratelimit_set_flags(&no_mem_limit, RATELIMIT_MSG_ON_RELEASE);
	ratelimit_set_flags(&bad_proto_limit, RATELIMIT_MSG_ON_RELEASE);
}
