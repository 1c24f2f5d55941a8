// SPDX-License-Identifier: GPL-2.0
/*
 * skb_clear_tstamp(), upstream in 5.18. Without: skb->tstamp is never a time to
 * deliver at, and is cleared.
 */
#include <linux/skbuff.h>

void compat_probe(struct sk_buff *skb)
{
	skb_clear_tstamp(skb);
}
