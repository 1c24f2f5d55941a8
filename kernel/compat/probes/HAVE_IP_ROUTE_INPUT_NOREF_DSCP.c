// SPDX-License-Identifier: GPL-2.0
/*
 * ip_route_input_noref() takes a dscp_t and returns a drop reason, upstream in
 * 6.13. Without: it takes the TOS byte and returns an errno. dscp_t is an
 * integer to the compiler, so it is the result that tells.
 */
#include <net/ip.h>
#include <net/route.h>

typedef enum skb_drop_reason (*compat_route_input)(struct sk_buff *skb,
						   __be32 daddr, __be32 saddr,
						   dscp_t dscp,
						   struct net_device *dev);

compat_route_input compat_probe(const struct iphdr *iph)
{
	return ip4h_dscp(iph) ? ip_route_input_noref : NULL;
}
