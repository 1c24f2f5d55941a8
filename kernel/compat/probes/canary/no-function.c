// SPDX-License-Identifier: GPL-2.0
/* Must not compile: a function that no kernel has. */
#include <linux/module.h>

int compat_probe(void)
{
	return compat_probe_of_a_function_that_does_not_exist();
}
