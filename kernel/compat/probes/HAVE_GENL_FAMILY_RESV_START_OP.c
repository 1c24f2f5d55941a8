// SPDX-License-Identifier: GPL-2.0
/*
 * genl_family.resv_start_op, upstream in 6.0. Without: the reserved bytes of
 * the header are never checked.
 */
#include <net/genetlink.h>

void compat_probe(struct genl_family *family)
{
	family->resv_start_op = 1;
}
