// SPDX-License-Identifier: GPL-2.0-only
/* Per-namespace counters: their names, sums, and /proc/net/ip_vs_ext_stats. */
#include "fnat.h"

/* Those that Alibaba's kernel has keep its names. */
static const char * const stat_names[] = {
	[FNAT_STAT_CONN_BOUND] = "fullnat_conn_bound",
	[FNAT_STAT_CONN_DONE] = "fullnat_conn_done",
	[FNAT_STAT_CONN_REUSED] = "fullnat_conn_reused",
	[FNAT_STAT_BIND_RACE] = "fullnat_bind_race",
	[FNAT_STAT_NO_SERVICE] = "fullnat_no_service",
	[FNAT_STAT_NO_LADDR] = "fullnat_no_laddr",
	[FNAT_STAT_NO_PORT] = "fullnat_no_port",
	[FNAT_STAT_PORT_RECLAIMED] = "fullnat_port_reclaimed",
	[FNAT_STAT_NO_MEM] = "fullnat_no_mem",
	[FNAT_STAT_BAD_PROTO] = "fullnat_bad_proto",
	[FNAT_STAT_NO_SYN] = "fullnat_no_syn",
	[FNAT_STAT_DRAINING] = "fullnat_draining",
	[FNAT_STAT_RST_CLIENT] = "fullnat_rst_client",
	[FNAT_STAT_RST_SERVER] = "fullnat_rst_server",
	[FNAT_STAT_IN_PKTS] = "fullnat_in_pkts",
	[FNAT_STAT_OUT_PKTS] = "fullnat_out_pkts",
	[FNAT_STAT_FAST_PKTS] = "fullnat_fast_pkts",
	[FNAT_STAT_ICMP_IN] = "fullnat_icmp_in",
	[FNAT_STAT_ICMP_OUT] = "fullnat_icmp_out",
	[FNAT_STAT_RS_UNREACHABLE] = "fullnat_rs_unreachable",
	[FNAT_STAT_NO_CONN] = "fullnat_no_conn",
	[FNAT_STAT_UNBOUND] = "fullnat_unbound",
	[FNAT_STAT_NO_ROUTE] = "fullnat_no_route",
	[FNAT_STAT_TTL_EXCEEDED] = "fullnat_ttl_exceeded",
	[FNAT_STAT_MTU_EXCEEDED] = "fullnat_mtu_exceeded",
	[FNAT_STAT_BAD_HEADER] = "fullnat_bad_header",
	[FNAT_STAT_BAD_ICMP] = "fullnat_bad_icmp",
	[FNAT_STAT_DEFRAG_FAIL] = "fullnat_defrag_fail",
	[FNAT_STAT_DEFENCE_TCP_DROP] = "defence_tcp_drop",
	[FNAT_STAT_DEFENCE_UDP_DROP] = "defence_udp_drop",
	[FNAT_STAT_TOA_OK] = "fullnat_add_toa_ok",
	[FNAT_STAT_TOA_FAIL_LEN] = "fullnat_add_toa_fail_len",
	[FNAT_STAT_TOA_HEAD_FULL] = "fullnat_add_toa_head_full",
	[FNAT_STAT_TOA_FAIL_MEM] = "fullnat_add_toa_fail_mem",
	[FNAT_STAT_TOA_DEL_OPT] = "fullnat_toa_del_opt",
	[FNAT_STAT_SYNPROXY_SYN_CNT] = "synproxy_syn_cnt",
	[FNAT_STAT_SYNPROXY_BAD_SYN] = "synproxy_bad_syn",
	[FNAT_STAT_SYNPROXY_SYN_LIVE] = "synproxy_syn_live",
	[FNAT_STAT_SYNPROXY_ANSWER_FAIL] = "synproxy_answer_fail",
	[FNAT_STAT_SYNPROXY_OK_ACK] = "synproxy_ok_ack",
	[FNAT_STAT_SYNPROXY_BAD_ACK] = "synproxy_bad_ack",
	[FNAT_STAT_SYNPROXY_NULL_ACK] = "synproxy_null_ack",
	[FNAT_STAT_SYNPROXY_RST_CLIENT] = "synproxy_rst_client",
	[FNAT_STAT_SYNPROXY_RST_LIMITED] = "synproxy_rst_limited",
	[FNAT_STAT_SYNPROXY_RST_SERVER] = "synproxy_rst_server",
	[FNAT_STAT_SYNPROXY_NO_DEST] = "synproxy_no_dest",
	[FNAT_STAT_SYNPROXY_BAD_DEST] = "synproxy_bad_dest",
	[FNAT_STAT_SYNPROXY_SYN_RESENT] = "synproxy_syn_resent",
	[FNAT_STAT_SYNPROXY_SPLICED] = "synproxy_spliced",
	[FNAT_STAT_SYNPROXY_SYNACK_AGAIN] = "synproxy_synack_again",
	[FNAT_STAT_SYNPROXY_RS_ERROR] = "synproxy_rs_error",
	[FNAT_STAT_SYNPROXY_RS_NEXT] = "synproxy_rs_next",
	[FNAT_STAT_SYNPROXY_RS_STALE] = "synproxy_rs_stale",
	[FNAT_STAT_SYNPROXY_HELD] = "synproxy_held",
	[FNAT_STAT_SYNPROXY_HELD_FULL] = "synproxy_held_full",
	[FNAT_STAT_SYNPROXY_WAIT_ACK] = "synproxy_wait_ack",
	[FNAT_STAT_SYNPROXY_ACKSTORM] = "synproxy_ackstorm",
	[FNAT_STAT_SYNPROXY_LATE] = "synproxy_late",
	[FNAT_STAT_SYNPROXY_REUSED] = "synproxy_conn_reused",
	[FNAT_STAT_SYNPROXY_REUSED_CLOSE] = "synproxy_conn_reused_close",
	[FNAT_STAT_SYNPROXY_REUSED_TIME_WAIT] = "synproxy_conn_reused_timewait",
	[FNAT_STAT_SYNPROXY_REUSED_FIN_WAIT] = "synproxy_conn_reused_finwait",
	[FNAT_STAT_SYNPROXY_REUSED_CLOSE_WAIT] = "synproxy_conn_reused_closewait",
	[FNAT_STAT_SYNPROXY_REUSED_LAST_ACK] = "synproxy_conn_reused_lastack",
	[FNAT_STAT_SNAT_CONN_NEW] = "snat_conn_new",
	[FNAT_STAT_SNAT_CONN_DONE] = "snat_conn_done",
	[FNAT_STAT_SNAT_RACE] = "snat_race",
	[FNAT_STAT_SNAT_BLOCKED] = "snat_blocked",
	[FNAT_STAT_SNAT_NO_ZONE] = "snat_no_zone",
	[FNAT_STAT_SNAT_LIMITED] = "snat_limited",
	[FNAT_STAT_SNAT_NO_PORT] = "snat_no_port",
	[FNAT_STAT_SNAT_NO_MEM] = "snat_no_mem",
	[FNAT_STAT_SNAT_DRAINING] = "snat_draining",
	[FNAT_STAT_SNAT_STRAY] = "snat_stray",
	[FNAT_STAT_SNAT_STRAY_DROP] = "snat_stray_drop",
	[FNAT_STAT_SNAT_OUT_PKTS] = "snat_out_pkts",
	[FNAT_STAT_SNAT_IN_PKTS] = "snat_in_pkts",
	[FNAT_STAT_SNAT_ICMP_OUT] = "snat_icmp_out",
	[FNAT_STAT_SNAT_ICMP_IN] = "snat_icmp_in",
	[FNAT_STAT_SNAT_BAD_HEADER] = "snat_bad_header",
	[FNAT_STAT_SNAT_BAD_ICMP] = "snat_bad_icmp",
	[FNAT_STAT_SNAT_DEFRAG_FAIL] = "snat_defrag_fail",
	[FNAT_STAT_SNAT_LOG_LOST] = "snat_log_lost",
};

static_assert(ARRAY_SIZE(stat_names) == __FNAT_STAT_MAX);

const char *fnat_stat_name(enum fnat_stat id)
{
	return stat_names[id];
}

u64 fnat_stat_sum(const struct fnat_net *fn, enum fnat_stat id)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu_ptr(fn->stats, cpu)->counter[id];
	return sum;
}

/* One line per counter, one column per CPU, as Alibaba's kernel prints it. */
int fnat_stats_show(struct seq_file *seq, void *v)
{
	const struct fnat_net *fn = fnat_net(seq_file_single_net(seq));
	int cpu, id;

	seq_printf(seq, "%-32s", "");
	for_each_possible_cpu(cpu)
		seq_printf(seq, " %10s%-3d", "CPU", cpu);
	seq_putc(seq, '\n');

	for (id = 0; id < __FNAT_STAT_MAX; id++) {
		seq_printf(seq, "%-32s", fnat_stat_name(id));
		for_each_possible_cpu(cpu)
			seq_printf(seq, " %13llu",
				   per_cpu_ptr(fn->stats, cpu)->counter[id]);
		seq_putc(seq, '\n');
	}
	return 0;
}
