// SPDX-License-Identifier: GPL-2.0-only
/*
 * getpeername(), accept(), SO_PEERNAME and what io_uring has of them all end in
 * inet_getname() or inet6_getname(). A return probe puts the client in place of
 * the peer there, if the peer is still the one of the connection's beginning.
 *
 * In task context, so no other probe's handler is live on the CPU, and none of
 * ours is skipped.
 */
#include <linux/bits.h>
#include <linux/cred.h>
#include <linux/hash.h>
#include <linux/kprobes.h>
#include <linux/net.h>
#include <linux/ptrace.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>
#include <net/ipv6.h>
#include <net/sock.h>
/* needs sock.h in front of it on 5.10 */
#include <net/inet_common.h>

#include "toa.h"

/*
 * How many may be inside at a time: inet_getname() sleeps when another thread
 * has the socket's lock. One more is told the peer, and counted.
 */
#define INSTANCES	1024

/*
 * Who has a thread hold a socket's lock for long, and others ask for its peer, has
 * as many inside as he has threads. So nobody gets all: so many for each user, and
 * as many for all that are in user namespaces, where one has users for the asking.
 * Users of the same hash share.
 */
#define SHARE		(INSTANCES / 4)
#define USERS_BITS	10
#define OTHER_USER_NS	BIT(USERS_BITS)

static atomic_t inside[OTHER_USER_NS + 1];

/* What health.c calls with, to see whether the probes are there. */
struct socket *toa_getname_test;
atomic_t toa_getname_tests = ATOMIC_INIT(0);

/* Copied at the entry: the table's entry may go while the function sleeps. */
struct call {
	struct sockaddr *addr;
	const struct net *net;
	struct in6_addr raddr;
	__be16 rport;
	u16 who;		/* index of inside */
	struct toa_client client;
};

static unsigned int who_asks(void)
{
	if (current_user_ns() != &init_user_ns)
		return OTHER_USER_NS;
	return hash_32(__kuid_val(current_uid()), USERS_BITS);
}

static bool has_clients(const struct sock *sk)
{
	return sk && sk->sk_type == SOCK_STREAM &&
	       (sk->sk_protocol == IPPROTO_TCP ||
		sk->sk_protocol == IPPROTO_MPTCP);
}

/* True with a share taken, which the return gives back. */
static bool call_fill(struct call *call, struct sock *sk)
{
	struct toa_net *tn = toa_net_rcu(sock_net(sk));
	const struct toa_entry *e;

	if (!tn || READ_ONCE(tn->mode) == TOA_OFF)
		return false;
	e = toa_store_find_rcu(sk);
	if (!e) {
		toa_stat_inc(tn, GETNAME_BYPASS);
		return false;
	}
	call->who = who_asks();
	if (!atomic_add_unless(&inside[call->who], 1, SHARE)) {
		toa_stat_inc(tn, GETNAME_TOO_MANY);
		return false;
	}
	call->net = sock_net(sk);
	call->raddr = e->wire.raddr;
	call->rport = e->wire.rport;
	call->client = e->client;
	return true;
}

/*
 * int inet_getname(struct socket *sock, struct sockaddr *addr, int peer)
 * Returns 1 when the return does not matter.
 */
static int on_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct socket *sock = (void *)regs_get_kernel_argument(regs, 0);
	struct call *call = (void *)ri->data;
	bool known;

	if (unlikely(sock == READ_ONCE(toa_getname_test)))
		atomic_inc(&toa_getname_tests);
	if (!(int)regs_get_kernel_argument(regs, 2) || !has_clients(sock->sk))
		return 1;
	rcu_read_lock();
	known = call_fill(call, sock->sk);
	rcu_read_unlock();
	call->addr = (void *)regs_get_kernel_argument(regs, 1);
	return !known;
}

enum outcome {
	REPLACED,
	OTHER_PEER,
	DOES_NOT_FIT,
};

static enum outcome replace_v4(const struct call *call)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)call->addr;

	if (sin->sin_addr.s_addr != call->raddr.s6_addr32[3] ||
	    sin->sin_port != call->rport)
		return OTHER_PEER;
	if (!toa_addr_is_v4(&call->client.addr))
		return DOES_NOT_FIT;
	sin->sin_addr.s_addr = call->client.addr.s6_addr32[3];
	sin->sin_port = call->client.port;
	return REPLACED;
}

static enum outcome replace_v6(const struct call *call)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)call->addr;

	if (!ipv6_addr_equal(&sin6->sin6_addr, &call->raddr) ||
	    sin6->sin6_port != call->rport)
		return OTHER_PEER;
	sin6->sin6_addr = call->client.addr;
	sin6->sin6_port = call->client.port;
	/* Those are about the director. */
	sin6->sin6_flowinfo = 0;
	sin6->sin6_scope_id = 0;
	return REPLACED;
}

static void count(const struct net *net, bool has_peer, enum outcome outcome)
{
	struct toa_net *tn;

	rcu_read_lock();
	tn = toa_net_rcu(net);
	if (!tn)
		;
	else if (!has_peer)
		toa_stat_inc(tn, GETNAME_EMPTY);
	else if (outcome == REPLACED)
		toa_stat_inc(tn, GETNAME_OK);
	else if (outcome == OTHER_PEER)
		toa_stat_inc(tn, GETNAME_MISMATCH);
	else
		toa_stat_inc(tn, GETNAME_NAT64);
	rcu_read_unlock();
}

static int on_return_v4(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	const struct call *call = (void *)ri->data;
	bool has_peer = (int)regs_return_value(regs) > 0;

	count(call->net, has_peer, has_peer ? replace_v4(call) : OTHER_PEER);
	atomic_dec(&inside[call->who]);
	return 0;
}

static int on_return_v6(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	const struct call *call = (void *)ri->data;
	bool has_peer = (int)regs_return_value(regs) > 0;

	count(call->net, has_peer, has_peer ? replace_v6(call) : OTHER_PEER);
	atomic_dec(&inside[call->who]);
	return 0;
}

static struct kretprobe probe_v4 = {
	.kp.addr = (kprobe_opcode_t *)inet_getname,
	.entry_handler = on_entry,
	.handler = on_return_v4,
	.data_size = sizeof(struct call),
	.maxactive = INSTANCES,
};

#if IS_ENABLED(CONFIG_IPV6)
static struct kretprobe probe_v6 = {
	.kp.addr = (kprobe_opcode_t *)inet6_getname,
	.entry_handler = on_entry,
	.handler = on_return_v6,
	.data_size = sizeof(struct call),
	.maxactive = INSTANCES,
};
#endif

static struct kretprobe *probes[] = {
	&probe_v4,
#if IS_ENABLED(CONFIG_IPV6)
	&probe_v6,
#endif
};

/* Calls whose caller was told the peer because the probe was skipped. */
unsigned long toa_getname_missed(void)
{
	unsigned long sum = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(probes); i++)
		sum += probes[i]->nmissed + probes[i]->kp.nmissed;
	return sum;
}

int toa_getname_init(void)
{
	int err = register_kretprobes(probes, ARRAY_SIZE(probes));

	if (err)
		pr_err("cannot hook inet_getname: error %d\n", err);
	return err;
}

/* A task that sleeps inside returns without us, and inside goes with the module. */
void toa_getname_exit(void)
{
	unregister_kretprobes(probes, ARRAY_SIZE(probes));
}
