// SPDX-License-Identifier: GPL-2.0
/*
 * get_random_u32_below(), upstream in 6.2, seen in 6.1.170. Without: a
 * multiply and shift over get_random_u32().
 */
#include <linux/random.h>

u32 compat_probe(void)
{
	return get_random_u32_below(100);
}
