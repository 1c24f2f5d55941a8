// SPDX-License-Identifier: GPL-2.0
/*
 * genl_multicast_group.flags with GENL_UNS_ADMIN_PERM, upstream in 6.7, seen in
 * 6.1. Without: whoever opens a netlink socket may listen to a group.
 */
#include <net/genetlink.h>

void compat_probe(struct genl_multicast_group *group)
{
	group->flags = GENL_UNS_ADMIN_PERM;
}
