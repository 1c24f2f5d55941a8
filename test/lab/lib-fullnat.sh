# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Configuring FULLNAT on the director, and looking at it. Sourced by lib.sh.

# ipvs ARGS...: our tool on the director, silently.
ipvs() {
	in_ns "$director" ipvsadm-go "$@"
}

# addr vip|lip|rs1_ip|rs2_ip|client_ip 4|6: the address of that family, bare.
addr() {
	local name=$1$2
	echo "${!name}"
}

# host ADDRESS: as it is written in front of a port.
host() {
	case $1 in
	*:*) echo "[$1]" ;;
	*) echo "$1" ;;
	esac
}

# svc 4|6 PORT: the vip as a service, rs 1|2 4|6 PORT: a real server.
svc() {
	echo "$(host "$(addr vip "$1")"):$2"
}

rs() {
	echo "$(host "$(addr "rs$1_ip" "$2")"):$3"
}

# regex ADDRESS: a regular expression that matches just this address.
regex() {
	local escaped=${1//./\\.}
	escaped=${escaped//[/\\[}
	echo "${escaped//]/\\]}"
}

# lip N 4|6: the Nth local address.
lip() {
	case $2 in
	4) echo "${lip4%.*}.$1" ;;
	6) echo "${lip6%::*}::$1" ;;
	esac
}

# fullnat_service -t|-u 4|6 PORT [ARGS of -A]: a service of the vip with both
# real servers by FULLNAT and the first local address.
fullnat_service() {
	local proto=$1 family=$2 port=$3 svc
	shift 3
	svc=$(svc "$family" "$port")
	ipvs -R <<-END
		-A $proto $svc -s rr $*
		-a $proto $svc -r $(rs 1 "$family" "$port") -b
		-a $proto $svc -r $(rs 2 "$family" "$port") -b
		-P $proto $svc -z $(lip 1 "$family")
	END
}

# curl_in NS ARGS...: curl, with more time on a slow machine.
curl_in() {
	local ns=$1
	shift
	in_ns "$ns" curl -sS --max-time $((5 * LAB_SLOW)) "$@"
}

# schedulers: what this kernel has been built with: Debian's 6.1 has no twos.
schedulers() {
	find /lib/modules -name 'ip_vs_*.ko*' | sed 's/.*ip_vs_//; s/[.]ko.*//' | grep -vx 'ftp\|pe_sip\|fullnat' | sort
}

# web 4|6 [PORT]: what a GET of the service's page answers.
web() {
	curl_in "$client" "http://$(svc "$1" "${2:-80}")/"
}

# conns_of -t|-u SVC ADDRESS: CONNS of -G for a local address; conflicts_of the
# same of CONFLICTS.
conns_of() {
	ipvs -G "$1" "$2" | awk -v lip="$3" '$1 == lip { print $3 }'
}

conflicts_of() {
	ipvs -G "$1" "$2" | awk -v lip="$3" '$1 == lip { print $2 }'
}

# fullnat_conns REGEX: the director's bound connections, one per line.
fullnat_conns() {
	in_ns "$director" sed 1d /proc/net/ip_vs_fullnat_conn | grep -E -- "$1" || true
}

# stats_of SVC: Conns InPkts OutPkts InBytes OutBytes of a service, or of a real
# server given as "-> ADDRESS:PORT", exact.
stats_of() {
	in_ns "$director" ipvsadm -Ln --stats --exact |
		awk -v s="$1" '{ k = $1 == "->" ? "-> " $2 : $2 }
			k == s { n = NF; print $(n-4), $(n-3), $(n-2), $(n-1), $n; exit }'
}

# sums FILE 4|6 FROM: packets and bytes of IP that FROM sent in a capture.
sums() {
	awk -v family="$2" -v from="$3" '
		/^IP/ { match($0, family == 4 ? "length [0-9]+\\)" : "payload length: [0-9]+\\)")
			n = substr($0, RSTART, RLENGTH); gsub(/[^0-9]/, "", n); len = n + (family == 6 ? 40 : 0)
			if (family == 4) next }
		{ i = index($0, from) }
		i && i < index($0, " > ") { packets++; bytes += len }
		END { print packets + 0, bytes + 0 }' "$1"
}

# stats_are SVC COUNTS: says what they are, and whether they are as expected.
stats_are() {
	local got
	got=$(stats_of "$1")
	echo "$got, expected $2"
	[ "$got" = "$2" ]
}

# totals_are COUNTS: the same of the namespace's totals, which are in hexadecimal.
totals_are() {
	local got
	# shellcheck disable=SC2046,SC2183 # words
	got=$(printf '%d %d %d %d %d' $(in_ns "$director" sed -n 's/\([0-9A-F]\+\)/0x\1/g; 3p' /proc/net/ip_vs_stats))
	echo "$got, expected $1"
	[ "$got" = "$1" ]
}

# expect_counts_of_wire 4|6 PORT: transfers through the vip's service with real
# server 1 are counted as they were on the wire; sets wire_counts.
expect_counts_of_wire() {
	local family=$1 port=$2 in_packets in_bytes out_packets out_bytes service
	service=$(svc "$family" "$port")
	ipvs -Z
	capture_start "$director" cl "stat$family" tcp port "$port"
	check "IPv$family: transfers to count" in_ns "$client" labnet fetch -parallel 2 -size 60K "http://$service"
	poll_until 5 "IPv$family: which have ended" eval '! ipvs -Lnc | grep -Eq "ESTABLISHED|FIN_WAIT|CLOSE_WAIT|LAST_ACK"'
	capture_stop "stat$family" >"$lab_tmp/stat.txt"
	read -r in_packets in_bytes <<<"$(sums "$lab_tmp/stat.txt" "$family" "$(addr client_ip "$family").")"
	read -r out_packets out_bytes <<<"$(sums "$lab_tmp/stat.txt" "$family" "$(addr vip "$family").$port")"
	wire_counts="4 $in_packets $out_packets $in_bytes $out_bytes"
	# They are added up every two seconds, since 6.2 of each at another time.
	poll_until 5 "IPv$family: the service's counts are those of the wire" stats_are "$service" "$wire_counts"
	poll_until 5 "IPv$family: the real server's too" stats_are "-> $(rs 1 "$family" "$port")" "$wire_counts"
}

# all_given_back: no connection is bound any more.
all_given_back() {
	[ "$(counter "$director" fullnat_conn_bound)" -eq "$(counter "$director" fullnat_conn_done)" ] &&
		[ -z "$(fullnat_conns .)" ]
}

# expect_kept DESCRIPTION NAME: labnet keep, started as NAME, ends well: each of
# its connections was served all the time.
expect_kept() {
	local status=0
	stop "$2" || status=$?
	if [ $status -eq 0 ]; then
		ok "$1"
	else
		not_ok "$1" "exit status: $status" "$(cat "$lab_tmp/$2.log")"
	fi
}

# iperf_listens NAME: an iperf3 -s that was started as NAME waits for a client. It
# does not while it cleans up behind the one before.
iperf_listens() {
	[ "$(grep -c 'Server listening' "$lab_tmp/$1.log")" -gt "$(grep -c 'Accepted connection' "$lab_tmp/$1.log")" ]
}

# offload on|off NS DEV: checksums, segmentation and merging by the device.
offload() {
	in_ns "$2" ethtool -K "$3" tx "$1" sg "$1" tso "$1" gso "$1" gro "$1" rx "$1" >/dev/null
}

# expect_good_checksums DESCRIPTION FILE: in a capture, as text, of packets that
# came in over a device whose peer computes checksums itself.
expect_good_checksums() {
	local good bad
	good=$(grep -cE '\(correct\)|udp sum ok|icmp6 sum ok|ICMP ' "$2" || true)
	bad=$(grep -E 'incorrect|bad udp cksum|bad cksum|wrong icmp|bad icmp6' "$2" || true)
	if [ "$good" -gt 0 ] && [ -z "$bad" ]; then
		ok "$1"
	else
		not_ok "$1" "packets with a good checksum: $good, with a wrong one:" "$(head -n 10 <<<"$bad")"
	fi
}

# hex_ip ADDRESS: its bytes in hexadecimal, hex N DIGITS: a number. IPv6 in the
# form A:B:C::D.
hex_ip() {
	local tail
	local -a head
	case $1 in
	*::*)
		IFS=: read -r -a head <<<"${1%%::*}"
		tail=${1##*::}
		printf '%04x%04x%04x%016x%04x' $((16#${head[0]})) $((16#${head[1]})) $((16#${head[2]})) 0 $((16#$tail))
		;;
	*)
		# shellcheck disable=SC2086  # four words
		printf %02x ${1//./ }
		;;
	esac
}

hex() {
	printf "%0$2x" "$1"
}

# raw_client 4|6 PORT ARGS...: one connection by labnet's own TCP to the vip's
# service on port 80 (setup_raw_ends); prints its report.
raw_client() {
	local family=$1 port=$2
	shift 2
	in_ns "$client" labnet tcp -tun raw -local "$(host "$(addr raw_client_ip "$family")"):$port" "$@" "$(svc "$family" 80)"
}

# field NAME REPORT: a member of a report in JSON, a number or a word.
field() {
	sed -n 's/.*"'"$1"'":"\{0,1\}\([^",}]*\).*/\1/p' <<<"$2"
}

# expect_sound DESCRIPTION REPORT: a report of labnet tcp has nothing in it that
# a right translation could not bring.
expect_sound() {
	local name bad=
	for name in bad_ack bad_sack bad_tsecr bad_rst; do
		[ "$(field $name "$2")" = 0 ] || bad+=" $name"
	done
	if [ -z "$bad" ]; then
		ok "$1"
	else
		not_ok "$1" "wrong:$bad" "$2"
	fi
}

# toa_hex ADDRESS PORT [KIND]: the client's address as a TCP option, in
# hexadecimal. The kind is that of the address family by default.
toa_hex() {
	case $1 in
	*:*) printf '%02x14%04x' "${3:-253}" "$2" ;;
	*) printf '%02x08%04x' "${3:-254}" "$2" ;;
	esac
	hex_ip "$1"
}

# packets_hex NAME FILTER: packets of a capture, each as a line of hexadecimal.
packets_hex() {
	tcpdump -Z root -n -x -r "$lab_tmp/$1.pcap" "$2" 2>/dev/null |
		awk '/^\t/ { sub(/^\t0x[0-9a-f]*: */, ""); gsub(/ /, ""); printf "%s", $0; next } NR > 1 { print "" } END { print "" }'
}

# tcp_flags 4|6: the flags of a TCP segment, for a capture's filter.
tcp_flags() {
	case $1 in
	4) echo 'tcp[13]' ;;
	6) echo 'ip6[53]' ;;
	esac
}

# hex_of 4|6 FILTER: of the capture toaFAMILY, what goes to real server 1.
hex_of() {
	packets_hex "toa$1" "dst host $(addr rs1_ip "$1") and $2"
}

# expect_toa_on_wire 4|6 PORT: a page of the vip, asked for from that port, comes
# from real server 1, to whose wire the client's address goes in an option.
expect_toa_on_wire() {
	local family=$1 text want flags
	capture_start "$rs1" eth0 "toa$family" tcp port 80
	check "IPv$family: the page comes" curl_in "$client" --local-port "$2" "http://$(svc "$family" 80)/"
	text=$(capture_stop "toa$family" | grep " > $(regex "$(addr rs1_ip "$family")")[.]80: ")
	want=$(toa_hex "$(addr client_ip "$family")" "$2")
	flags=$(tcp_flags "$family")
	expect_match "IPv$family: the SYN has the client's address and port" "$want" "$(hex_of "$family" "$flags = 2")"
	expect_match "IPv$family: so has the first data" "$want" "$(hex_of "$family" "$flags = 24")"
	expect_no_match "IPv$family: the FIN, after the answer, has not" "$want" "$(hex_of "$family" "$flags & 1 = 1")"
	expect_no_match "IPv$family: all checksums are right" incorrect "$text"
	expect_match "IPv$family: and were looked at" correct "$text"
}
