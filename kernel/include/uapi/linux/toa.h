/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * What the module toa offers to programs beside getpeername() and accept().
 *
 * getsockopt(fd, IPPROTO_IP, TOA_SO_GET_LOOKUP, &peer, &len) on a TCP
 * connection: the client's IPv6 address, where the connection itself is IPv4
 * (NAT64) and the address does not fit what getpeername() returns for an
 * AF_INET socket. Number and layout are those of DPVS.
 *
 *   EINVAL    no IPv6 client is known for this socket, or @len is too short
 *   ENOTCONN  it has no peer
 *   EFAULT    @peer is not writable
 */
#ifndef _UAPI_LINUX_TOA_H
#define _UAPI_LINUX_TOA_H

#include <linux/in6.h>
#include <linux/types.h>

#define TOA_SO_GET_LOOKUP	4096

struct toa_nat64_peer {
	struct in6_addr saddr;	/* network order */
	__be16 sport;		/* network order */
	__u16 reserved;		/* 0 */
};

#endif /* _UAPI_LINUX_TOA_H */
