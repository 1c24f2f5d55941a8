/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TOA on the wire: the TCP option in which a director tells a real server the
 * client's address. kind, length, port (2 bytes), address; network order, no
 * padding.
 */
#ifndef TOA_WIRE_H
#define TOA_WIRE_H

#include <linux/types.h>

#define TOA_KIND		254	/* IPv4; IPv6 in DPVS */
#define TOA_KIND_V6		253	/* IPv6 in Alibaba's director */
#define TOA_KIND_OLD		200	/* the first release of FULLNAT */

#define TOA_LEN_V4		8
#define TOA_LEN_V6		20

/* Is it a form that some real server may take for the client's address? */
static inline bool toa_wire_is_toa(__u8 kind, unsigned int len)
{
	return (kind == TOA_KIND || kind == TOA_KIND_V6 ||
		kind == TOA_KIND_OLD) &&
	       (len == TOA_LEN_V4 || len == TOA_LEN_V6);
}

#endif /* TOA_WIRE_H */
