/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TOA_VERSION_H
#define TOA_VERSION_H

#define TOA_VERSION	"0.1.0"

#endif /* TOA_VERSION_H */
