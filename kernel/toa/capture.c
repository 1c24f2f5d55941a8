// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the packet to the connection. The functions that see the packet do not
 * have the socket yet, so what was found in it waits in a slot of the CPU: all
 * of this is one call chain in a softirq, or with bottom halves off.
 *
 *   SYN    tcp_conn_request()               look into the packet
 *            inet_csk_reqsk_queue_hash_add()  keep it by request (syn.c)
 *   ACK    tcp_v[46]_syn_recv_sock()        the SYN's, or look into the packet
 *            inet_csk_complete_hashdance()    the child has won: into the table
 *            inet_csk_reqsk_queue_add()       the same for SYN cookies, Fast Open
 *
 * The child is in the table before accept() can return it. A slot says what it
 * is about; one that is about something else is not used, so the worst that can
 * happen is that a connection goes without.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/request_sock.h>

#include "toa.h"

struct slot {
	const void *owner;	/* listener for a SYN, request for an ACK */
	__be16 rport;
	bool found;
	struct toa_client client;
};

static DEFINE_PER_CPU(struct slot, syn_slot);
static DEFINE_PER_CPU(struct slot, ack_slot);

/* The namespace's share, if new connections are looked at there. */
static struct toa_net *capturing_net_rcu(const struct sock *sk)
{
	struct toa_net *tn = toa_net_rcu(sock_net(sk));

	if (!tn || READ_ONCE(tn->mode) != TOA_ON || READ_ONCE(toa_drain))
		return NULL;
	return tn;
}

static bool from_director(const struct toa_config *config,
			  const struct sk_buff *skb)
{
	struct in6_addr addr;

	if (skb->protocol == htons(ETH_P_IP))
		ipv6_addr_set_v4mapped(ip_hdr(skb)->saddr, &addr);
	else
		addr = ipv6_hdr(skb)->saddr;
	return toa_trusted(config, &addr);
}

/* TCP made sure that the header with its options is linear. */
static bool look_into(struct toa_net *tn, const struct sk_buff *skb, bool syn,
		      struct toa_client *client)
{
	const struct toa_config *config = rcu_dereference(tn->config);
	struct tcphdr *th = tcp_hdr(skb);
	unsigned int size = th->doff * 4;

	if (size <= sizeof(*th) ||
	    size > skb_headlen(skb) - skb_transport_offset(skb))
		return false;
	switch (toa_parse((u8 *)(th + 1), size - sizeof(*th), &config->kinds,
			  syn, client)) {
	case TOA_FOUND_NONE:
		return false;
	case TOA_FOUND_BAD_ADDR:
		toa_stat_inc(tn, BAD_ADDR);
		return false;
	case TOA_FOUND_CLIENT:
		break;
	}
	if (!from_director(config, skb)) {
		toa_stat_inc(tn, UNTRUSTED);
		return false;
	}
	return true;
}

void toa_on_conn_request(const struct sock *sk, const struct sk_buff *skb)
{
	struct slot *slot = this_cpu_ptr(&syn_slot);
	struct toa_net *tn;

	slot->owner = NULL;
	rcu_read_lock();
	tn = capturing_net_rcu(sk);
	if (tn && look_into(tn, skb, true, &slot->client)) {
		slot->rport = tcp_hdr(skb)->source;
		slot->owner = sk;
	}
	rcu_read_unlock();
}

void toa_on_reqsk_hash(const struct sock *sk, const struct request_sock *req)
{
	struct slot *slot = this_cpu_ptr(&syn_slot);
	struct toa_net *tn;

	if (slot->owner != sk || slot->rport != inet_rsk(req)->ir_rmt_port)
		return;
	slot->owner = NULL;
	rcu_read_lock();
	tn = toa_net_rcu(sock_net(sk));
	if (tn) {
		if (toa_syn_add(req, &slot->client))
			toa_stat_inc(tn, SYN_KEPT);
		else
			toa_stat_inc(tn, NO_MEM);
	}
	rcu_read_unlock();
}

void toa_on_syn_recv_sock(const struct sock *sk, const struct sk_buff *skb,
			  const struct request_sock *req)
{
	struct slot *slot = this_cpu_ptr(&ack_slot);
	struct toa_net *tn;

	slot->owner = NULL;
	rcu_read_lock();
	tn = capturing_net_rcu(sk);
	if (tn) {
		slot->found = toa_syn_find(req, &slot->client) ||
			      look_into(tn, skb, tcp_hdr(skb)->syn,
					&slot->client);
		slot->rport = tcp_hdr(skb)->source;
		slot->owner = req;
	}
	rcu_read_unlock();
}

static void commit(struct slot *slot, struct sock *child,
		   const struct request_sock *req)
{
	struct toa_net *tn;

	rcu_read_lock();
	tn = toa_net_rcu(sock_net(child));
	if (tn && slot->found) {
		toa_store_add(tn, child, toa_syn_take(req), &slot->client);
		toa_health_look();
	} else if (tn) {
		toa_store_forget_wire(child);
		toa_stat_inc(tn, RECV_NO_TOA);
	}
	rcu_read_unlock();
}

/* @own_req is false for a child that lost a race against another CPU's. */
void toa_on_hashdance(struct sock *child, const struct request_sock *req,
		      bool own_req)
{
	struct slot *slot = this_cpu_ptr(&ack_slot);

	if (slot->owner != req)
		return;
	slot->owner = NULL;
	if (own_req && slot->rport == inet_sk(child)->inet_dport)
		commit(slot, child, req);
}

/* Also called for children that move to another listener: not in the slot. */
void toa_on_queue_add(struct sock *child, const struct request_sock *req)
{
	toa_on_hashdance(child, req, true);
}
