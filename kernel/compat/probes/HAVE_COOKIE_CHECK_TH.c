// SPDX-License-Identifier: GPL-2.0
/*
 * __cookie_v4_check() and its twin for IPv6 take the cookie from the header,
 * upstream in 6.8. Without: it is an argument.
 */
#include <net/tcp.h>

int compat_probe(const struct iphdr *iph, const struct tcphdr *th)
{
	return __cookie_v4_check(iph, th);
}
