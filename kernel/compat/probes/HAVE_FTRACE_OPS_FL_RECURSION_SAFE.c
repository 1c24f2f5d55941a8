// SPDX-License-Identifier: GPL-2.0
/*
 * A hook has to say that it needs no protection against recursion; upstream up
 * to 5.10. Without: it says when it does need it.
 */
#include <linux/ftrace.h>

unsigned long compat_probe(void);

unsigned long compat_probe(void)
{
	return FTRACE_OPS_FL_RECURSION_SAFE;
}
