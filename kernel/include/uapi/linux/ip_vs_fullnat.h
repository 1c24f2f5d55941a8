/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The generic netlink family IPVS_FULLNAT: what stock IPVS has no object for.
 *
 * Stock IPVS (family "IPVS", <linux/ip_vs.h>) keeps services, real servers,
 * connections and statistics.  A FULLNAT real server is a stock destination
 * whose IPVS_DEST_ATTR_FWD_METHOD is IPVS_FNAT_FWD_METHOD.  This family adds
 * the local addresses (lip) from which the director talks to real servers.
 * All state is per network namespace; every command needs CAP_NET_ADMIN in
 * the user namespace that owns it.
 *
 * Conventions
 *   - An address is 16 bytes, stock's union nf_inet_addr: IPv4 uses the first
 *     4 bytes and the rest is 0.  Addresses and ports are in network order,
 *     all other numbers in host order.
 *   - A service is named as in stock: AF, PROTOCOL, ADDR, PORT, or AF, FWMARK.
 *   - Unknown attributes are refused with -EINVAL.  Every refusal carries an
 *     extended ACK text that says which attribute is wrong and why.
 *
 * Errors common to all commands
 *   -EPERM         no CAP_NET_ADMIN in this namespace
 *   -EINVAL        attribute missing, malformed or out of range
 *   -EAFNOSUPPORT  AF is neither AF_INET nor AF_INET6, or the local address
 *                  is of another family than its service
 *   -ENOMEM        no memory
 *
 * Commands (request -> answer; [ ] optional, * repeated)
 *
 * IPVS_FNAT_CMD_NEW_LADDR  SERVICE{..} LADDR{ADDR}
 *   Adds a local address to a service extension, which is created when it
 *   does not exist.  Whether stock has such a service is not checked: stock
 *   exports no lookup.  -EEXIST: the service has this address already.
 *   -EADDRNOTAVAIL: unspecified, loopback, multicast or broadcast address.
 * IPVS_FNAT_CMD_DEL_LADDR  SERVICE{..} LADDR{ADDR}
 *   Removes it; connections that use it live on.  -ESRCH: no such service
 *   extension.  -ENOENT: the service has no such local address.
 * IPVS_FNAT_CMD_GET_LADDR  (dump) [SERVICE{..}]
 *   One message per local address, in the order in which services and
 *   addresses were added: SERVICE{..} LADDR{ADDR PORT_CONFLICT CONN_COUNTS}.
 *   With SERVICE only that service.  -ESRCH: no such service extension.
 *
 * IPVS_FNAT_CMD_DEL_SERVICE  SERVICE{..}
 *   Removes the extension with all its local addresses.  -ESRCH.
 * IPVS_FNAT_CMD_GET_SERVICE  (dump) [SERVICE{..}]
 *   One message per extension: SERVICE{.. FLAGS LADDR_COUNT}.
 * IPVS_FNAT_CMD_SET_SERVICE  SERVICE{.. FLAGS}
 *   Creates or changes an extension.  FLAGS selects and sets
 *   IPVS_FNAT_SVC_F_* bits.  -EOPNOTSUPP: a bit that this module cannot do
 *   (see IPVS_FNAT_CMD_GET_INFO).  -EINVAL: SYNPROXY for a protocol other than
 *   TCP.  That its real servers are FULLNAT is for the sender to see to: stock
 *   exports no look-up, and a client that another one is chosen for gets a RST.
 * IPVS_FNAT_CMD_FLUSH
 *   Removes all extensions and zones of the namespace.
 *
 * IPVS_FNAT_CMD_GET_INFO -> INFO{VERSION CAPABILITIES CONNS}
 * IPVS_FNAT_CMD_GET_CONN  (dump) -> CONN{..} per bound connection, in no
 *   particular order.  The table resizes itself: a dump during which that
 *   happens is marked NLM_F_DUMP_INTR.
 * IPVS_FNAT_CMD_GET_STATS  (dump) -> STAT{NAME VALUE} per counter, summed
 *   over all CPUs.  The names are those of /proc/net/ip_vs_ext_stats.
 * IPVS_FNAT_CMD_DRAIN  -> INFO{CONNS}
 *   Ends all bound connections of the namespace and refuses new ones until
 *   the next NEW_LADDR or SET_SERVICE, so that the module can be removed
 *   without waiting for timers.  CONNS counts those that were asked to end.
 *
 * SNAT zones need IPVS_FNAT_CAP_ZONE.  A zone is named by the network of its
 * sources, ZONE{ADDR, NETMASK or PREFIXLEN, [AF]}.  SNAT is on for TCP, or
 * UDP, of a family while there is a service extension (SET_SERVICE) of the
 * unspecified address and port 0, and for ICMP echoes with either.
 *
 * IPVS_FNAT_CMD_NEW_ZONE  ZONE{.. [SELECT] [LIMIT]}
 *   Appends a zone.  The first one that has the source of a packet counts, in
 *   the order in which they were added.  A zone without local addresses drops
 *   what comes from its sources.  -EEXIST: there is this zone already.
 *   -ERANGE: ADDR has bits behind the mask.
 * IPVS_FNAT_CMD_SET_ZONE  ZONE{.. [SELECT] [LIMIT]}
 *   Changes of a zone what is given; it keeps its place.  -ENOENT.
 * IPVS_FNAT_CMD_DEL_ZONE  ZONE{..}
 *   Removes it with its local addresses; its connections live on.  -ENOENT.
 * IPVS_FNAT_CMD_GET_ZONE  (dump) [ZONE{..}]
 *   One message per zone, in their order: ZONE{ADDR NETMASK|PREFIXLEN AF
 *   SELECT LIMIT LADDR_COUNT}.  With ZONE only that one.  -ENOENT.
 * IPVS_FNAT_CMD_NEW_LADDR_ZONE  ZONE{..} LADDR{ADDR}
 *   Adds a local address to a zone.  -ENOENT: no such zone.  -EEXIST: it has
 *   this address already.  -EADDRNOTAVAIL: as for NEW_LADDR.
 * IPVS_FNAT_CMD_DEL_LADDR_ZONE  ZONE{..} LADDR{ADDR}
 *   Removes it; connections that use it live on.  -ENOENT: no such zone, or
 *   it has no such address.
 * IPVS_FNAT_CMD_GET_LADDR_ZONE  (dump) [ZONE{..}]
 *   One message per local address, as GET_LADDR: ZONE{ADDR NETMASK|PREFIXLEN
 *   AF} LADDR{ADDR PORT_CONFLICT CONN_COUNTS}.  -ENOENT: no such zone.
 *
 * Multicast group IPVS_FNAT_MCGRP_SNAT: a message for each translation that
 * begins (SNAT_NEW) and ends (SNAT_END), CONN{.. TIME}, in which VADDR is the
 * same as DADDR.  A listener that is too slow gets -ENOBUFS.
 *
 * Multicast group IPVS_FNAT_MCGRP_CONFIG: each change of configuration is
 * sent as the command that made it (NEW_LADDR, DEL_LADDR, SET_SERVICE,
 * DEL_SERVICE, FLUSH, those of zones) with the attributes that name its object.
 */
#ifndef _UAPI_LINUX_IP_VS_FULLNAT_H
#define _UAPI_LINUX_IP_VS_FULLNAT_H

#define IPVS_FNAT_GENL_NAME	"IPVS_FULLNAT"
#define IPVS_FNAT_GENL_VERSION	1
#define IPVS_FNAT_MCGRP_CONFIG	"config"
#define IPVS_FNAT_MCGRP_SNAT	"snat"

/* Forwarding method of a FULLNAT real server in stock's table. */
#define IPVS_FNAT_FWD_METHOD	5

/* 18 to 26 are the numbers of Alibaba's extended IPVS protocol. */
enum ipvs_fnat_cmd {
	IPVS_FNAT_CMD_UNSPEC = 0,

	IPVS_FNAT_CMD_NEW_LADDR = 18,
	IPVS_FNAT_CMD_DEL_LADDR = 19,
	IPVS_FNAT_CMD_GET_LADDR = 20,

	IPVS_FNAT_CMD_NEW_ZONE = 21,
	IPVS_FNAT_CMD_DEL_ZONE = 22,
	IPVS_FNAT_CMD_GET_ZONE = 23,
	IPVS_FNAT_CMD_NEW_LADDR_ZONE = 24,
	IPVS_FNAT_CMD_DEL_LADDR_ZONE = 25,
	IPVS_FNAT_CMD_GET_LADDR_ZONE = 26,

	IPVS_FNAT_CMD_SET_SERVICE = 32,
	IPVS_FNAT_CMD_DEL_SERVICE = 33,
	IPVS_FNAT_CMD_GET_SERVICE = 34,
	IPVS_FNAT_CMD_FLUSH = 35,
	IPVS_FNAT_CMD_GET_INFO = 36,
	IPVS_FNAT_CMD_GET_CONN = 37,
	IPVS_FNAT_CMD_GET_STATS = 38,
	IPVS_FNAT_CMD_DRAIN = 39,

	IPVS_FNAT_CMD_SET_ZONE = 47,

	/* Notifications only. */
	IPVS_FNAT_CMD_SNAT_NEW = 48,
	IPVS_FNAT_CMD_SNAT_END = 49,

	__IPVS_FNAT_CMD_MAX,
};

#define IPVS_FNAT_CMD_MAX (__IPVS_FNAT_CMD_MAX - 1)

/* First level. 1, 7 and 8 are the numbers of Alibaba's extended protocol. */
enum ipvs_fnat_attr {
	IPVS_FNAT_ATTR_UNSPEC = 0,
	IPVS_FNAT_ATTR_SERVICE = 1,	/* nested, IPVS_FNAT_SVC_ATTR_* */
	IPVS_FNAT_ATTR_LADDR = 7,	/* nested, IPVS_FNAT_LADDR_ATTR_* */
	IPVS_FNAT_ATTR_ZONE = 8,	/* nested, IPVS_FNAT_ZONE_ATTR_* */
	IPVS_FNAT_ATTR_INFO = 9,	/* nested, IPVS_FNAT_INFO_ATTR_* */
	IPVS_FNAT_ATTR_CONN = 10,	/* nested, IPVS_FNAT_CONN_ATTR_* */
	IPVS_FNAT_ATTR_STAT = 11,	/* nested, IPVS_FNAT_STAT_ATTR_* */

	__IPVS_FNAT_ATTR_MAX,
};

#define IPVS_FNAT_ATTR_MAX (__IPVS_FNAT_ATTR_MAX - 1)

/* IPVS_FNAT_ATTR_SERVICE. 1 to 5 are laid out as stock's IPVS_SVC_ATTR_*. */
enum ipvs_fnat_svc_attr {
	IPVS_FNAT_SVC_ATTR_UNSPEC = 0,
	IPVS_FNAT_SVC_ATTR_AF = 1,	/* u16, AF_INET or AF_INET6 */
	IPVS_FNAT_SVC_ATTR_PROTOCOL = 2, /* u16, IPPROTO_TCP or IPPROTO_UDP */
	IPVS_FNAT_SVC_ATTR_ADDR = 3,	/* 16 bytes, vip */
	IPVS_FNAT_SVC_ATTR_PORT = 4,	/* be16, vport; 0: all ports */
	IPVS_FNAT_SVC_ATTR_FWMARK = 5,	/* u32, in place of 2 to 4; not 0 */
	IPVS_FNAT_SVC_ATTR_FLAGS = 6,	/* struct nla_bitfield32 */
	IPVS_FNAT_SVC_ATTR_LADDR_COUNT = 7, /* u32, answers only */

	__IPVS_FNAT_SVC_ATTR_MAX,
};

#define IPVS_FNAT_SVC_ATTR_MAX (__IPVS_FNAT_SVC_ATTR_MAX - 1)

/* Bits of IPVS_FNAT_SVC_ATTR_FLAGS. */
#define IPVS_FNAT_SVC_F_SYNPROXY	0x1	/* answer SYNs with a cookie */

/* IPVS_FNAT_ATTR_LADDR */
enum ipvs_fnat_laddr_attr {
	IPVS_FNAT_LADDR_ATTR_UNSPEC = 0,
	IPVS_FNAT_LADDR_ATTR_ADDR = 1,	/* 16 bytes, lip */
	/* u64: how often a new connection found no free port here and went
	 * on to the next local address, or was refused.
	 */
	IPVS_FNAT_LADDR_ATTR_PORT_CONFLICT = 2,
	IPVS_FNAT_LADDR_ATTR_CONN_COUNTS = 3, /* u32, connections now */
	IPVS_FNAT_LADDR_ATTR_PAD = 4,

	__IPVS_FNAT_LADDR_ATTR_MAX,
};

#define IPVS_FNAT_LADDR_ATTR_MAX (__IPVS_FNAT_LADDR_ATTR_MAX - 1)

/* IPVS_FNAT_ATTR_ZONE */
enum ipvs_fnat_zone_attr {
	IPVS_FNAT_ZONE_ATTR_UNSPEC = 0,
	IPVS_FNAT_ZONE_ATTR_ADDR = 1,	/* 16 bytes, network */
	IPVS_FNAT_ZONE_ATTR_NETMASK = 2, /* be32, IPv4 only */
	IPVS_FNAT_ZONE_ATTR_PREFIXLEN = 3, /* u8, in place of NETMASK */
	IPVS_FNAT_ZONE_ATTR_AF = 4,	/* u16; absent: AF_INET */
	IPVS_FNAT_ZONE_ATTR_SELECT = 5,	/* u8, IPVS_FNAT_ZONE_SELECT_* */
	IPVS_FNAT_ZONE_ATTR_LIMIT = 6,	/* u32, connections of a source; 0: any */
	IPVS_FNAT_ZONE_ATTR_LADDR_COUNT = 7, /* u32, answers only */

	__IPVS_FNAT_ZONE_ATTR_MAX,
};

#define IPVS_FNAT_ZONE_ATTR_MAX (__IPVS_FNAT_ZONE_ATTR_MAX - 1)

/* How a zone chooses a local address for a new connection. */
enum ipvs_fnat_zone_select {
	IPVS_FNAT_ZONE_SELECT_RR = 0,	/* in turn */
	IPVS_FNAT_ZONE_SELECT_SH = 1,	/* by source address */
	IPVS_FNAT_ZONE_SELECT_SDH = 2,	/* by source and destination address */

	__IPVS_FNAT_ZONE_SELECT_MAX,
};

#define IPVS_FNAT_ZONE_SELECT_MAX (__IPVS_FNAT_ZONE_SELECT_MAX - 1)

/* IPVS_FNAT_ATTR_INFO */
enum ipvs_fnat_info_attr {
	IPVS_FNAT_INFO_ATTR_UNSPEC = 0,
	IPVS_FNAT_INFO_ATTR_VERSION = 1, /* string, module version */
	IPVS_FNAT_INFO_ATTR_CAPABILITIES = 2, /* u32, IPVS_FNAT_CAP_* */
	IPVS_FNAT_INFO_ATTR_CONNS = 3,	/* u32 */

	__IPVS_FNAT_INFO_ATTR_MAX,
};

#define IPVS_FNAT_INFO_ATTR_MAX (__IPVS_FNAT_INFO_ATTR_MAX - 1)

/* Bits of IPVS_FNAT_INFO_ATTR_CAPABILITIES. */
#define IPVS_FNAT_CAP_FULLNAT	0x1	/* forwarding method 5 */
#define IPVS_FNAT_CAP_SYNPROXY	0x2	/* IPVS_FNAT_SVC_F_SYNPROXY */
#define IPVS_FNAT_CAP_ZONE	0x4	/* commands 21 to 26 */
#define IPVS_FNAT_CAP_TOA	0x8	/* client's address in a TCP option */
#define IPVS_FNAT_CAP_DRAIN	0x10	/* IPVS_FNAT_CMD_DRAIN */

/* IPVS_FNAT_ATTR_CONN */
enum ipvs_fnat_conn_attr {
	IPVS_FNAT_CONN_ATTR_UNSPEC = 0,
	IPVS_FNAT_CONN_ATTR_AF = 1,	/* u16 */
	/* u16; of an ICMP echo CPORT and LPORT are identifiers, DPORT is 0 */
	IPVS_FNAT_CONN_ATTR_PROTOCOL = 2,
	IPVS_FNAT_CONN_ATTR_CADDR = 3,	/* 16 bytes, cip */
	IPVS_FNAT_CONN_ATTR_CPORT = 4,	/* be16 */
	IPVS_FNAT_CONN_ATTR_VADDR = 5,	/* 16 bytes, vip */
	IPVS_FNAT_CONN_ATTR_VPORT = 6,	/* be16 */
	IPVS_FNAT_CONN_ATTR_LADDR = 7,	/* 16 bytes, lip */
	IPVS_FNAT_CONN_ATTR_LPORT = 8,	/* be16 */
	IPVS_FNAT_CONN_ATTR_DADDR = 9,	/* 16 bytes, rip */
	IPVS_FNAT_CONN_ATTR_DPORT = 10,	/* be16 */
	/* u16, stock's IP_VS_TCP_S_* or UDP; 0 for an ICMP echo */
	IPVS_FNAT_CONN_ATTR_STATE = 11,
	IPVS_FNAT_CONN_ATTR_EXPIRES = 12, /* u32, ms until the timer fires */
	/* u64, ns since 1970 (CLOCK_REALTIME), notifications only */
	IPVS_FNAT_CONN_ATTR_TIME = 13,
	IPVS_FNAT_CONN_ATTR_PAD = 14,

	__IPVS_FNAT_CONN_ATTR_MAX,
};

#define IPVS_FNAT_CONN_ATTR_MAX (__IPVS_FNAT_CONN_ATTR_MAX - 1)

/* IPVS_FNAT_ATTR_STAT */
enum ipvs_fnat_stat_attr {
	IPVS_FNAT_STAT_ATTR_UNSPEC = 0,
	IPVS_FNAT_STAT_ATTR_NAME = 1,	/* string */
	IPVS_FNAT_STAT_ATTR_VALUE = 2,	/* u64 */
	IPVS_FNAT_STAT_ATTR_PAD = 3,

	__IPVS_FNAT_STAT_ATTR_MAX,
};

#define IPVS_FNAT_STAT_ATTR_MAX (__IPVS_FNAT_STAT_ATTR_MAX - 1)

#endif /* _UAPI_LINUX_IP_VS_FULLNAT_H */
