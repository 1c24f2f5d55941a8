// SPDX-License-Identifier: GPL-2.0
/*
 * ip_vs_dest.cflags holds IP_VS_DEST_CF_AVAILABLE, seen in 6.1.187 and
 * 6.12.107. Without: ip_vs_dest.flags holds IP_VS_DEST_F_AVAILABLE.
 */
#include <net/ip_vs.h>

bool compat_probe(const struct ip_vs_dest *dest)
{
	return dest->cflags & IP_VS_DEST_CF_AVAILABLE;
}
