/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters of a namespace. Each reason for which a packet or a connection can
 * be refused has one, so that no packet leaves our code silently. Their names,
 * as operators see them, are in stats.c.
 */
#ifndef FNAT_STATS_H
#define FNAT_STATS_H

#include <linux/seq_file.h>

enum fnat_stat {
	/* connections */
	FNAT_STAT_CONN_BOUND,	/* given a local address and port */
	FNAT_STAT_CONN_DONE,	/* ended, gave them back */
	FNAT_STAT_CONN_REUSED,	/* client came again from the same port */
	FNAT_STAT_BIND_RACE,	/* two CPUs bound it, one gave way */
	FNAT_STAT_NO_SERVICE,	/* refused: service without extension */
	FNAT_STAT_NO_LADDR,	/* refused: service without local address */
	FNAT_STAT_NO_PORT,	/* refused: no free local port found */
	FNAT_STAT_PORT_RECLAIMED, /* taken from an ended connection */
	FNAT_STAT_NO_MEM,	/* refused: no memory */
	FNAT_STAT_BAD_PROTO,	/* refused: neither TCP nor UDP */
	FNAT_STAT_NO_SYN,	/* refused: not seen from its SYN on */
	FNAT_STAT_DRAINING,	/* refused: after DRAIN, or during rmmod */
	FNAT_STAT_RST_CLIENT,	/* RST sent when an idle connection expired */
	FNAT_STAT_RST_SERVER,
	/* packets */
	FNAT_STAT_IN_PKTS,	/* translated, client to real server */
	FNAT_STAT_OUT_PKTS,	/* translated, real server to client */
	FNAT_STAT_FAST_PKTS,	/* of IN_PKTS: by the fast path */
	FNAT_STAT_ICMP_IN,	/* errors of the client's side */
	FNAT_STAT_ICMP_OUT,	/* errors of the real server's side */
	FNAT_STAT_RS_UNREACHABLE, /* of these: host or network */
	FNAT_STAT_NO_CONN,	/* for a local address, left to the host */
	FNAT_STAT_UNBOUND,	/* dropped: lost its binding just now */
	FNAT_STAT_NO_ROUTE,	/* dropped: no route */
	FNAT_STAT_TTL_EXCEEDED,	/* dropped, sender told */
	FNAT_STAT_MTU_EXCEEDED,	/* dropped, sender told */
	FNAT_STAT_BAD_HEADER,	/* dropped: header cut off or malformed */
	FNAT_STAT_BAD_ICMP,	/* dropped: error malformed or wrong sum */
	FNAT_STAT_DEFRAG_FAIL,	/* dropped: fragments do not fit */
	FNAT_STAT_DEFENCE_TCP_DROP, /* dropped: for a vip, wanted by nobody */
	FNAT_STAT_DEFENCE_UDP_DROP,
	/* client's address in a TCP option */
	FNAT_STAT_TOA_OK,	/* added */
	FNAT_STAT_TOA_FAIL_LEN,	/* packet would exceed the MTU */
	FNAT_STAT_TOA_HEAD_FULL, /* no room in the TCP header */
	FNAT_STAT_TOA_FAIL_MEM,	/* no memory to grow the header */
	FNAT_STAT_TOA_DEL_OPT,	/* client's own option removed */
	/* SYNPROXY */
	FNAT_STAT_SYNPROXY_SYN_CNT, /* SYN answered with a cookie */
	FNAT_STAT_SYNPROXY_BAD_SYN, /* dropped: malformed */
	FNAT_STAT_SYNPROXY_SYN_LIVE, /* SYN on a connection that lives */
	FNAT_STAT_SYNPROXY_ANSWER_FAIL, /* dropped: no memory or route */
	FNAT_STAT_SYNPROXY_OK_ACK, /* ACK with a good cookie */
	FNAT_STAT_SYNPROXY_BAD_ACK, /* dropped: no good cookie */
	FNAT_STAT_SYNPROXY_NULL_ACK, /* dropped: waiting for data */
	FNAT_STAT_SYNPROXY_RST_CLIENT, /* RST sent to clients */
	FNAT_STAT_SYNPROXY_RST_LIMITED, /* RST or challenge not sent */
	FNAT_STAT_SYNPROXY_RST_SERVER, /* RST sent to real servers */
	FNAT_STAT_SYNPROXY_NO_DEST, /* refused: stock has no server */
	FNAT_STAT_SYNPROXY_BAD_DEST, /* refused: not by FULLNAT */
	FNAT_STAT_SYNPROXY_SYN_RESENT, /* to real servers */
	FNAT_STAT_SYNPROXY_SPLICED, /* real server has answered */
	FNAT_STAT_SYNPROXY_SYNACK_AGAIN, /* and once more, gets an ACK */
	FNAT_STAT_SYNPROXY_RS_ERROR, /* refused or silent, client reset */
	FNAT_STAT_SYNPROXY_RS_NEXT, /* the same, next one tried */
	FNAT_STAT_SYNPROXY_RS_STALE, /* dropped: of an old connection */
	FNAT_STAT_SYNPROXY_HELD, /* kept for the real server */
	FNAT_STAT_SYNPROXY_HELD_FULL, /* dropped: enough are kept */
	FNAT_STAT_SYNPROXY_WAIT_ACK, /* dropped: says nothing new yet */
	FNAT_STAT_SYNPROXY_ACKSTORM, /* dropped: too many meanwhile */
	FNAT_STAT_SYNPROXY_LATE, /* dropped: handshake is over */
	FNAT_STAT_SYNPROXY_REUSED, /* new cookie on an old connection */
	FNAT_STAT_SYNPROXY_REUSED_CLOSE, /* by its state */
	FNAT_STAT_SYNPROXY_REUSED_TIME_WAIT,
	FNAT_STAT_SYNPROXY_REUSED_FIN_WAIT,
	FNAT_STAT_SYNPROXY_REUSED_CLOSE_WAIT,
	FNAT_STAT_SYNPROXY_REUSED_LAST_ACK,
	/* SNAT zones */
	FNAT_STAT_SNAT_CONN_NEW, /* flows begun */
	FNAT_STAT_SNAT_CONN_DONE,
	FNAT_STAT_SNAT_RACE,	/* two CPUs began it, one gave way */
	FNAT_STAT_SNAT_BLOCKED,	/* dropped: zone without addresses */
	FNAT_STAT_SNAT_NO_ZONE,	/* dropped: in no zone, and that is set */
	FNAT_STAT_SNAT_LIMITED,	/* dropped: source has too many */
	FNAT_STAT_SNAT_NO_PORT,	/* dropped: no free port found */
	FNAT_STAT_SNAT_NO_MEM,	/* dropped: no memory */
	FNAT_STAT_SNAT_DRAINING, /* dropped: after DRAIN, or during rmmod */
	FNAT_STAT_SNAT_STRAY,	/* TCP without a flow, left as it is */
	FNAT_STAT_SNAT_STRAY_DROP, /* the same, dropped, as is set */
	FNAT_STAT_SNAT_OUT_PKTS, /* translated, to the outside */
	FNAT_STAT_SNAT_IN_PKTS,	/* translated, from the outside */
	FNAT_STAT_SNAT_ICMP_OUT, /* errors, translated */
	FNAT_STAT_SNAT_ICMP_IN,
	FNAT_STAT_SNAT_BAD_HEADER, /* dropped: header cut off */
	FNAT_STAT_SNAT_BAD_ICMP, /* dropped: error malformed or wrong sum */
	FNAT_STAT_SNAT_DEFRAG_FAIL, /* dropped: fragments do not fit */
	FNAT_STAT_SNAT_LOG_LOST, /* a listener of the log missed one */
	__FNAT_STAT_MAX
};

struct fnat_stats {
	u64 counter[__FNAT_STAT_MAX];
};

struct fnat_net;

const char *fnat_stat_name(enum fnat_stat id);
u64 fnat_stat_sum(const struct fnat_net *fn, enum fnat_stat id);
int fnat_stats_show(struct seq_file *seq, void *v);

#endif /* FNAT_STATS_H */
