// SPDX-License-Identifier: GPL-2.0
/*
 * A function hook of ftrace gets struct ftrace_regs, upstream in 5.11.
 * Without: struct pt_regs.
 */
#include <linux/ftrace.h>

ftrace_func_t compat_probe(void (*func)(unsigned long ip, unsigned long parent_ip,
					struct ftrace_ops *op,
					struct ftrace_regs *fregs));

ftrace_func_t compat_probe(void (*func)(unsigned long ip, unsigned long parent_ip,
					struct ftrace_ops *op,
					struct ftrace_regs *fregs))
{
	return func;
}
