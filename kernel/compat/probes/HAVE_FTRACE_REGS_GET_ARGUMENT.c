// SPDX-License-Identifier: GPL-2.0
/*
 * ftrace_regs_get_argument() reads what ftrace saves for every hook, upstream in
 * 6.2 for x86 and 6.3 for arm64. Without: all registers have to be asked for.
 */
#include <linux/ftrace.h>

unsigned long compat_probe(struct ftrace_regs *fregs);

unsigned long compat_probe(struct ftrace_regs *fregs)
{
	return ftrace_regs_get_argument(fregs, 1);
}
