/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FNAT_VERSION_H
#define FNAT_VERSION_H

#define FNAT_VERSION	"0.1.0"

#endif /* FNAT_VERSION_H */
