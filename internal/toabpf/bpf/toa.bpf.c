// SPDX-License-Identifier: GPL-2.0-only
/*
 * What kernel/toa does, by BPF: the client that a director tells in a TCP option
 * is kept with the connection's socket, and put in place of the peer's address
 * in what getpeername() and accept() answer.
 *
 *   listen()          sockops: the kernel shall keep SYNs of this socket
 *   end of handshake  sockops: looks into the kept SYN, then into the packet
 *   getpeername()     cgroup/getpeername4, 6: the answer
 *   getsockopt()      cgroup/getsockopt: NAT64, only if asked for at loading
 *
 * The end of the handshake is before accept() can return the socket: until then
 * its lock is held.
 */
#include <stdbool.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/types.h>

#include "context.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "core.h"
#include "parse.h"

#define AF_INET		2
#define AF_INET6	10
#define SOCK_STREAM	1
#define SOL_TCP		6
#define TCP_SAVE_SYN	27
#define TCP_FLAG_SYN	0x02

/* linux/toa.h */
#define TOA_SO_GET_LOOKUP	4096
#define TOA_NAT64_PEER_LEN	20

/*
 * The kernel shows programs no more of a socket option than a page, and fails
 * where one leaves a larger length as it is. Pages may be larger than this.
 */
#define SOCKOPT_MAX	4096

/* Set by the loader before loading. */
const volatile bool use_mptcp;	/* kernel has it, and the helpers for it */
const volatile bool use_syn;	/* look into SYNs */

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct toa_conn);
} conns SEC(".maps");

/* The same, by MPTCP's sockets: what programs have of such connections. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct toa_conn);
} msks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct toa_settings);
} settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 128);	/* 64, while they replace 64 others */
	__type(key, struct toa_trusted_key);
	__type(value, __u8);
} trusted SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct toa_stats);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

static __always_inline struct toa_settings *settings_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&settings, &zero);
}

/* An interrupt in between adds its own: only this CPU writes, in one step. */
static __always_inline void count(enum toa_stat id)
{
	__u32 zero = 0;
	struct toa_stats *stats = bpf_map_lookup_elem(&counters, &zero);

	if (stats)
		__sync_fetch_and_add(&stats->counter[id], 1);
}

/*
 * For fields of the context: the verifier wants each of them read at a constant
 * offset, and the compiler would choose between two offsets and read once.
 */
#define load_v4(addr, field)						\
	do {								\
		map_v4(addr, field);					\
		barrier();						\
	} while (0)
#define load_v6(addr, field)						\
	do {								\
		(addr)->s6_addr32[0] = (field)[0];			\
		(addr)->s6_addr32[1] = (field)[1];			\
		(addr)->s6_addr32[2] = (field)[2];			\
		(addr)->s6_addr32[3] = (field)[3];			\
		barrier();						\
	} while (0)

static __always_inline void map_v4(struct in6_addr *addr, __be32 v4)
{
	addr->s6_addr32[0] = 0;
	addr->s6_addr32[1] = 0;
	addr->s6_addr32[2] = bpf_htonl(0xffff);
	addr->s6_addr32[3] = v4;
}

static __always_inline bool is_v4(const struct in6_addr *addr)
{
	return !(addr->s6_addr32[0] | addr->s6_addr32[1]) &&
	       addr->s6_addr32[2] == bpf_htonl(0xffff);
}

static __always_inline bool equal(const struct in6_addr *a,
				  const struct in6_addr *b)
{
	return a->s6_addr32[0] == b->s6_addr32[0] &&
	       a->s6_addr32[1] == b->s6_addr32[1] &&
	       a->s6_addr32[2] == b->s6_addr32[2] &&
	       a->s6_addr32[3] == b->s6_addr32[3];
}

/* --- the end of the handshake ---------------------------------------------- */

static __always_inline void peer_of(struct bpf_sock_ops *ctx,
				    struct in6_addr *addr, __be16 *port)
{
	if (ctx->family == AF_INET)
		load_v4(addr, ctx->remote_ip4);
	else
		load_v6(addr, ctx->remote_ip6);
	*port = bpf_htons(bpf_ntohl(ctx->remote_port));
}

static __always_inline bool from_director(const struct in6_addr *peer)
{
	struct toa_trusted_key key = {};

	if (is_v4(peer)) {
		key.family = 4;
		key.bits = 8 + 32;
		__builtin_memcpy(key.addr, &peer->s6_addr32[3], 4);
	} else {
		key.family = 6;
		key.bits = 8 + 128;
		__builtin_memcpy(key.addr, peer, 16);
	}
	return bpf_map_lookup_elem(&trusted, &key);
}

/* Copies the options of the packet at hand. */
static __always_inline void copy_packet(struct bpf_sock_ops *ctx,
					struct scratch *s)
{
	__u8 *th = (void *)(long)ctx->skb_data;
	__u8 *end = (void *)(long)ctx->skb_data_end;
	__u32 i;

	*(volatile __u32 *)&s->size = 0;
	/* The length of a TCP header is a multiple of four. */
#pragma unroll
	for (i = 0; i < OPTIONS_MAX; i += 4) {
		if (th + TCP_HEADER + i + 4 > end)
			break;
		__builtin_memcpy(s->opts + i, th + TCP_HEADER + i, 4);
		*(volatile __u32 *)&s->size = i + 4;
	}
}

/* Copies those of the SYN, if the kernel kept it. */
static __always_inline void copy_syn(struct bpf_sock_ops *ctx, struct scratch *s)
{
	/* The kernel fills as much as the header has, and returns that. */
	long len = bpf_getsockopt(ctx, SOL_TCP, TCP_BPF_SYN, s->header,
				  TCP_HEADER + OPTIONS_MAX);

	s->size = len > TCP_HEADER && len <= TCP_HEADER + OPTIONS_MAX ?
			  len - TCP_HEADER : 0;
}

/* Looks into the packet at hand, or into the SYN that was kept. */
static __always_inline bool look_into(struct bpf_sock_ops *ctx,
				      const struct toa_settings *set,
				      struct scratch *s, bool kept, bool syn,
				      const struct in6_addr *peer,
				      struct toa_client *client)
{
	enum toa_found found = TOA_FOUND_NONE;
	__u32 owner = bpf_get_prandom_u32();

	*(volatile __u32 *)&s->owner = owner;
	if (kept)
		copy_syn(ctx, s);
	else
		copy_packet(ctx, s);
	if (find_option(s, &set->kinds, syn))
		found = read_option(s, client);
	if (found == TOA_FOUND_NONE || *(volatile __u32 *)&s->owner != owner)
		return false;
	if (found == TOA_FOUND_BAD_ADDR) {
		count(TOA_STAT_BAD_ADDR);
		return false;
	}
	if (!from_director(peer)) {
		count(TOA_STAT_UNTRUSTED);
		return false;
	}
	return true;
}

static __always_inline bool find_client(struct bpf_sock_ops *ctx,
					const struct toa_settings *set,
					const struct in6_addr *peer,
					struct toa_client *client)
{
	__u32 zero = 0;
	struct scratch *s = bpf_map_lookup_elem(&scratches, &zero);
	/* Fast Open: the packet at hand is the SYN. */
	bool syn = ctx->skb_tcp_flags & TCP_FLAG_SYN;

	if (!s)
		return false;
	if (use_syn && !syn && look_into(ctx, set, s, true, true, peer, client)) {
		count(TOA_STAT_SYN_KEPT);
		return true;
	}
	return look_into(ctx, set, s, false, syn, peer, client);
}

/* The MPTCP socket that a TCP socket belongs to, if it does. */
static __always_inline struct mptcp_sock *msk_of(struct bpf_sock_ops *ctx)
{
	struct bpf_sock *sk = ctx->sk;

	return use_mptcp && sk ? bpf_skc_to_mptcp_sock(sk) : NULL;
}

static __always_inline void on_established(struct bpf_sock_ops *ctx)
{
	const struct toa_settings *set = settings_get();
	struct bpf_sock *sk = ctx->sk;
	struct toa_conn new = {}, *conn;
	struct toa_client client = {};
	struct mptcp_sock *msk;

	if (!set || set->mode != TOA_ON || !sk)
		return;
	msk = msk_of(ctx);
	/* A further subflow: the first one says whose the connection is. */
	if (msk && (void *)msk->first != (void *)sk)
		return;
	peer_of(ctx, &new.raddr, &new.rport);
	if (!find_client(ctx, set, &new.raddr, &client)) {
		count(TOA_STAT_RECV_NO_TOA);
		return;
	}
	new.client = client.addr;
	new.client_port = client.port;
	conn = bpf_sk_storage_get(&conns, sk, &new, BPF_SK_STORAGE_GET_F_CREATE);
	if (conn && msk && !bpf_sk_storage_get(&msks, msk, &new,
					       BPF_SK_STORAGE_GET_F_CREATE)) {
		bpf_sk_storage_delete(&conns, sk);
		conn = NULL;
	}
	if (!conn) {
		count(TOA_STAT_NO_MEM);
		return;
	}
	count(TOA_STAT_RECV_TOA);
	count(TOA_STAT_ADDED);
	if (!is_v4(&new.client))
		count(TOA_STAT_IP6_ADDED);
}

/* Unless the program itself asked for SYNs, in whatever form. */
static __always_inline void on_listen(struct bpf_sock_ops *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	struct tcp_sock *tp;
	int one = 1;

	if (!use_syn || !sk)
		return;
	tp = bpf_skc_to_tcp_sock(sk);
	if (tp && !BPF_CORE_READ_BITFIELD(tp, save_syn))
		bpf_setsockopt(ctx, SOL_TCP, TCP_SAVE_SYN, &one, sizeof(one));
}

SEC("sockops")
int toa_sockops(struct bpf_sock_ops *ctx)
{
	struct bpf_sock *sk;

	switch (ctx->op) {
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		on_established(ctx);
		break;
	case BPF_SOCK_OPS_TCP_LISTEN_CB:
		on_listen(ctx);
		break;
	case BPF_SOCK_OPS_TCP_CONNECT_CB:
		/* A socket that was somebody's becomes another connection. */
		sk = ctx->sk;
		if (sk)
			bpf_sk_storage_delete(&conns, sk);
		break;
	}
	return 1;
}

/* --- questions -------------------------------------------------------------- */

/* What is known of the socket, and of which the peer is still the same. */
static __always_inline struct toa_conn *
conn_of(struct bpf_sock_addr *ctx, const struct in6_addr *told)
{
	struct bpf_sock *sk = ctx->sk;
	struct toa_conn *conn;

	if (!sk)
		return NULL;
	if (ctx->protocol == IPPROTO_TCP)
		conn = bpf_sk_storage_get(&conns, sk, NULL, 0);
	else
		conn = bpf_sk_storage_get(&msks, sk, NULL, 0);
	if (!conn) {
		count(TOA_STAT_GETNAME_BYPASS);
		return NULL;
	}
	if (conn->rport != (__be16)ctx->user_port || !equal(&conn->raddr, told)) {
		count(TOA_STAT_GETNAME_MISMATCH);
		return NULL;
	}
	return conn;
}

/* Is it a socket that can have a client? */
static __always_inline bool concerns_us(struct bpf_sock_addr *ctx)
{
	const struct toa_settings *set;

	if (ctx->type != SOCK_STREAM ||
	    (ctx->protocol != IPPROTO_TCP &&
	     !(use_mptcp && ctx->protocol == IPPROTO_MPTCP)))
		return false;
	set = settings_get();
	return set && set->mode != TOA_OFF;
}

SEC("cgroup/getpeername4")
int toa_peername4(struct bpf_sock_addr *ctx)
{
	struct in6_addr told;
	struct toa_conn *conn;

	if (!concerns_us(ctx))
		return 1;
	load_v4(&told, ctx->user_ip4);
	conn = conn_of(ctx, &told);
	if (!conn)
		return 1;
	if (!is_v4(&conn->client)) {
		count(TOA_STAT_GETNAME_NAT64);
		return 1;
	}
	ctx->user_ip4 = conn->client.s6_addr32[3];
	ctx->user_port = conn->client_port;
	count(TOA_STAT_GETNAME_OK);
	return 1;
}

SEC("cgroup/getpeername6")
int toa_peername6(struct bpf_sock_addr *ctx)
{
	struct in6_addr told;
	struct toa_conn *conn;

	if (!concerns_us(ctx))
		return 1;
	load_v6(&told, ctx->user_ip6);
	conn = conn_of(ctx, &told);
	if (!conn)
		return 1;
	ctx->user_ip6[0] = conn->client.s6_addr32[0];
	ctx->user_ip6[1] = conn->client.s6_addr32[1];
	ctx->user_ip6[2] = conn->client.s6_addr32[2];
	ctx->user_ip6[3] = conn->client.s6_addr32[3];
	ctx->user_port = conn->client_port;
	count(TOA_STAT_GETNAME_OK);
	return 1;
}

/*
 * The client of a NAT64 connection, as struct toa_nat64_peer. Where there is
 * none the kernel's own answer stays, that it does not know the option.
 */
SEC("cgroup/getsockopt")
int toa_getsockopt(struct bpf_sockopt *ctx)
{
	const struct toa_settings *set;
	struct bpf_sock *sk = ctx->sk;
	struct toa_conn *conn;
	__u8 *val = ctx->optval;

	if (ctx->level != IPPROTO_IP || ctx->optname != TOA_SO_GET_LOOKUP) {
		if (ctx->optlen > SOCKOPT_MAX)
			ctx->optlen = 0;
		return 1;
	}
	set = settings_get();
	if (!set || set->mode == TOA_OFF || !sk || !ctx->retval ||
	    val + TOA_NAT64_PEER_LEN > (__u8 *)ctx->optval_end)
		return 1;
	conn = bpf_sk_storage_get(&conns, sk, NULL, 0);
	if (!conn || is_v4(&conn->client) ||
	    conn->rport != (__be16)sk->dst_port)
		return 1;
	__builtin_memcpy(val, &conn->client, 16);
	__builtin_memcpy(val + 16, &conn->client_port, 2);
	__builtin_memset(val + 18, 0, 2);
	ctx->optlen = TOA_NAT64_PEER_LEN;
	barrier();	/* or it would become one write to both */
	ctx->retval = 0;
	count(TOA_STAT_NAT64_OK);
	return 1;
}

/* --- the list ---------------------------------------------------------------- */

SEC("iter/bpf_sk_storage_map")
int toa_list(struct storage_iter *ctx)
{
	const struct toa_conn *conn = ctx->value;
	struct sock *sk = ctx->sk;
	struct toa_listed line = {};

	if (!sk || !conn)
		return 0;
	if (sk->__sk_common.skc_family == AF_INET)
		map_v4(&line.laddr, sk->__sk_common.skc_rcv_saddr);
	else
		line.laddr = sk->__sk_common.skc_v6_rcv_saddr;
	line.lport = sk->__sk_common.skc_num;
	line.netns = sk->__sk_common.skc_net.net->ns.inum;
	line.raddr = conn->raddr;
	line.rport = conn->rport;
	line.client = conn->client;
	line.client_port = conn->client_port;
	bpf_seq_write(ctx->meta->seq, &line, sizeof(line));
	return 0;
}

char _license[] SEC("license") = "GPL";
