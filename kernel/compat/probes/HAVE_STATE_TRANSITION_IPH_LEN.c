// SPDX-License-Identifier: GPL-2.0
/*
 * ip_vs_protocol.state_transition() is told where the transport header starts.
 * Seen in 5.10.262, 6.1.187 and 6.12.107. Without: the argument is dropped.
 */
#include <net/ip_vs.h>

void compat_probe(struct ip_vs_protocol *pp, struct ip_vs_conn *cp,
		  const struct sk_buff *skb, struct ip_vs_proto_data *pd)
{
	pp->state_transition(cp, IP_VS_DIR_OUTPUT, skb, pd, 20U);
}
