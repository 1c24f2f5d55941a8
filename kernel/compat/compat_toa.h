/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Force-included into every object of toa, as compat.h is into those of
 * ip_vs_fullnat. A kernel that lacks something for which there is no other way
 * is refused here, by the name of what it lacks.
 */
#ifndef COMPAT_TOA_H
#define COMPAT_TOA_H

#include "compat_base.h"

#ifndef HAVE_EXPORT_REGISTER_FTRACE_FUNCTION
#error "toa: no register_ftrace_function (CONFIG_FUNCTION_TRACER), see Kernels in docs/toa.md"
#endif
#ifndef HAVE_EXPORT_FTRACE_SET_FILTER
#error "toa: no ftrace_set_filter (CONFIG_DYNAMIC_FTRACE), see Kernels in docs/toa.md"
#endif
#ifndef HAVE_EXPORT_REGISTER_KRETPROBES
#error "toa: no register_kretprobes (CONFIG_KRETPROBES), see Kernels in docs/toa.md"
#endif
#ifndef HAVE_EXPORT_FOR_EACH_KERNEL_TRACEPOINT
#error "toa: no for_each_kernel_tracepoint (CONFIG_TRACEPOINTS), see Kernels in docs/toa.md"
#endif
#ifndef HAVE_EXPORT_TRACEPOINT_PROBE_REGISTER
#error "toa: no tracepoint_probe_register (CONFIG_TRACEPOINTS), see Kernels in docs/toa.md"
#endif
#if !defined(CONFIG_DYNAMIC_FTRACE_WITH_REGS) && \
	!defined(CONFIG_DYNAMIC_FTRACE_WITH_ARGS)
#error "toa: no CONFIG_DYNAMIC_FTRACE_WITH_ARGS, see Kernels in docs/toa.md"
#endif

#include <linux/ftrace.h>
#include <linux/ptrace.h>

/*
 * Argument @n (0 to 3) of the function that a hook stands in front of. What a
 * hook has to ask for so that there are any is TOA_FTRACE_FLAGS.
 */
#if defined(HAVE_FTRACE_REGS_GET_ARGUMENT) && defined(CONFIG_DYNAMIC_FTRACE_WITH_ARGS)
#define TOA_FTRACE_REGS		ftrace_regs
#define TOA_FTRACE_ARG(regs, n)	ftrace_regs_get_argument(regs, n)
#define TOA_FTRACE_SAVE		0
#elif defined(HAVE_FTRACE_FUNC_FTRACE_REGS)
#define TOA_FTRACE_REGS		ftrace_regs
#define TOA_FTRACE_ARG(regs, n)	regs_get_kernel_argument(ftrace_get_regs(regs), n)
#define TOA_FTRACE_SAVE		FTRACE_OPS_FL_SAVE_REGS
#else
#define TOA_FTRACE_REGS		pt_regs
#define TOA_FTRACE_ARG(regs, n)	regs_get_kernel_argument(regs, n)
#define TOA_FTRACE_SAVE		FTRACE_OPS_FL_SAVE_REGS
#endif

#ifdef HAVE_FTRACE_OPS_FL_RECURSION_SAFE
#define TOA_FTRACE_FLAGS	(TOA_FTRACE_SAVE | FTRACE_OPS_FL_RECURSION_SAFE)
#else
#define TOA_FTRACE_FLAGS	TOA_FTRACE_SAVE
#endif

#endif /* COMPAT_TOA_H */
