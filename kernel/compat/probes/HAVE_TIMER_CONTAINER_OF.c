// SPDX-License-Identifier: GPL-2.0
/* timer_container_of(), upstream in 6.16. Without: it was called from_timer(). */
#include <linux/timer.h>

struct compat_probe {
	struct timer_list timer;
};

struct compat_probe *compat_probe(struct timer_list *t)
{
	struct compat_probe *p = timer_container_of(p, t, timer);

	return p;
}
