// SPDX-License-Identifier: GPL-2.0
/*
 * dst_rt6_info(), upstream in 6.10, seen in 6.1.187. Without: the
 * container_of() that it is.
 */
#include <net/ip6_fib.h>

struct rt6_info *compat_probe(struct dst_entry *dst)
{
	return dst_rt6_info(dst);
}
