# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A director without memory: new connections are refused, counted and logged,
# the machine survives, and serves at once when there is memory again.
# timeout: 240
# kernel-args: mem=512M
# kmsg-allow: page allocation failure

setup_lab
serve_everywhere
modprobe pktgen
for family in 4 6; do fullnat_service -t $family 80; done
# Datagrams of many clients, which the real servers do not answer.
fullnat_service -u 4 54
for i in 2 3 4; do ipvs -P -u "$vip4:54" -z "$(lip $i 4)"; done
for ns in "$rs1" "$rs2"; do
	in_ns "$ns" nft -f - <<-END
		table inet mute { chain pre { type filter hook prerouting priority raw; udp dport 54 drop; }; }
	END
done
check "it serves" web 4

pg() { in_ns "$client" bash -c "echo '$2' >/proc/net/pktgen/$1"; }
pg kpktgend_0 "add_device eth0"
for line in "count 120000" "clone_skb 0" "pkt_size 60" "delay 0" "dst $vip4" "src_min 192.0.2.100" "src_max 192.0.2.196" \
	"udp_src_min 1" "udp_src_max 60000" "udp_dst_min 54" "udp_dst_max 54" \
	"dst_mac $(in_ns "$director" cat /sys/class/net/cl/address)"; do
	pg eth0 "$line"
done

# All but some megabytes. What cannot be spared is asked for by packets, for
# which nobody waits; so the shell that gives the memory back must need none.
mkdir "$lab_tmp/balloon"
mount -t tmpfs -o size=100% none "$lab_tmp/balloon"
# squeeze LEFT: until so many KB are left; then packets; then free again.
squeeze() {
	in_ns "$client" bash -c '
		left=$1 balloon=$2
		free=$(awk "/^MemFree/ { print \$2 }" /proc/meminfo)
		dd if=/dev/zero of=$balloon bs=64K count=$(((free - left) / 64)) status=none
		echo start >/proc/net/pktgen/pgctrl
		: >$balloon' squeeze "$1" "$lab_tmp/balloon/fill"
}
bound=$(counter "$director" fullnat_conn_bound)
squeeze 20000
# Either stock or we are the first to miss some, as the last pages happen to be
# used: again, with other clients, until it has been us.
for round in 1 2 3 4 5 6 7 8; do
	echo "# bound $(($(counter "$director" fullnat_conn_bound) - bound)), refused $(counter "$director" fullnat_no_mem); $(grep MemFree /proc/meminfo | xargs)"
	[ "$(counter "$director" fullnat_no_mem)" -eq 0 ] || break
	pg eth0 "src_min 192.0.2.$((200 + round))"
	pg eth0 "src_max 192.0.2.$((200 + round))"
	pg eth0 "count 40000"
	squeeze $((5000 + 700 * round))
done
expect_within "connections were refused" 1 1000000 "$(counter "$director" fullnat_no_mem)"
expect_within "after others had been bound" 100 1000000 $(($(counter "$director" fullnat_conn_bound) - bound))
expect_within "the log says so, and not too often" 1 10 "$(dmesg | grep -c 'no memory, connection dropped')"
for family in 4 6; do check "IPv$family: with memory it serves at once" web $family; done
expect_counter_delta "a new datagram is bound" "$director" fullnat_conn_bound '>=1' \
	eval 'in_ns "$client" labnet udp-echo -timeout 100ms "$vip4:54" || true'
in_ns "$director" labnet family drain >/dev/null
poll_until 30 "all connections are given back" all_given_back
for i in 1 2 3 4; do expect_eq "none is left on local address $i" 0 "$(conns_of -u "$vip4:54" "$(lip $i 4)")"; done
umount "$lab_tmp/balloon"
