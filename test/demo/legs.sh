# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What goes over the director's wires, as one short line per packet. Sourced by
# demo.sh.

# watch_legs NAME FILTER...: begins to capture on all wires of the director.
watch_legs() {
	start_in "$director" "legs-$1" \
		tcpdump -Z root -U --immediate-mode -s 0 -i any -w "$lab_tmp/$1.pcap" "${@:2}" 2>/dev/null
	wait_log "legs-$1" 'listening on'
}

# read_legs NAME ARGS...: the capture as tcpdump prints it. Names of interfaces
# are those of the director.
read_legs() {
	in_ns "$director" tcpdump -Z root -n -t -r "$lab_tmp/$1.pcap" "${@:2}" 2>/dev/null
}

# seen NAME N [FILTER]: N packets at least have been captured.
seen() {
	[ "$(read_legs "$1" "${3:-}" | wc -l)" -ge "$2" ]
}

# legs NAME ARGS...: leg, from, to, flags and length of each packet. TOA: the
# packet has an option of that kind.
legs() {
	printf '%-18s  %-22s %-22s %-11s %4s\n' leg from to flags data
	read_legs "$@" | awk '
		function host_port(a,    n, h) {
			sub(/:$/, "", a)
			n = match(a, /[.][0-9]+$/)
			h = substr(a, 1, n - 1)
			return (h ~ /:/ ? "[" h "]" : h) ":" substr(a, n + 1)
		}
		BEGIN {
			name["S"] = "SYN"; name["S."] = "SYN ACK"; name["."] = "ACK"
			name["P."] = "PSH ACK"; name["F."] = "FIN ACK"; name["FP."] = "FIN PSH ACK"
			name["R"] = "RST"; name["R."] = "RST ACK"
		}
		{
			peer = $1 == "cl" ? "client" : $1
			leg = $2 == "In" ? peer " -> director" : "director -> " peer
			flags = "UDP"
			if (match($0, /Flags \[[^]]*\]/)) {
				flags = substr($0, RSTART + 7, RLENGTH - 8)
				if (flags in name) flags = name[flags]
			}
			data = match($0, /length [0-9]+/) ? substr($0, RSTART + 7, RLENGTH - 7) : 0
			toa = /options \[[^]]*(exp|unknown-25[34])/ ? "  TOA" : ""
			printf "%-18s  %-22s %-22s %-11s %4d%s\n", leg, host_port($4), host_port($6), flags, data, toa
		}'
}

# ends NAME ARGS...: the first packet, as it left the client and as it came to
# the real server.
ends() {
	legs "$@" | awk '
		NR == 2 { print "the client sent        " $4 "  ->  " $5 }
		NR == 3 { print "the real server got    " $4 "  ->  " $5 }'
}

# toa_of NAME 4|6: the TOA option of the SYN to the real server, as the bytes
# are on the wire: "kind 254 length 8 port 40001 address 192.0.2.10".
toa_of() {
	local hex at=80 syn='tcp[13] = 2'
	# Behind the IP header and the fixed TCP header; two digits a byte.
	if [ "$2" = 6 ]; then at=120 syn='ip6[53] = 2'; fi
	hex=$(read_legs "$1" -x "src host $(lip 1 "$2") and $syn" |
		awk '/^\t/ { sub(/^\t0x[0-9a-f]*: */, ""); gsub(/ /, ""); printf "%s", $0 }')
	hex=${hex:$at}
	printf 'kind %d length %d port %d address %s\n' "0x${hex:0:2}" "0x${hex:2:2}" "0x${hex:4:4}" \
		"$(address_of_hex "${hex:8:$((2 * 0x${hex:2:2} - 8))}")"
}

# address_of_hex DIGITS
address_of_hex() {
	local i out=
	if [ ${#1} -eq 8 ]; then
		printf '%d.%d.%d.%d' "0x${1:0:2}" "0x${1:2:2}" "0x${1:4:2}" "0x${1:6:2}"
		return
	fi
	for ((i = 0; i < ${#1}; i += 4)); do
		out+=$(printf ':%x' "0x${1:$i:4}")
	done
	# The longest run of zeros in the lab's addresses is this one.
	echo "${out#:}" | sed -E 's/(:0)+:/::/'
}
