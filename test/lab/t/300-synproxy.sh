# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# SYNPROXY from end to end: a client gets its SYN-ACK from the director before a
# real server hears of it, and then everything works as without.
# timeout: 120

# shellcheck source=test/lab/lib-synproxy.sh
. /lab/lib-synproxy.sh
setup_lab
give_up_soon "$client" "$rs1" "$rs2"
serve_everywhere
offload off "$client" eth0
offload off "$rs1" eth0

# steered: packets that one CPU has handed to another, of the whole machine.
steered() {
	local -a fields
	local sum=0
	while read -r -a fields; do sum=$((sum + 16#${fields[9]})); done </proc/net/softnet_stat
	echo $sum
}

# proxied FAMILY: the service's line of -Ln.
proxied() {
	ipvs -Ln -t "$(svc "$1" 80)" | grep '^TCP'
}

for family in 4 6; do
	vip=$(svc $family 80)
	fullnat_service -t $family 80 -j enable
	ipvs -d -t "$vip" -r "$(rs 2 $family 80)"
	expect_match "IPv$family: -Ln shows it" ' rr synproxy$' "$(proxied $family)"

	capture_start "$client" eth0 client$family tcp port 80
	capture_start "$rs1" eth0 server$family tcp port 80
	before=$(counter "$director" synproxy_ok_ack)
	joined=$(counter "$director" synproxy_spliced)
	answered=$(counter "$director" synproxy_syn_cnt)
	check "IPv$family: a client is served" in_ns "$client" curl -sS --max-time 20 "http://$vip/"
	answered=$(($(counter "$director" synproxy_syn_cnt) - answered))
	# The request may be on another CPU, and have one too before the ACK is done.
	expect_within "IPv$family: the ACK had a good cookie" $((before + 1)) $((before + 2)) "$(counter "$director" synproxy_ok_ack)"
	expect_eq "IPv$family: the real server was joined" $((joined + 1)) "$(counter "$director" synproxy_spliced)"
	capture_stop client$family >"$lab_tmp/client$family.txt"
	capture_stop server$family >"$lab_tmp/server$family.txt"
	# One, unless this machine has stood still for the second until the next.
	syns=$(grep -c 'Flags \[S\],' "$lab_tmp/client$family.txt" || true)
	expect_within "IPv$family: it sent a SYN" 1 3 "$syns"
	expect_eq "IPv$family: which is answered" "$syns" "$answered"
	expect_match "IPv$family: the SYN-ACK has all options" \
		'Flags \[S\.\].*options \[mss (1452|1420),sackOK,TS val [0-9]+ ecr [0-9]+,nop,wscale 7\]' \
		"$(cat "$lab_tmp/client$family.txt")"
	expect_eq "IPv$family: one SYN-ACK for each" "$syns" "$(grep -c 'Flags \[S\.\]' "$lab_tmp/client$family.txt")"
	expect_match "IPv$family: the real server's SYN has the client's options" \
		'Flags \[S\],.*options \[(exp-)?[a-z0-9, :-]*.*mss (1460|1440),sackOK,TS val [0-9]+ ecr 0,nop,wscale [0-9]+' \
		"$(cat "$lab_tmp/server$family.txt")"
	expect_good_checksums "IPv$family: checksums towards the client" "$lab_tmp/client$family.txt"
	expect_good_checksums "IPv$family: checksums towards the real server" "$lab_tmp/server$family.txt"

	check "IPv$family: 4 MB each way" in_ns "$client" labnet fetch -size 4M "http://$vip"
	# Requests right behind their ACKs, and as often on the other CPU.
	refused=$(counter "$director" fullnat_no_syn)
	out=$(in_ns "$client" labnet conns -n 200 -parallel 10 -request "$vip")
	expect_match "IPv$family: 200 connections" '"opened":200,"failed":0' "$out"
	expect_eq "IPv$family: none was met half made" "$refused" "$(counter "$director" fullnat_no_syn)"
	ipvs -E -t "$vip" -s wrr
	expect_match "IPv$family: -E keeps it" ' wrr synproxy$' "$(proxied $family)"
	ipvs -E -t "$vip" -s rr -j disable
	expect_counter_delta "IPv$family: switched off, no cookies" "$director" synproxy_syn_cnt 0 web $family
done

# The same where what comes in goes from CPU to CPU.
spread_over_cpus "$director" cl
spread_over_cpus "$director" rs1
for family in 4 6; do
	vip=$(svc $family 80)
	ipvs -E -t "$vip" -s rr -j enable
	joined=$(counter "$director" synproxy_spliced) refused=$(counter "$director" fullnat_no_syn) moved=$(steered)
	out=$(in_ns "$client" labnet conns -n 100 -parallel 10 -request "$vip")
	expect_match "IPv$family: 100 connections over all CPUs" '"opened":100,"failed":0' "$out"
	check "IPv$family: 1 MB each way over them" in_ns "$client" labnet fetch -size 1M "http://$vip"
	expect_eq "IPv$family: all were proxied" 102 $(($(counter "$director" synproxy_spliced) - joined))
	expect_eq "IPv$family: none was met half made" "$refused" "$(counter "$director" fullnat_no_syn)"
	! has rps || expect_within "IPv$family: packets did change their CPU" 1 1000000 $(($(steered) - moved))
done
