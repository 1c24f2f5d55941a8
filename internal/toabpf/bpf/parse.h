/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kernel/common/toa_parse.h once more, in a form that the verifiers of all
 * kernels follow: they learn nothing from comparing two variables, so an index
 * is masked in front of each use, and what is behind the options is there to be
 * read.
 */
#ifndef TOA_BPF_PARSE_H
#define TOA_BPF_PARSE_H

#include <bpf/bpf_helpers.h>

#include "toa_maps.h"

#define TCP_HEADER	20
#define OPTIONS_MAX	40

/* Power of two, above OPTIONS_MAX. */
#define INDEX_MASK	63

/*
 * A TCP header, and room behind it for an option that begins at the last index.
 * One per CPU, which two packets can want at a time only where a task works on
 * a socket's backlog and is interrupted: owner tells.
 */
struct scratch {
	__u32 owner;
	__u32 size;		/* of the options */
	__u32 pos;
	__u8 header[TCP_HEADER];
	__u8 opts[INDEX_MASK + 1 + TOA_LEN_V6];
};

/*
 * Moves s->pos to the option that counts; false if there is none. What is in
 * memory the verifier knows nothing about, so for it each round begins alike,
 * and it need not follow every sum of lengths: that would be half a million
 * steps in place of some thousands.
 */
static __always_inline bool find_option(struct scratch *s,
					const struct toa_kinds *kinds, bool syn)
{
	volatile __u32 *size = &s->size, *cursor = &s->pos;
	int i;

	*cursor = 0;
#pragma clang loop unroll(disable)
	for (i = 0; i < OPTIONS_MAX; i++) {
		__u32 kind, len, pos = *cursor;

		if (pos + 2 > *size)
			return false;
		/* The compiler knows that it changes nothing and would drop it. */
		asm volatile("%0 &= %1" : "+r"(pos) : "i"(INDEX_MASK));
		kind = s->opts[pos];
		if (kind == TCPOPT_WALK_EOL)
			return false;
		if (kind == TCPOPT_WALK_NOP) {
			*cursor = pos + 1;
			continue;
		}
		len = s->opts[pos + 1];
		if (len < 2 || pos + len > *size)
			return false;
		if ((len == TOA_LEN_V4 || len == TOA_LEN_V6) &&
		    toa_kinds_has(kinds, kind) &&
		    !(syn && kind == TOA_KIND &&
		      (s->opts[pos + 2] << 8 | s->opts[pos + 3]) == TOA_EXID_FASTOPEN))
			return true;
		*cursor = pos + len;
	}
	return false;
}

/* The client that the option at s->pos tells. */
static __always_inline enum toa_found
read_option(const struct scratch *s, struct toa_client *client)
{
	__u32 pos = *(volatile __u32 *)&s->pos;
	const __u8 *opt;

	asm volatile("%0 &= %1" : "+r"(pos) : "i"(INDEX_MASK));
	opt = s->opts + pos;
	__builtin_memcpy(&client->port, opt + 2, sizeof(client->port));
	if (opt[1] == TOA_LEN_V4) {
		client->addr.s6_addr32[0] = 0;
		client->addr.s6_addr32[1] = 0;
		client->addr.s6_addr32[2] = bpf_htonl(0xffff);
		__builtin_memcpy(&client->addr.s6_addr32[3], opt + 4, 4);
		if (!client->port || !toa_v4_is_client(opt + 4))
			return TOA_FOUND_BAD_ADDR;
		return TOA_FOUND_CLIENT;
	}
	__builtin_memcpy(&client->addr, opt + 4, sizeof(client->addr));
	if (!client->port || !toa_v6_is_client(&client->addr))
		return TOA_FOUND_BAD_ADDR;
	return TOA_FOUND_CLIENT;
}

#endif /* TOA_BPF_PARSE_H */
