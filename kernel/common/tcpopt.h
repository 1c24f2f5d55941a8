/* SPDX-License-Identifier: GPL-2.0-only */
/* A walk over the options of a TCP header that trusts nothing in them. */
#ifndef TCPOPT_H
#define TCPOPT_H

#include <linux/types.h>

/* RFC 9293 3.1 */
#define TCPOPT_WALK_EOL		0
#define TCPOPT_WALK_NOP		1

/* One option: data[0] is its kind, data[1] its length, which is len. */
struct tcpopt {
	__u8 *data;
	unsigned int len;	/* at least 2 */
};

/*
 * Finds the option at or behind *pos in the @size bytes at @opts and moves *pos
 * behind it. False at the end of the list, and at the first thing that is not
 * an option: a length below 2 or past the end.
 */
static inline bool tcpopt_next(__u8 *opts, unsigned int size, unsigned int *pos,
			       struct tcpopt *opt)
{
	while (*pos < size && opts[*pos] == TCPOPT_WALK_NOP)
		++*pos;
	if (*pos >= size || opts[*pos] == TCPOPT_WALK_EOL || size - *pos < 2)
		return false;
	opt->data = opts + *pos;
	opt->len = opts[*pos + 1];
	if (opt->len < 2 || opt->len > size - *pos)
		return false;
	*pos += opt->len;
	return true;
}

#endif /* TCPOPT_H */
