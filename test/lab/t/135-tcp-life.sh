# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A client that takes its port again: behind FIN, behind RST, and while the
# director and the real server still believe in the old connection, with larger
# and smaller sequence numbers. Connections that expire, and get the very RST
# that either side takes. Real servers that are given no more work.
# timeout: 480
# once: newest

setup_lab
setup_raw_ends
give_up_soon "$client" "$rs1" "$rs2"
serve_everywhere

single() {
	ipvs -R <<-END
		-A -t $(svc "$1" 80) -s rr
		-a -t $(svc "$1" 80) -r $(rs 1 "$1" 80) -b
		-P -t $(svc "$1" 80) -z $(lip 1 "$1")
	END
}

# has_peer PORT: rs1 has an established connection from that local port.
has_peer() {
	in_ns "$rs1" ss -Htn state established sport = :80 | grep -Eq ":$1 *\$"
}

# again DESCRIPTION LOW HIGH ARGS...: a connection from $port once more, answered;
# so many SYNs of it the real server refused, because it held an old one.
again() {
	local description=$1 low=$2 high=$3
	shift 3
	report=$(raw_client $family $port "$@") || true
	expect_match "$description: answered" '^rs1' "$(field answer "$report")"
	expect_within "$description: SYNs that were refused" "$low" "$high" "$(field stray_acks "$report")"
}

# The rules of docs/counters.md: stock's conn_reuse_mode makes a new connection
# of what has ended, and where it does not, fullnat_conn_reused_entry does.
port=2000
for family in 4 6; do
	single $family
	for mode in 1 0; do
		set_sysctl "$director" net.ipv4.vs.conn_reuse_mode=$mode
		for end in fin rst none; do
			port=$((port + 1)) refused=(0 0) isn=$((1 << 31))
			# The real server has to be told first.
			[ $end != none ] || refused=(1 3)
			reused=$(counter "$director" fullnat_conn_reused)
			again "IPv$family, reuse mode $mode, ended by $end: the first" 0 0 -isn $isn -end $end
			again "IPv$family, reuse mode $mode, ended by $end: the same port, a larger number" "${refused[@]}" -isn $((isn + 1000000)) -end $end
			again "IPv$family, reuse mode $mode, ended by $end: the same port, a smaller number" "${refused[@]}" -isn $((isn - 1000000000)) -end $end
			reused=$(($(counter "$director" fullnat_conn_reused) - reused))
			case $mode$end in
			0*) expect_eq "IPv$family, reuse mode $mode, ended by $end: counted as used again" 2 $reused ;;
			*) expect_eq "IPv$family, reuse mode $mode, ended by $end: stock made new ones" 0 $reused ;;
			esac
		done
	done
	# Without either it is left to the real server, which may refuse a smaller
	# number until the time stamp has moved.
	set_sysctl "$director" net.ipv4.vs.fullnat_conn_reused_entry=0
	port=$((port + 1))
	again "IPv$family, no rule: the first" 0 0 -isn 1000000000
	again "IPv$family, no rule: a larger number" 0 0 -isn 1100000000
	again "IPv$family, no rule: a smaller number, which the real server may refuse" 0 3 -isn 900000000
	set_sysctl "$director" net.ipv4.vs.fullnat_conn_reused_entry=1 net.ipv4.vs.conn_reuse_mode=1

	# Idle for too long, behind data in both directions and numbers that wrapped.
	port=$((port + 1))
	told=$(counter "$director" fullnat_rst_client)
	ipvs --set 8 8 8
	start_in "$client" idle labnet tcp -tun raw -local "$(host "$(addr raw_client_ip $family)"):$port" -end none -hold 60s \
		-isn $(((1 << 32) - 30000)) -ts $(((1 << 32) - 10)) -up 100K "$(svc $family 80)"
	wait_until 10 eval '[ -n "$(fullnat_conns ":$port ")" ]'
	lport=$(fullnat_conns ":$port " | awk '{ sub(/.*:/, "", $4); print $4; exit }')
	poll_until 10 "IPv$family: the real server has the idle connection" has_peer "$lport"
	finish idle || true
	report=$(tail -n 1 "$lab_tmp/idle.log")
	expect_match "IPv$family: 100 KB arrive and are answered" '^[0-9a-f]{64}$' "$(field answer "$report")"
	expect_eq "IPv$family: the client gets RST when the connection is idle" true "$(field rst "$report")"
	expect_sound "IPv$family: with the number that it expects" "$report"
	poll_until 5 "IPv$family: the real server's end is gone" eval "! has_peer $lport"
	expect_within "IPv$family: it is counted" 1 20 $(($(counter "$director" fullnat_rst_client) - told))
	ipvs --set 900 120 300
	ipvs -C

	# No weight: what is there is served on, what is new goes elsewhere.
	fullnat_service -t $family 80
	start_in "$client" kept labnet keep -n 2 "$(svc $family 80)"
	wait_log kept READY
	ipvs -e -t "$(svc $family 80)" -r "$(rs 1 $family 80)" -b -w 0
	expect_match "IPv$family: without weight no new connections" '"servers":\{"rs2":6\}' \
		"$(in_ns "$client" labnet conns -n 6 -request "$(svc $family 80)")"
	expect_kept "IPv$family: the old ones go on" kept
	# Those of the other client, which ended without a word, are still there.
	poll_until 5 "IPv$family: and end" eval '! ipvs -Lnc |
		grep -Eq "ESTABLISHED +$(regex "$(host "$(addr client_ip $family)")"):.* $(regex "$(rs 1 $family 80)")"'

	# Persistence: a template of a server without weight, by stock's setting.
	ipvs -E -t "$(svc $family 80)" -s rr -p 60
	ipvs -e -t "$(svc $family 80)" -r "$(rs 1 $family 80)" -b -w 1
	name=$(web $family | cut -d ' ' -f 1)
	ipvs -e -t "$(svc $family 80)" -r "$(rs "${name#rs}" $family 80)" -b -w 0
	expect_match "IPv$family: a client sticks to its server" "^$name" "$(web $family)"
	set_sysctl "$director" net.ipv4.vs.expire_quiescent_template=1
	other=rs$((3 - ${name#rs}))
	expect_match "IPv$family: unless such templates are to expire" "^$other" "$(web $family)"
	set_sysctl "$director" net.ipv4.vs.expire_quiescent_template=0
	ipvs -C
done
