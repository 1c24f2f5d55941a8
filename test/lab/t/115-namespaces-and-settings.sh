# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Each namespace has its own FULLNAT: two directors with the same addresses do
# not know of each other. Settings have bounds, and nobody without
# CAP_NET_ADMIN comes in.
# timeout: 240

setup_lab
serve_everywhere
fullnat_service -t 4 80
first=$director first_client=$client first_rs1=$rs1 first_rs2=$rs2
setup_lab
serve "$rs1" other1
serve "$rs2" other2
ipvs -A -t "$vip4:80" -s rr
expect_match "a service in another namespace has none of the first's local addresses" "$vip4:80 +0" "$(ipvs -G)"
ipvs -a -t "$vip4:80" -r "$rs1_ip4:80" -b
ipvs -P -t "$vip4:80" -z "$(lip 2 4)"
expect_match "the second director leads to its own servers" "^other1 peer=$(lip 2 4):" "$(web 4)"
expect_eq "and has its own counters" "1 0" "$(counter "$director" fullnat_conn_bound) $(counter "$first" fullnat_conn_bound)"
expect_match "the first to its own" "^rs[12] peer=$lip4:" "$(curl_in "$first_client" "http://$vip4:80/")"
# The same ports on both: their tables are apart.
for ns in "$first" "$director"; do set_sysctl "$ns" net.ipv4.vs.fullnat_lport_min=30000 net.ipv4.vs.fullnat_lport_max=30009; done
for ns in "$first_client" "$client"; do
	start_in "$ns" "hold-$ns" labnet conns -n 9 -request -hold 60s "$vip4:80"
	wait_log "hold-$ns" '"opened":9,'
done
expect_within "both use the same ten ports" 9 10 "$(fullnat_conns ":300[0-9][0-9] $rs1_ip4" | wc -l)"
expect_eq "a drain of one" 9 "$(in_ns "$director" labnet family drain | awk '{ print ($1 >= 9) ? 9 : $1 }')"
expect_within "leaves the other alone" 9 99 "$(in_ns "$first" sed 1d /proc/net/ip_vs_fullnat_conn | wc -l)"
for ns in "$first_client" "$client"; do stop "hold-$ns" || true; done
ipvs -C
expect_match "-C of one leaves the other alone" "$lip4" "$(in_ns "$first" ipvsadm-go -G)"
director=$first client=$first_client rs1=$first_rs1 rs2=$first_rs2

# Settings.
for setting in lport_min=1023 lport_min=65536 lport_max=0 lport_max=65536 lport_tries=0 lport_tries=-1 lport_tries=x; do
	check_fails "fullnat_$setting is refused" in_ns "$director" sysctl -w "net.ipv4.vs.fullnat_$setting"
done
setup_ns fresh
expect_eq "a new namespace has the defaults" "5000 65535 10000" \
	"$(in_ns "$fresh" sysctl -n net.ipv4.vs.fullnat_lport_min net.ipv4.vs.fullnat_lport_max net.ipv4.vs.fullnat_lport_tries | xargs)"
set_sysctl "$director" net.ipv4.vs.fullnat_lport_min=31000 net.ipv4.vs.fullnat_lport_max=31000
ipvs -C
ipvs -A -t "$vip4:8080" -s rr
ipvs -a -t "$vip4:8080" -r "$rs1_ip4:8080" -b
ipvs -P -t "$vip4:8080" -z "$lip4"
expect_match "a range of one port" "peer=$lip4:31000 " "$(web 4 8080)"
set_sysctl "$director" net.ipv4.vs.fullnat_lport_min=32000
expect_counter_delta "a range turned upside down has no port" "$director" fullnat_no_port '>=1' \
	eval '! in_ns "$client" labnet conns -n 1 -timeout 300ms "$vip4:8080"'

# Counters: one line each, one column per CPU.
stats=$(in_ns "$director" cat /proc/net/ip_vs_ext_stats)
cpus=$(head -n 1 <<<"$stats" | grep -o 'CPU[0-9]*' | wc -l)
expect_eq "each counter has a column per CPU" "$((cpus + 1))" "$(sed 1d <<<"$stats" | awk '{ print NF }' | sort -u | xargs)"
expect_eq "each has its own name" "" "$(sed 1d <<<"$stats" | awk '{ print $1 }' | sort | uniq -d)"
# same_counters: unless one moves in between, by a connection that expires.
same_counters() {
	diff <(in_ns "$director" awk 'NR > 1 { s = 0; for (i = 2; i <= NF; i++) s += $i; print $1, s }' /proc/net/ip_vs_ext_stats) \
		<(in_ns "$director" labnet family counters)
}
poll_until 5 "the netlink dump has the same" same_counters

# Who may. The unprivileged see the counters and nothing else.
as_nobody() { in_ns "$director" setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all --inh-caps -all "$@"; }
check "the counters are for everybody" as_nobody cat /proc/net/ip_vs_ext_stats
check_fails "the clients' addresses are not" as_nobody cat /proc/net/ip_vs_fullnat_conn
check_fails "nor is the list of local addresses" as_nobody ipvsadm-go -G
check_fails "nor adding one" as_nobody ipvsadm-go -P -t "$vip4:8080" -z "$(lip 3 4)"
check_fails "nor the dump of connections" as_nobody labnet family conns
check_fails "nor draining" as_nobody labnet family drain
check_fails "nor settings" as_nobody sysctl -w net.ipv4.vs.fullnat_lport_min=2000
expect_no_match "nothing came of it" "$(lip 3 4)" "$(ipvs -G)"
check "the administrator of a user namespace has his own" unshare -rn labnet family info
