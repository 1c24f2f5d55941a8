// SPDX-License-Identifier: GPL-2.0
/*
 * skb_gso_validate_network_len() in <net/gso.h>, upstream in 6.5. Without: it
 * is in <linux/skbuff.h>.
 */
#include <net/gso.h>

bool compat_probe(const struct sk_buff *skb)
{
	return skb_gso_validate_network_len(skb, 1500);
}
