// SPDX-License-Identifier: GPL-2.0
/* pde_data(), upstream in 5.17. Without: it was called PDE_DATA(). */
#include <linux/proc_fs.h>

void *compat_probe(const struct inode *inode)
{
	return pde_data(inode);
}
