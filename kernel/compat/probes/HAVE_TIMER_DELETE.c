// SPDX-License-Identifier: GPL-2.0
/* timer_delete(), upstream in 6.2. Without: del_timer(). */
#include <linux/timer.h>

int compat_probe(struct timer_list *timer)
{
	return timer_delete(timer);
}
