# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# SYNPROXY and transfers: with loss and disorder on both sides, segments that the
# devices merge and cut, and a real server of another window scale.
# timeout: 240
# once: oldest

# shellcheck source=test/lab/lib-synproxy.sh
. /lab/lib-synproxy.sh
setup_lab
give_up_soon "$client" "$rs1" "$rs2"
serve_everywhere

lossy() {
	in_ns "$1" tc qdisc replace dev "$2" root netem loss 2% delay 2ms reorder 25% 50%
}

fetch() {
	in_ns "$client" labnet fetch -timeout 100s "$@"
}

for family in 4 6; do
	vip=$(svc $family 80)
	fullnat_service -t $family 80 -j enable
	before=$(counter "$director" synproxy_spliced)
	check "IPv$family: 10 MB each way, merged segments" fetch -size 10M "http://$vip"
	# A real server with a large buffer has a scale beyond ours.
	set_sysctl "$rs1" net.ipv4.tcp_rmem="4096 131072 33554432"
	synproxy=$(in_ns "$director" sysctl -n net.ipv4.vs.synproxy_wscale)
	for scale in 1 14; do
		set_sysctl "$director" net.ipv4.vs.synproxy_wscale=$scale
		check "IPv$family: 2 MB each way with scale $scale" fetch -size 2M -parallel 2 "http://$vip"
	done
	set_sysctl "$director" net.ipv4.vs.synproxy_wscale="$synproxy"
	offload off "$client" eth0
	offload off "$director" cl
	check "IPv$family: single segments" fetch -size 2M "http://$vip"
	for end in "$client eth0" "$director cl" "$director rs1" "$director rs2" "$rs1 eth0" "$rs2 eth0"; do
		# shellcheck disable=SC2086  # two words
		lossy $end
	done
	check "IPv$family: with loss and disorder everywhere" fetch -size 1M -parallel 2 "http://$vip"
	for end in "$client eth0" "$director cl" "$director rs1" "$director rs2" "$rs1 eth0" "$rs2 eth0"; do
		# shellcheck disable=SC2086  # two words
		in_ns ${end% *} tc qdisc del dev ${end#* } root
	done
	offload on "$client" eth0
	offload on "$director" cl
	expect_within "IPv$family: all of them were proxied" $((before + 16)) $((before + 16)) "$(counter "$director" synproxy_spliced)"
	ipvs -C
done
