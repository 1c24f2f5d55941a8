// SPDX-License-Identifier: GPL-2.0
/* timer_delete_sync(), upstream in 6.2. Without: it was called del_timer_sync(). */
#include <linux/timer.h>

int compat_probe(struct timer_list *t)
{
	return timer_delete_sync(t);
}
