// SPDX-License-Identifier: GPL-2.0
/* <linux/unaligned.h>, upstream in 6.12. Without: <asm/unaligned.h>. */
#include <linux/unaligned.h>

u32 compat_probe(const void *p)
{
	return get_unaligned_be32(p);
}
