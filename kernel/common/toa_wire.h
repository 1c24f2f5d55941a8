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

/* Is it a form that real servers take for the client's address? */
static inline bool toa_wire_is_toa(__u8 kind, unsigned int len)
{
	switch (kind) {
	case TOA_KIND:
		return len == TOA_LEN_V4 || len == TOA_LEN_V6;
	case TOA_KIND_V6:
		return len == TOA_LEN_V6;
	case TOA_KIND_OLD:
		return len == TOA_LEN_V4;
	}
	return false;
}

#endif /* TOA_WIRE_H */
