# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The client's address in a TCP option where there is little or no room for it,
# on segments that are not as usual, beside options that a client has forged,
# behind another director, and on segments that are cut by the director's device.
# timeout: 480
# once: newest

setup_lab
setup_raw_ends
serve_everywhere
# Checksums and sizes on the wire that tcpdump can judge.
for ns in "$client" "$rs1"; do
	in_ns "$ns" ethtool -K eth0 tx off gso off tso off gro off >/dev/null
done
in_ns "$director" ethtool -K rs1 tx off gso off tso off >/dev/null
set_sysctl "$rs1" net.ipv4.tcp_fastopen=$((0x603))
port=2000

toa_switch() {
	set_sysctl "$director" "net.ipv4.vs.fullnat_$1=$2"
}

# run FAMILY ARGS...: a connection of labnet's TCP, whose packets to rs1 are in
# $lab_tmp/run.pcap; sets report, want (its option) and how counters moved.
declare -A moved=()
toa_counters() {
	in_ns "$director" awk '/toa/ { s = 0; for (i = 2; i <= NF; i++) s += $i; print $1, s }' /proc/net/ip_vs_ext_stats
}
run() {
	local family=$1 before name was is
	shift
	port=$((port + 1))
	want=$(toa_hex "$(addr raw_client_ip "$family")" $port "${kind:-}")
	flags=$(tcp_flags "$family")
	before=$(toa_counters)
	capture_start "$rs1" eth0 run "tcp or ip6 proto 6" -Q in
	report=$(raw_client "$family" $port "$@") || true
	text=$(capture_stop run)
	while read -r name is; do
		was=${before#*"$name "}
		moved[$name]=$((is - ${was%%$'\n'*}))
	done <<<"$(toa_counters)"
}

# answered DESCRIPTION: the page came, and all checksums were right.
answered() {
	expect_match "$1: the page comes" '^rs1' "$(field answer "$report")"
	expect_sound "$1: by right numbers" "$report"
	expect_no_match "$1: with right checksums" incorrect "$text"
}

# first_sent: of lines of packets_hex the first one with each sequence number.
first_sent() {
	awk '!seen[substr($0, substr($0, 1, 1) == 4 ? 49 : 89, 8)]++'
}

# with|without DESCRIPTION FILTER: each such packet to rs1 has the option, or none.
# What is sent again may cross the answer, behind which nothing has it.
with() {
	expect_eq "$1" "" "$(packets_hex run "$2" | first_sent | grep -v "$want")"
	expect_within "$1: there are some" 1 100000 "$(packets_hex run "$2" | grep -c .)"
}
without() {
	expect_no_match "$1" "$want" "$(packets_hex run "$2")"
	expect_within "$1: there are some" 1 100000 "$(packets_hex run "$2" | grep -c .)"
}

moves() {
	expect_within "$1" "$3" "$4" "${moved[fullnat_$2]}"
}

# An option of an unknown kind that fills the header to its end: behind the SYN's
# 9 bytes (MSS, scale, SACK) or a segment's 10 (time stamps).
fill_syn=4c1f$(printf '%058d' 0)
fill_data=4c1e$(printf '%056d' 0)

# sack N: an option with so many blocks, which name nothing.
sack() {
	printf '05%02x%0*d' $((2 + 8 * $1)) $((16 * $1)) 0
}

for family in 4 6; do
	service=$(svc $family 80)
	ipvs -R <<-END
		-A -t $service -s rr
		-a -t $service -r $(rs 1 $family 80) -b
		-P -t $service -z $(lip 1 $family)
	END
	kind=
	len=08 forged_ip=0a0a0a0a
	[ $family = 4 ] || len=14 forged_ip=20010db80bad00000000000000000666

	# No room: the segment goes without, and the next one has it.
	run $family -syn-opts "$fill_syn"
	answered "IPv$family, a SYN with 60 bytes of header"
	moves "IPv$family: it is counted" add_toa_head_full 1 "$(field syns "$report")"
	without "IPv$family: it goes without" "$flags = 2"
	expect_match "IPv$family: the acknowledgement has it" "$want" "$(packets_hex run "$flags = 16")"
	with "IPv$family: so has the request" "$flags & 8 != 0 and $flags & 1 = 0"
	run $family -ts 1 -data-opts "$fill_data"
	answered "IPv$family, a request with 60 bytes of header"
	moves "IPv$family: it is counted" add_toa_head_full 1 3
	with "IPv$family: the SYN has it" "$flags = 2"
	without "IPv$family: the request goes without" "$flags & 8 != 0 and $flags & 1 = 0"

	run $family -ts 1 -data-opts "0101$(sack 3)"
	answered "IPv$family, a request with time stamps and three SACK blocks"
	moves "IPv$family: it is counted" add_toa_head_full 1 3
	without "IPv$family: the request goes without" "$flags & 8 != 0 and $flags & 1 = 0"
	run $family -ts 1 -data-opts "0101$(sack 1)"
	answered "IPv$family, a request with time stamps and one SACK block"
	moves "IPv$family: there is room" add_toa_head_full 0 0
	with "IPv$family: the request has it" "$flags & 8 != 0 and $flags & 1 = 0"

	# Segments as large as the wire: the MSS that the client is told leaves room.
	mss=$((1500 - (family == 4 ? 40 : 60)))
	run $family -mss 1460 -up 40K
	answered_up() {
		expect_match "$1: all arrives" '^[0-9a-f]{64}$' "$(field answer "$report")"
		expect_sound "$1: by right numbers" "$report"
		expect_no_match "$1: with right checksums" incorrect "$text"
		expect_eq "$1: no packet is larger than the wire" "" "$(packets_hex run "greater 1515")"
	}
	answered_up "IPv$family, full segments"
	expect_eq "IPv$family: the MSS is lowered by the option's length" $((mss - 16#$len)) "$(field peer_mss "$report")"
	with "IPv$family: every segment before the answer has it" "greater 1000"
	moves "IPv$family: none was too large" add_toa_fail_len 0 0
	toa_switch mss_adjust_entry 0
	run $family -mss 1460 -up 40K
	answered_up "IPv$family, MSS not lowered"
	expect_eq "IPv$family: it is the real server's" $mss "$(field peer_mss "$report")"
	moves "IPv$family: full segments go without" add_toa_fail_len 20 60
	with "IPv$family: the SYN has it" "$flags = 2"
	# Segments that a device cut, the director's own this time.
	in_ns "$client" ethtool -K eth0 gso on tso on tx on sg on >/dev/null
	for adjust in 0 1; do
		toa_switch mss_adjust_entry $adjust
		want=$(toa_hex "$(addr client_ip $family)" 41$adjust$adjust$family)
		without=$(counter "$director" fullnat_add_toa_fail_len)
		capture_start "$rs1" eth0 run "tcp or ip6 proto 6" -Q in
		check "IPv$family, MSS lowered $adjust: large segments arrive" in_ns "$client" labnet fetch -size 400K -direction up \
			-bind "$(host "$(addr client_ip $family)"):41$adjust$adjust$family" "http://$service"
		text=$(capture_stop run)
		expect_eq "IPv$family, MSS lowered $adjust: no piece is larger than the wire" "" "$(packets_hex run "greater 1515")"
		expect_no_match "IPv$family, MSS lowered $adjust: with right checksums" incorrect "$text"
		without=$(($(counter "$director" fullnat_add_toa_fail_len) - without))
		expect_eq "IPv$family, MSS lowered $adjust: every piece has it, but for what is counted" $without \
			"$(packets_hex run "greater 1000" | grep -vc "$want")"
		expect_within "IPv$family, MSS lowered $adjust: that is, most" 0 $((40 * (1 - adjust))) $without
	done
	in_ns "$client" ethtool -K eth0 tx off gso off tso off >/dev/null

	# Segments that are not as usual.
	run $family -syn-data -syn-opts 2202
	answered "IPv$family, data in the SYN"
	with "IPv$family: the SYN with data has it" "$flags = 2"
	expect_match "IPv$family: and kept its data and its other option" 'Flags \[S\],.*tfo.*length [1-9]' "$text"
	run $family -fin-data -dup 1
	answered "IPv$family, FIN on the request, and that twice"
	with "IPv$family: both have it" "$flags & 9 = 9"
	expect_within "IPv$family: there are two" 2 9 "$(packets_hex run "$flags & 9 = 9" | grep -c "$want")"
	run $family -ts 1 -end abort
	without "IPv$family: RST never has it" "$flags & 4 != 0"

	# A client's own: several, in odd places, of every kind that some server takes.
	forged() { echo "$1${len}0bad$forged_ip"; }
	sets=("01$(forged fe),0101$(forged fd)" "01$(forged c8),01$(forged fe)")
	[ $family = 6 ] || sets=("01$(forged fe)," ",$(forged fe)01$(forged c8)$(forged fd)")
	for set in "${sets[@]}"; do
		run $family -syn-opts "${set%,*}" -data-opts "${set#*,}"
		answered "IPv$family, forged options"
		moves "IPv$family: each is counted" toa_del_opt 1 12
		expect_no_match "IPv$family: none arrives" "$forged_ip" "$(packets_hex run "tcp or ip6 proto 6")"
		with "IPv$family: the SYN has the true one" "$flags = 2"
		with "IPv$family: so has the request" "$flags & 8 != 0 and $flags & 1 = 0"
		moves "IPv$family: there was room" add_toa_head_full 0 0
	done
	[ $family = 6 ] || moves "IPv4: three on one segment" toa_del_opt 3 12
	# In a header that is full, with time stamps behind it.
	run $family -ts 1 -data-opts "0101$(forged fe)$([ $family = 6 ] || echo "01$(forged fd)01$(forged c8)")"
	answered "IPv$family, forged options in a full header"
	with "IPv$family: the request has the true one" "$flags & 8 != 0 and $flags & 1 = 0"
	expect_no_match "IPv$family: no other arrives" "$forged_ip" "$(packets_hex run "tcp or ip6 proto 6")"

	# Switched off, they go all the same; trusted, they stay and ours stays away.
	bad=$(forged "$([ $family = 4 ] && echo fe || echo fd)")
	toa_switch toa_entry 0
	run $family -syn-opts "$bad" -data-opts "$bad"
	answered "IPv$family, switched off"
	expect_no_match "IPv$family: forged ones go" "$forged_ip" "$(packets_hex run "tcp or ip6 proto 6")"
	without "IPv$family: and none is added" "tcp or ip6 proto 6"
	expect_eq "IPv$family: the MSS is not lowered" $mss "$(field peer_mss "$report")"
	toa_switch toa_entry 1
	toa_switch toa_trust 1
	run $family -syn-opts "$bad"
	answered "IPv$family, another director in front"
	expect_match "IPv$family: its option stays" "$forged_ip" "$(packets_hex run "$flags = 2")"
	without "IPv$family: ours is on no segment of that connection" "tcp or ip6 proto 6"
	run $family
	with "IPv$family: it is on others" "$flags = 2"
	toa_switch toa_trust 0
done

kind=254
toa_switch toa_kind6 254
run 6
answered "IPv6 with kind 254"
with "the SYN has it by that kind" "$flags = 2"
