/* SPDX-License-Identifier: GPL-2.0-only */
/* Upstream in 6.5, before that: */
#include <linux/skbuff.h>
