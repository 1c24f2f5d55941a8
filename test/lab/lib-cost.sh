# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What packets of pktgen cost. A scene that says in its head
#
#   # qemu: -accel tcg -icount shift=0,sleep=off -smp 1
#
# gets a machine whose clock counts instructions: one nanosecond each, and only
# while the CPU does something. What takes a microsecond there took 1 000
# instructions, whatever the host was doing. pktgen sends; on one CPU all that a
# packet sets off, up to the last softirq, happens before the next one is made.
#
# The figures include the generator and the first veth, so what is compared is
# the difference to a packet that is dropped as early as can be.

# pktgen_run NS DEV COUNT SETTING...: sends, and prints nanoseconds per packet,
# which are instructions. A setting is a line for the device's file in
# /proc/net/pktgen, as its manual in the kernel has them.
pktgen_run() {
	local ns=$1 dev=$2 count=$3 setting
	shift 3
	modprobe pktgen
	{
		echo rem_device_all
		echo "add_device $dev"
	} | pktgen_tell "$ns" kpktgend_0
	{
		printf '%s\n' "count $count" 'delay 0' 'clone_skb 0' 'burst 1'
		for setting in "$@"; do echo "$setting"; done
	} | pktgen_tell "$ns" "$dev"
	echo start | pktgen_tell "$ns" pgctrl
	in_ns "$ns" sed -n 's/^Result: OK: \([0-9]*\)(.*) usec, \([0-9]*\) .*/\1 \2/p' "/proc/net/pktgen/$dev" |
		awk '{ printf "%d\n", $1 * 1000 / $2 }'
}

# pktgen_tell NS FILE: a line of stdin at a time, as the kernel wants it.
pktgen_tell() {
	in_ns "$1" bash -c 'while read -r line; do echo "$line" >"/proc/net/pktgen/$1" || exit 1; done' tell "$2"
}

# mac_of NS DEV
mac_of() {
	in_ns "$1" cat "/sys/class/net/$2/address" 2>/dev/null || ip -n "$1" -o link show "$2" |
		sed -n 's/.*link\/ether \([0-9a-f:]*\).*/\1/p'
}

# count_arrivals NS PROTO: whatever comes in is counted and goes no further.
count_arrivals() {
	in_ns "$1" nft -f - <<-END
		table inet arrivals {
			counter came { }
			chain pre {
				type filter hook prerouting priority raw; policy accept;
				meta l4proto $2 counter name "came" drop
			}
		}
	END
}

arrivals() {
	in_ns "$1" nft list counter inet arrivals came | sed -n 's/.*packets \([0-9]*\).*/\1/p'
}

# drop_early PROTO: the director drops it as early as can be.
drop_early() {
	in_ns "$director" nft "table inet early { chain pre { type filter hook prerouting priority -310; meta l4proto $1 drop; }; }"
}

# frame_size FAMILY: of LAB_SIZE, or the least that pktgen's own header fits into.
frame_size() {
	if [ "$1" = 4 ]; then echo "${LAB_SIZE:-60}"; else echo "${LAB_SIZE:-82}"; fi
}

# send_udp forward|reply FAMILY COUNT ADDRESS PORT: a COUNT of datagrams between
# the client and the service's PORT, to ADDRESS, over all flows in turn; prints
# nanoseconds for each. The client's ports are from $low up to $high, which pktgen
# leaves out.
send_udp() {
	local dst=dst src=src_min size
	size=$(frame_size "$2")
	if [ "$2" = 6 ]; then dst=dst6 src=src6; fi
	case $1 in
	forward)
		pktgen_run "$client" eth0 "$3" "pkt_size $size" "dst_mac $(mac_of "$director" cl)" \
			"$dst $4" "$src $(addr client_ip "$2")" \
			"udp_src_min $low" "udp_src_max $high" "udp_dst_min $5" "udp_dst_max $5"
		;;
	reply)
		pktgen_run "$rs1" eth0 "$3" "pkt_size $size" "dst_mac $(mac_of "$director" rs1)" \
			"$dst $4" "$src $(addr rs1_ip "$2")" \
			"udp_dst_min $low" "udp_dst_max $high" "udp_src_min $5" "udp_src_max $5"
		;;
	esac
}
