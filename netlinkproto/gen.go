// SPDX-License-Identifier: Apache-2.0

package netlinkproto

//go:generate go run ../internal/uapigen/cmd/uapigen -header ../kernel/include/uapi/linux/ip_vs_fullnat.h -source linux/ip_vs_fullnat.h -package netlinkproto -o zz_uapi.go
//go:generate go run ../internal/uapigen/cmd/uapigen -header /usr/include/linux/ip_vs.h -source linux/ip_vs.h -package netlinkproto -match "^(IPVS_|IP_VS_(SVC_F|STATE_|CONN_F|TUNNEL|[A-Z]+NAME_MAXLEN))" -o zz_ipvs.go
