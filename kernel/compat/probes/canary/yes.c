// SPDX-License-Identifier: GPL-2.0
/* Must compile: the headers that everything else needs. */
#include <linux/module.h>
#include <net/ip_vs.h>

int compat_probe(struct ip_vs_conn *cp)
{
	return cp->af;
}
