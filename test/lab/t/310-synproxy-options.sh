# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# SYNPROXY: what of a client's SYN survives the cookie, windows on either side,
# and sequence numbers at the end of their range.
# timeout: 300
# once: oldest

# shellcheck source=test/lab/lib-synproxy.sh
. /lab/lib-synproxy.sh
setup_lab
setup_script
serve_everywhere

# expect_options FAMILY WHAT SYN SYNACK SERVER: a client that sends SYN with
# these options gets a SYN-ACK with SYNACK, the real server a SYN with SERVER;
# both are regular expressions. Then the page comes.
port=10000
expect_options() {
	local family=$1 what="IPv$1: $2" syn=$3 synack=$4 server=$5 out
	port=$((port + 1))
	out=$(script "$family" $port "syn=$syn" synack ack "$page" "$page_end" fin wait=50ms 2>&1) || out="$out FAILED"
	expect_no_match "$what: the page comes" FAILED "$out"
	expect_match "$what: SYN-ACK" "< \[S\.\].* options $synack length 0" "$out"
	wanted+=("$what	$server")
}

# expect_server_syns NAME: what the real server got of all of them, in a capture.
expect_server_syns() {
	local want i=0
	local -a got
	capture_stop "$1" >"$lab_tmp/$1.txt"
	# One that had to be sent again has the same number.
	grep 'Flags \[S\],' "$lab_tmp/$1.txt" | awk '{ match($0, /seq [0-9]+/) }
		!seen[substr($0, RSTART, RLENGTH)]++' | sed 's/.*options \[\(.*\)\], length 0.*/\1/' >"$lab_tmp/$1.syns"
	mapfile -t got <"$lab_tmp/$1.syns"
	for want in "${wanted[@]}"; do
		expect_match "${want%%	*}: the real server's SYN" "${want#*	}" "${got[i]:-}"
		i=$((i + 1))
	done
}

for family in 4 6; do
	synproxied $family
	wanted=()
	capture_start "$rs1" eth0 syns$family tcp port 80
	case $family in
	4) mss=020405ac mss_in=1500 mss_out=1460 ;;
	6) mss=0204058c mss_in=1500 mss_out=1440 ;;
	esac
	expect_options $family "all options" "mss$mss_in,sack,ts,ws9" \
		"${mss}0402080a[0-9a-f]{16}01030307" "mss $mss_out,sackOK,TS val [0-9]+ ecr 0,nop,wscale 9"
	expect_options $family "time stamps only" "mss$mss_in,ts" \
		"${mss}0101080a[0-9a-f]{16}" "mss $mss_out,nop,nop,TS val [0-9]+ ecr 0$|mss $mss_out,nop,nop,TS val [0-9]+ ecr 0,[^w]*$"
	expect_options $family "as Windows does" "mss$mss_in,ws8,sack" \
		"${mss}0402010101030307" "mss $mss_out,sackOK,nop,nop,nop,wscale 8"
	expect_options $family "a scale that is rounded" "mss$mss_in,ws5" \
		"${mss}01030307" "mss $mss_out,nop,wscale 2"
	expect_options $family "SACK only" "mss$mss_in,sack" \
		"${mss}04020101" "mss $mss_out,sackOK"
	expect_options $family "no option at all" "" "${mss}" "mss (536|1220)"
	expect_options $family "unknown ones, and one cut off" "junk,mss$mss_in,cut" "${mss}" "mss $mss_out"
	expect_options $family "window scale out of range" "mss$mss_in,ts,ws200" \
		"${mss}0101080a[0-9a-f]{16}01030307" "wscale 14"

	synproxy_set wscale=0 sack=0
	expect_options $family "switched off" "mss$mss_in,sack,ts,ws9" "${mss}0101080a[0-9a-f]{16}" "mss $mss_out,nop,nop,TS"
	synproxy_set wscale=7 sack=1 timestamp=0
	expect_options $family "without time stamps" "mss$mss_in,sack,ts,ws7" "${mss}0402010101030307" \
		"mss $mss_out,sackOK,nop,nop,nop,wscale 7"
	synproxy_set timestamp=1
	expect_server_syns syns$family

	# The last byte of the range, inside the request and in the SYN.
	for isn in 4294967295 4294967290 4294967200; do
		port=$((port + 1))
		check "IPv$family: numbers wrap, from $isn" \
			script $family $port isn=$isn syn=mss1460,sack,ts,ws7 synack ack "$page" "$page_end" fin
	done

	# A real server without window scaling, and one with another scale.
	set_sysctl "$rs1" net.ipv4.tcp_window_scaling=0
	port=$((port + 1))
	capture_start "$rs1" eth0 win$family tcp port 80
	out=$(script $family $port window=100 syn=mss1460,ts,ws4 synack ack gotack "$page" "$page_end" fin wait=100ms)
	capture_stop win$family >"$lab_tmp/win$family.txt"
	expect_match "IPv$family: the client's window, which it cannot scale, is" \
		"> $(regex "$(addr rs1_ip $family)")\.80: Flags \[\.\].*win 1600," "$(cat "$lab_tmp/win$family.txt")"
	expect_match "IPv$family: its own is scaled for the client" "< \[\.\] .* win (50[0-9]|51[01]) " "$out"
	set_sysctl "$rs1" net.ipv4.tcp_window_scaling=1
	port=$((port + 1))
	check "IPv$family: a client with a closed window, that opens it" \
		script $family $port window=0 syn=mss1460,ts,ws4 synack ack "$page" wait=300ms window=1000 ack "$page_end" fin
	ipvs -C
done
