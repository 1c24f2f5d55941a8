/* SPDX-License-Identifier: GPL-2.0-only */
/* What compat.h and compat_toa.h share: nothing of ip_vs, nothing of tracing. */
#ifndef COMPAT_BASE_H
#define COMPAT_BASE_H

/* Headers below use it, so a source file would be too late to define it. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "compat_config.h"

#include <linux/compiler.h>
#include <linux/proc_fs.h>
#include <linux/sysctl.h>
#include <net/net_namespace.h>

/* A note to newer compilers, a macro wherever it is known. */
#ifndef __counted_by
#define __counted_by(...)
#endif

#ifndef HAVE_PDE_DATA
#define pde_data PDE_DATA
#endif

/*
 * Older kernels stop at an empty entry: keep one at the end of the table and do
 * not count it in size.
 */
#ifndef HAVE_REGISTER_NET_SYSCTL_SZ
static inline struct ctl_table_header *
register_net_sysctl_sz(struct net *net, const char *path,
		       struct ctl_table *table, size_t size)
{
	return register_net_sysctl(net, path, table);
}
#endif

/* What a proc_handler is given. */
#ifdef HAVE_PROC_HANDLER_CONST
#define COMPAT_CTL_CONST const
#else
#define COMPAT_CTL_CONST
#endif

#endif /* COMPAT_BASE_H */
