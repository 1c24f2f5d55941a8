// SPDX-License-Identifier: GPL-2.0-only
/* getsockopt(IPPROTO_IP, TOA_SO_GET_LOOKUP): include/uapi/linux/toa.h. */
#include <linux/module.h>
#include <linux/netfilter.h>
#include <linux/uaccess.h>
#include <net/inet_sock.h>
#include <net/tcp_states.h>
#include <linux/toa.h>

#include "toa.h"

#if IS_ENABLED(CONFIG_NETFILTER) && defined(HAVE_EXPORT_NF_REGISTER_SOCKOPT)

/* The IPv6 client of a socket that has one. */
static bool peer_fill(struct sock *sk, struct toa_nat64_peer *peer)
{
	const struct toa_entry *e = NULL;
	struct toa_net *tn;
	bool known = false;

	rcu_read_lock();
	tn = toa_net_rcu(sock_net(sk));
	if (tn && READ_ONCE(tn->mode) != TOA_OFF)
		e = toa_store_find_rcu(sk);
	if (e && !toa_addr_is_v4(&e->client.addr) &&
	    toa_store_is_peer(e, sk)) {
		peer->saddr = e->client.addr;
		peer->sport = e->client.port;
		toa_stat_inc(tn, NAT64_OK);
		known = true;
	}
	rcu_read_unlock();
	return known;
}

static int get_peer(struct sock *sk, int optval, void __user *user, int *len)
{
	struct toa_nat64_peer peer = {};

	/* MPTCP asks nobody for options of this level, but for one that is plain TCP. */
	if (*len < (int)sizeof(peer) || sk->sk_type != SOCK_STREAM ||
	    sk->sk_protocol != IPPROTO_TCP)
		return -EINVAL;
	if (!inet_sk(sk)->inet_dport ||
	    (1 << READ_ONCE(sk->sk_state)) & (TCPF_CLOSE | TCPF_SYN_SENT))
		return -ENOTCONN;
	if (!peer_fill(sk, &peer))
		return -EINVAL;
	if (copy_to_user(user, &peer, sizeof(peer)))
		return -EFAULT;
	*len = sizeof(peer);
	return 0;
}

static struct nf_sockopt_ops sockopt_ops = {
	.pf = PF_INET,
	.get_optmin = TOA_SO_GET_LOOKUP,
	.get_optmax = TOA_SO_GET_LOOKUP + 1,
	.get = get_peer,
	.owner = THIS_MODULE,
};

int toa_sockopt_init(void)
{
	int err = nf_register_sockopt(&sockopt_ops);

	if (err)
		pr_err("socket option %d is taken by another module\n",
		       TOA_SO_GET_LOOKUP);
	return err;
}

void toa_sockopt_exit(void)
{
	nf_unregister_sockopt(&sockopt_ops);
}

#else

int toa_sockopt_init(void)
{
	return 0;
}

void toa_sockopt_exit(void)
{
}

#endif
