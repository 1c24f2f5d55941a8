// SPDX-License-Identifier: GPL-2.0
/* Must not compile: a callback that does not have the type it is given. */
#include <linux/module.h>
#include <net/ip_vs.h>

void compat_probe(struct ip_vs_protocol *pp, int (*fn)(char *))
{
	pp->state_transition = fn;
}
