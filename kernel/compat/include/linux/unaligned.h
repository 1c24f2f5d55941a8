/* SPDX-License-Identifier: GPL-2.0-only */
/* Upstream in 6.12, before that: */
#include <asm/unaligned.h>
