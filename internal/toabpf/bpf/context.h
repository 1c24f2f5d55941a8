/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is used of linux/bpf.h, under the same names. That header grows with each
 * release, and all of a structure's fields end up in the type information: the
 * object would depend on the machine that it was compiled on.
 */
#ifndef TOA_CONTEXT_H
#define TOA_CONTEXT_H

#include <linux/types.h>

#define BPF_MAP_TYPE_ARRAY		2
#define BPF_MAP_TYPE_PERCPU_ARRAY	6
#define BPF_MAP_TYPE_LPM_TRIE		11
#define BPF_MAP_TYPE_SK_STORAGE		24

#define BPF_F_NO_PREALLOC		1
#define BPF_SK_STORAGE_GET_F_CREATE	1

/* bpf_sock_ops.op */
#define BPF_SOCK_OPS_TCP_CONNECT_CB		3
#define BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB	5
#define BPF_SOCK_OPS_TCP_LISTEN_CB		11

#define TCP_BPF_SYN			1005	/* TCP header of the SYN */

#define CONTEXT_PTR(type, name) union { type name; __u64 : 64; }

struct bpf_sock {
	__u32 bound_dev_if;
	__u32 family;
	__u32 type;
	__u32 protocol;
	__u32 mark;
	__u32 priority;
	__u32 src_ip4;		/* network order */
	__u32 src_ip6[4];	/* network order */
	__u32 src_port;		/* host order */
	__be16 dst_port;
	__u16 : 16;
	__u32 dst_ip4;		/* network order */
	__u32 dst_ip6[4];	/* network order */
	__u32 state;
	__s32 rx_queue_mapping;
};

struct bpf_sock_addr {
	__u32 user_family;
	__u32 user_ip4;		/* network order */
	__u32 user_ip6[4];	/* network order */
	__u32 user_port;	/* network order, in the low half */
	__u32 family;
	__u32 type;
	__u32 protocol;
	__u32 msg_src_ip4;
	__u32 msg_src_ip6[4];
	CONTEXT_PTR(struct bpf_sock *, sk);
};

struct bpf_sock_ops {
	__u32 op;
	__u32 args[4];
	__u32 family;
	__u32 remote_ip4;	/* network order */
	__u32 local_ip4;	/* network order */
	__u32 remote_ip6[4];	/* network order */
	__u32 local_ip6[4];	/* network order */
	__u32 remote_port;	/* network order, in the high half */
	__u32 local_port;	/* host order */
	__u32 is_fullsock;
	__u32 snd_cwnd;
	__u32 srtt_us;
	__u32 bpf_sock_ops_cb_flags;
	__u32 numbers[20];	/* of the connection */
	__u64 bytes[2];
	CONTEXT_PTR(struct bpf_sock *, sk);
	CONTEXT_PTR(void *, skb_data);
	CONTEXT_PTR(void *, skb_data_end);
	__u32 skb_len;
	__u32 skb_tcp_flags;
};

struct bpf_sockopt {
	CONTEXT_PTR(struct bpf_sock *, sk);
	CONTEXT_PTR(void *, optval);
	CONTEXT_PTR(void *, optval_end);
	__s32 level;
	__s32 optname;
	__s32 optlen;
	__s32 retval;
};

#endif /* TOA_CONTEXT_H */
