# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Allocations that fail: each single one of a new connection, by FULLNAT, SYNPROXY
# and SNAT zones; then many at random under traffic, while a namespace comes and
# goes. What is refused is counted; with memory everything serves at once.
# timeout: 900
# kmsg-allow: no memory

# shellcheck source=test/lab/lib-faults.sh
. /lab/lib-faults.sh
faults_setup
setup_lab
give_up_soon "$client" "$rs1" "$rs2"
serve_everywhere
for family in 4 6; do
	fullnat_service -t $family 80
	fullnat_service -u $family 53
	fullnat_service -t $family 8080 -j enable
	any=$([ $family = 4 ] && echo 0.0.0.0:0 || echo '[::]:0')
	ipvs -A -t "$any" -s rr
	ipvs -A -u "$any" -s rr
	ipvs -K --zone "$(addr client_net $family)"
	ipvs -U --zone "$(addr client_net $family)" -z "$(lip 2 $family)"
done

# A client that is one process: the many of curl and its like would be most of
# what this scene costs. It reads "tcp|udp|ping ADDRESS PORT", and says 0 when it
# was served.
# shellcheck disable=SC2016 # for that process
coproc asker { exec ip netns exec "$client" bash -c '
	while read -r proto address port; do
		case $proto in
		tcp)
			{
				printf "GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n" >&3
				read -r -t 60 answer <&3
				read -r -d "" -t 60 rest <&3
				[[ $answer = *" 200 "* ]]
			} 3<>"/dev/tcp/$address/$port"
			;;
		udp) { printf x >&3; read -r -t 3 -N 1 answer <&3; } 3<>"/dev/udp/$address/$port" ;;
		ping) ping -c 1 -W 3 "$address" >/dev/null ;;
		esac
		echo $?
	done 2>/dev/null'; }

# kind NAME FAMILY: one new connection of it.
kind() {
	local vip=vip$2 rs1=rs1_ip$2 answer
	case $1 in
	fullnat-tcp) echo "tcp ${!vip} 80" ;;
	fullnat-udp) echo "udp ${!vip} 53" ;;
	synproxy) echo "tcp ${!vip} 8080" ;;
	snat-tcp) echo "tcp ${!rs1} 80" ;;
	snat-udp) echo "udp ${!rs1} 53" ;;
	snat-ping) echo "ping ${!rs1}" ;;
	esac >&"${asker[1]}"
	read -r answer <&"${asker[0]}"
	return "$answer"
}
kinds="fullnat-tcp fullnat-udp synproxy snat-tcp snat-udp snat-ping"
all_serve() {
	local family name
	for family in 4 6; do
		for name in $kinds; do kind "$name" $family || { echo "$name, IPv$family"; return 1; }; done
	done
}
poll_until 20 "everything serves" all_serve
# Flows end between the steps, so that there is no map of their ports any more.
ipvs --set 0 0 1

# Programs that only are in their namespaces: /proc/PID/net is theirs, and looking
# there takes no process, either.
for name in client director rs1 rs2; do start_in "${!name}" "in-$name" sleep 100000; done
counters=/proc/${lab_pid[in-director]}/net/ip_vs_ext_stats

# look: sets refusals, how many have been counted by any counter of those that can
# be about memory, and sent_again, TCP segments of either side.
look() {
	local name line n
	refusals=0 sent_again=0
	while read -ra line; do
		case ${line[0]} in
		*_no_mem | *_fail_mem | *_fail_len | *_bad_header | *_no_route | *_answer_fail | *_no_dest | *_rs_error | *_defrag_fail | *_late)
			for n in "${line[@]:1}"; do refusals=$((refusals + n)); done
			;;
		esac
	done <"$counters"
	for name in client rs1 rs2; do
		while read -ra line; do
			# RetransSegs, in the second of the two lines.
			if [ "${line[0]}" = Tcp: ] && [ "${line[1]}" != RtoAlgorithm ]; then sent_again=$((sent_again + line[12])); fi
		done <"/proc/${lab_pid[in-$name]}/net/snmp"
	done
}
connect() {
	look
	before=$refusals again=$sent_again
	fail_next "$1"
	kind "$name" "$family" && status=0 || status=$?
}
# Either nothing was lost, or it has been counted.
connected() {
	local try
	# A segment may be sent again because this machine is slow: that passes.
	for try in 1 2 3; do
		[ $try -eq 1 ] || connect "$fail_steps"
		[ $try -eq 1 ] || has_failed || break
		look
		if [ "$refusals" -gt "$before" ]; then
			refused=$((refused + 1))
			return
		fi
		if [ "$status" -eq 0 ] && [ "$sent_again" -eq "$again" ]; then break; fi
		[ $try -lt 3 ] || odd+="$name, IPv$family, $fail_steps: lost, and not counted (status $status)"$'\n'
	done
	tolerated=$((tolerated + 1))
}
# What else runs in the module's name, nested in it: other ends of the wires.
faults_of_module ip_vs_fullnat 14
odd=
for family in 4 6; do
	for name in $kinds; do
		refused=0 tolerated=0
		fail_each connect has_failed connected
		echo "# $name, IPv$family: $fail_steps allocations, $refused refused and counted, $tolerated did without"
		expect_within "IPv$family: $name asks for memory, and counts what it refuses" 1 299 $refused
	done
done
expect_eq "nothing is lost that is not counted" "" "$odd"
poll_until 20 "everything serves still" all_serve

# At random, wherever.
faults_of_module ip_vs_fullnat
# some COMMAND...: it may fail, as some of what it does will.
some() {
	in_ns "$client" labnet "$@" >/dev/null 2>&1 &
	pids+=($!)
}
traffic() {
	local family
	local -a pids=()
	for family in 4 6; do
		some conns -n 60 -parallel 8 -request -reset -timeout 1s "$(svc $family 80)"
		some conns -n 60 -parallel 8 -request -reset -timeout 1s "$(svc $family 8080)"
		some conns -n 60 -parallel 8 -request -reset -timeout 1s "$(rs 1 $family 80)"
		some udp-echo -flows 60 -timeout 50ms "$(svc $family 53)"
		some udp-echo -flows 60 -timeout 50ms "$(rs 1 $family 53)"
	done
	# A namespace with services, born and dead meanwhile.
	if ip netns add faults 2>/dev/null; then
		ip netns exec faults ipvsadm-go -A -t 192.0.2.1:80 -s rr 2>/dev/null || true
		ip netns exec faults ipvsadm-go -P -t 192.0.2.1:80 -z 10.0.0.9 2>/dev/null || true
		ip netns del faults
	fi
	wait "${pids[@]}" || true
}
before=$(counter "$director" fullnat_no_mem)
before_snat=$(counter "$director" snat_no_mem)
for percent in 5 40; do
	fail_some $percent
	traffic
	fail_none
	poll_until 20 "with memory everything serves at once, after $percent % had failed" all_serve
done
expect_within "FULLNAT counted what it refused" 20 1000000 $(($(counter "$director" fullnat_no_mem) - before))
expect_within "so did SNAT" 20 1000000 $(($(counter "$director" snat_no_mem) - before_snat))

ipvs --drain
poll_until 30 "all connections are given back" all_given_back
