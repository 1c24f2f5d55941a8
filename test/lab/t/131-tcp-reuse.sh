# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# One local port, many clients' connections one after the other: the real
# server holds each in TIME_WAIT and still takes the next at once, because
# sequence numbers and time stamps are the director's and grow. Each client has
# time stamps of its own, far from those of the others. No segment is older than
# the connection before it, nor than another of its own unless it was overtaken.
# timeout: 480

setup_lab
serve_everywhere
set_sysctl "$client" net.ipv4.tcp_timestamps=1

# syns FAMILY: sequence number and time stamp of each SYN that reached rs1, one
# that was only sent again by a client that had to wait not counted.
syns() {
	sed -nE 's/.* > .*[.]80: Flags \[S\],.* seq ([0-9]+),.*TS val ([0-9]+) .*/\1 \2/p' "$lab_tmp/reuse$1.txt" |
		awk 'NR == 1 || $1 != last { print } { last = $1 }'
}

# ascending N FIELD FAMILY: there are N such values, and they grow, modulo 2^32.
ascending() {
	syns "$3"
	syns "$3" | awk -v n="$1" -v field="$2" '{ value = $field }
		NR > 1 && ((value - last + 4294967296) % 4294967296) > 2147483648 { bad++ }
		NR > 1 && value == last { bad++ } { last = value } END { exit !(NR == n && !bad) }'
}

# in_time_wait ADDRESS: rs1 holds port 5000 of it.
in_time_wait() {
	in_ns "$rs1" ss -Htn state time-wait sport = :80 | grep -Eq "$(regex "$1").*:5000"
}

# other_client N 4|6: further addresses of the client.
other_client() {
	case $2 in
	4) echo "192.0.2.2$1" ;;
	6) echo "2001:db8:c::2$1" ;;
	esac
}
for i in 1 2 3 4; do
	set_addresses "$client" eth0 "$(other_client $i 4)/24" "$(other_client $i 6)/64"
done

# rejected: segments that rs1 refused by their time stamp.
rejected() {
	tcp_stat "$rs1" 'PAWS.*'
}

# older_than_last NAME: segments of a capture that have a time stamp older than
# one of the connection before them on the same port, and how many of those there
# were.
older_than_last() {
	tcpdump -Z root -n -r "$lab_tmp/$1.pcap" 'dst port 80' 2>/dev/null | awk '
		function older(a, b) { return a != b && (a - b + 4294967296) % 4294967296 >= 2147483648 }
		!match($0, /TS val [0-9]+/) { next }
		{ from = $3; value = substr($0, RSTART + 7, RLENGTH - 7) + 0 }
		/Flags \[S\]/ && match($0, /seq [0-9]+/) {
			seq = substr($0, RSTART, RLENGTH)
			if (from in newest && seq != syn[from]) { last[from] = newest[from]; delete newest[from]; n++ }
			syn[from] = seq
		}
		(from in last) && older(value, last[from])
		!(from in newest) || older(newest[from], value) { newest[from] = value }
		END { print n + 0 }'
}

# many FAMILY N: so many connections of each of four clients at once, ended by rs1.
many() {
	local i family=$1
	for i in 1 2 3 4; do
		start_in "$client" "client$i" labnet conns -n "$2" -parallel 2 -request -server-closes \
			-bind "$(host "$(other_client $i "$family")")" "$vip:80"
	done
	for i in 1 2 3 4; do
		finish "client$i" || true
		expect_match "IPv$family: client $i has its $2 connections" "\"opened\":$2,\"failed\":0" "$(cat "$lab_tmp/client$i.log")"
	done
}

for family in 4 6; do
	vip=$(host "$(addr vip $family)")
	fullnat_service -t $family 80
	ipvs -d -t "$vip:80" -r "$(host "$(addr rs2_ip $family)"):80"
	set_sysctl "$director" net.ipv4.vs.fullnat_lport_min=5000 net.ipv4.vs.fullnat_lport_max=5000

	reclaimed=$(counter "$director" fullnat_port_reclaimed)
	no_port=$(counter "$director" fullnat_no_port)
	capture_start "$rs1" eth0 reuse$family tcp port 80
	for _ in 1 2 3 4 5; do
		check "IPv$family: a connection over the one port there is" \
			in_ns "$client" labnet conns -n 1 -request -server-closes "$vip:80"
		# What stock keeps of the last one has to be older than the pause
		# that the module leaves for its last packets.
		wait_until 1 false || true
	done
	capture_stop reuse$family >"$lab_tmp/reuse$family.txt"
	expect_eq "IPv$family: ended connections gave the port" 4 "$(($(counter "$director" fullnat_port_reclaimed) - reclaimed))"
	poll_until 5 "IPv$family: rs1 holds the port in TIME_WAIT" in_time_wait "$(lip 1 $family)"
	check "IPv$family: initial sequence numbers grow" ascending 5 1 $family
	check "IPv$family: time stamps grow" ascending 5 2 $family
	# A SYN for a port in TIME_WAIT that is not taken is acknowledged with the
	# old numbers, which its sender answers by RST.
	expect_no_match "IPv$family: each was taken at once, by rs1" " > $(regex "$(addr rs1_ip $family)")[.]80: Flags \[R" "$(cat "$lab_tmp/reuse$family.txt")"
	expect_eq "IPv$family: and by the director" 0 "$(($(counter "$director" fullnat_no_port) - no_port))"

	# Both sides have sent their FIN, and the real server has not got that of
	# the client: the port is still the connection's.
	in_ns "$rs1" nft -f - <<-END
		table inet fin { chain in { type filter hook input priority 0; tcp dport 80 tcp flags & fin == fin drop; }; }
	END
	check "IPv$family: a connection whose last FIN is lost" \
		in_ns "$client" labnet conns -n 1 -request -server-closes "$vip:80"
	wait_until 1 false || true
	expect_counter_delta "IPv$family: has its port to itself" "$director" fullnat_no_port '>=1' \
		eval '! in_ns "$client" labnet conns -n 1 -timeout 300ms -request "$vip:80"'
	expect_match "IPv$family: as at the real server" ':5000' "$(in_ns "$rs1" ss -Htn state fin-wait-2 sport = :80)"
	in_ns "$rs1" nft delete table inet fin
	check "IPv$family: until that FIN, sent again, has come" \
		in_ns "$client" labnet conns -n 1 -timeout 30s -request -server-closes "$vip:80"

	# A hundred ports, eight hundred connections of four clients at once.
	set_sysctl "$director" net.ipv4.vs.fullnat_lport_max=5099
	reclaimed=$(counter "$director" fullnat_port_reclaimed)
	rejected=$(rejected)
	capture_start "$rs1" eth0 "many$family" tcp port 80
	many $family 200
	expect_within "IPv$family: most by a port that was in TIME_WAIT" 400 800 $(($(counter "$director" fullnat_port_reclaimed) - reclaimed))
	capture_stop "many$family" >/dev/null
	echo "# rs1 took $(($(rejected) - rejected)) time stamps for old ones"
	out=$(older_than_last "many$family")
	expect_eq "IPv$family: no time stamp is older than those of the connection before" "${out##*$'\n'}" "$out"
	expect_within "IPv$family: of which there were many" 600 800 "${out##*$'\n'}"
	expect_within "IPv$family: at most one connection per port" 1 100 "$(conns_of -t "$vip:80" "$(lip 1 $family)")"
	set_sysctl "$director" net.ipv4.vs.fullnat_lport_max=65535
done

# An acknowledgement and a FIN that two CPUs send and pass on overtake each other,
# which a TCP counts as a time stamp that is old. On one CPU they do not.
taskset -p 1 $$ >/dev/null
stop serve-rs1 || true
serve "$rs1" rs1
set_sysctl "$director" net.ipv4.vs.fullnat_lport_max=5099
for family in 4 6; do
	vip=$(host "$(addr vip $family)")
	reclaimed=$(counter "$director" fullnat_port_reclaimed) rejected=$(rejected)
	many $family 60
	expect_within "IPv$family: ports in TIME_WAIT again" 100 240 $(($(counter "$director" fullnat_port_reclaimed) - reclaimed))
	expect_eq "IPv$family: on one CPU the real server takes no time stamp for an old one" 0 $(($(rejected) - rejected))
done
