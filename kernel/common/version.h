/* SPDX-License-Identifier: GPL-2.0-only */
/* The version of the whole project; modules and packages are built from it. */
#ifndef IPVS_FULLNAT_VERSION_H
#define IPVS_FULLNAT_VERSION_H

#define IPVS_FULLNAT_VERSION	"0.1.0"

#endif /* IPVS_FULLNAT_VERSION_H */
