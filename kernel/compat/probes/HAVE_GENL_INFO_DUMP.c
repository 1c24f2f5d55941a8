// SPDX-License-Identifier: GPL-2.0
/*
 * genl_info_dump(), upstream in 6.6. Without: the attributes of a dump request
 * are a member of struct genl_dumpit_info itself.
 */
#include <net/genetlink.h>

struct nlattr **compat_probe(struct netlink_callback *cb)
{
	return genl_info_dump(cb)->attrs;
}
