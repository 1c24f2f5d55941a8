# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sequence numbers and time stamps where they wrap, with loss, doubled and
# overtaking segments: by a client and a real server whose TCP is our own, and
# checks each acknowledgement, selective one and echo that it gets.
# timeout: 480
# once: newest

setup_lab
setup_raw_ends
serve_everywhere
near=$(((1 << 32) - (1 << 19)))

# one_server 4|6 ADDRESS: the service has this real server only, and one port.
one_server() {
	local service
	service=$(svc "$1" 80)
	ipvs -R <<-END
		-A -t $service -s rr
		-a -t $service -r $(host "$2"):80 -b
		-P -t $service -z $(lip 1 "$1")
	END
}

# ports LOW HIGH
ports() {
	set_sysctl "$director" net.ipv4.vs.fullnat_lport_max=65535 net.ipv4.vs.fullnat_lport_min="$1" net.ipv4.vs.fullnat_lport_max="$2"
}

# uploaded DESCRIPTION REPORT: everything arrived, with loss, and none of it mistaken.
uploaded() {
	expect_sound "$1: every number that comes back is right" "$2"
	expect_within "$1: and selective ones were among them" 1 100000 "$(field sacks "$2")"
	expect_within "$1: also of what came twice" 1 100000 "$(field dsacks "$2")"
	expect_eq "$1: the SYN was not refused" 0 "$(field stray_acks "$2")"
}

# transfer DESCRIPTION SIZE FAMILY PORT ARGS...: sends that much, not smoothly.
transfer() {
	local description=$1 size=$2 report status=0
	shift 2
	report=$(raw_client "$@" -up "$size" -drop 50 -dup 33 -swap 27) || status=$?
	expect_eq "$description: $size arrive as they were sent" 0 $status
	uploaded "$description" "$report"
}

# look 4|6 PORT: a connection that ends as soon as it is there.
look() {
	raw_client "$@" -end abort >/dev/null
}

# first_syn NAME COMMAND...: sets seq and at, number and time (in ns) of the first
# SYN that it sends to rs1.
first_syn() {
	local name=$1
	shift
	capture_start "$rs1" eth0 "$name" "dst port 80"
	"$@"
	capture_stop "$name" >/dev/null
	read -r at seq <<<"$(tcpdump -Z root -n -S -tt -r "$lab_tmp/$name.pcap" 2>/dev/null | sed -nE 's/^([0-9.]+) .*Flags \[S\].* seq ([0-9]+).*/\1 \2/p' | head -n 1)"
	at=${at/./}000
}

# Three megabytes from here on wrap. The aim is behind it, for a first look whose
# capture was late.
early=$(((1 << 32) - (12 << 18))) aim=$(((1 << 32) - (9 << 18)))

for family in 4 6; do
	one_server $family "$(addr rs1_ip $family)"
	transfer "IPv$family: the client's numbers wrap" 1M $family 2001 -isn $near -ts $(((1 << 32) - 100))
	transfer "IPv$family: they wrap with the SYN" 1M $family 2002 -isn $(((1 << 32) - 1))

	# The director's number for a port follows the clock: what it is now says
	# to when the clock has to be set for it to wrap during the transfer. That
	# is looked at by a connection that is then forgotten.
	port=2003
	for lport in 7000 7001 7002; do
		ports $lport $lport
		first_syn syn$family look $family $port
		clock=$((at + (aim - seq + (1 << 32)) % (1 << 32) * 64))
		in_ns "$director" labnet family drain >/dev/null
		wait_until 20 all_given_back
		ipvs -C
		one_server $family "$(addr rs1_ip $family)"
		# Its SYN may be late by the time of 9 << 18, which is 150 ms.
		first_syn wrap$family transfer "IPv$family: the director's numbers wrap" 3M $family $((port + 1)) -ts 5 -clock $clock
		[ "$seq" -lt $early ] || break
		echo "# the SYN was not in time, once more"
		port=$((port + 2))
	done
	expect_within "IPv$family: they did, on the way to the real server" $early $(((1 << 32) - 1)) "$seq"
	ports 5000 65535

	# The real server's numbers wrap. TOA ends with the first one of them.
	ipvs -C
	one_server $family "$(addr raw_server_ip $family)"
	for isn in $near $(((1 << 32) - 1)); do
		start_in "$rs1" "raw$isn" labnet tcp -tun raw -local "$(host "$(addr raw_server_ip $family)"):80" -listen -isn "$isn" -ts 7 -drop 50 -dup 33 -swap 27
		wait_log "raw$isn" READY
		expect_counter_delta "IPv$family: 1 MB from a real server that begins at $isn" "$director" fullnat_add_toa_ok '>=3' \
			in_ns "$client" labnet fetch -size 1M -direction down "http://$(svc $family 80)"
		# It ends with the client's last acknowledgement.
		wait_log "raw$isn" '^\{'
		stop "raw$isn" || true
		report=$(grep '^{' "$lab_tmp/raw$isn.log")
		expect_sound "IPv$family: and its numbers come back right" "$report"
		expect_within "IPv$family: with selective ones among them" 1 100000 "$(field sacks "$report")"
	done
	ipvs -C
done

# A port that is used again begins behind what the real server holds, whatever
# the clocks say: TIME_WAIT never refuses a SYN.
for family in 4 6; do
	one_server $family "$(addr rs1_ip $family)"
	ports 7000 7000
	port=3000
	for kind in "a clock that goes back" "a client with a faster clock"; do
		first=() second=(-clock $((${EPOCHREALTIME/./} * 1000 - 60000000000)))
		if [ "$kind" != "a clock that goes back" ]; then
			first=(-ts 1000 -ts-rate 100000) second=(-ts 5)
		fi
		port=$((port + 1))
		check "IPv$family: $kind, the connection before" raw_client $family $port -up 20K ${first[@]+"${first[@]}"}
		wait_until 1 false || true
		for again in "another port of the client" "the same one"; do
			[ "$again" = "the same one" ] || port=$((port + 1))
			report=$(raw_client $family $port "${second[@]}") || true
			expect_eq "IPv$family: $kind, $again: the SYN is not refused" "0 false" "$(field stray_acks "$report") $(field rst "$report")"
			expect_match "IPv$family: $kind, $again: and answered" '^rs1' "$(field answer "$report")"
			wait_until 1 false || true
		done
	done
	ports 5000 65535
	ipvs -C
done
