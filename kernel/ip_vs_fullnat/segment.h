/* SPDX-License-Identifier: GPL-2.0-only */
/* TCP segments that the director itself sends. */
#ifndef FNAT_SEGMENT_H
#define FNAT_SEGMENT_H

#include <net/tcp.h>

#include "fnat.h"

/* The TTL of what the director says for others, as RFC 1700 recommends. */
#define FNAT_OWN_TTL	64

/* In host order; addresses and ports are those of a struct fnat_rewrite. */
struct fnat_segment {
	u32 seq;
	u32 ack;
	u16 window;
	u8 flags;			/* TCPHDR_* */
	u8 ttl;
	u8 options_len;			/* a multiple of 4 */
	u8 options[FNAT_TCP_OPTIONS_MAX];
};

/* segment.c */
unsigned int fnat_segment_size(u16 af, const struct fnat_segment *seg);
void fnat_segment_put(struct sk_buff *skb, u16 af,
		      const struct fnat_rewrite *rw,
		      const struct fnat_segment *seg);
struct sk_buff *fnat_segment_new(u16 af, const struct fnat_rewrite *rw,
				 const struct fnat_segment *seg);

#endif /* FNAT_SEGMENT_H */
