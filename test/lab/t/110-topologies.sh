# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Other ways to plug a director in: everything in one subnet on one interface,
# VLANs, and a bridge on the director.
# timeout: 240

# serves NAME [BYTES]: TCP and UDP with datagrams of that size, both families,
# from both real servers.
serves() {
	local family out
	for family in 4 6; do
		out=$(web $family)$'\n'$(web $family)
		expect_match "$1: IPv$family from rs1" '^rs1' "$out"
		expect_match "$1: IPv$family from rs2" '^rs2' "$out"
		check "$1: IPv$family transfers" in_ns "$client" labnet fetch -parallel 2 -size 100K "http://$(svc $family 80)"
		check "$1: IPv$family UDP" in_ns "$client" labnet udp-echo -flows 2 -size "${2:-5000}" "$(svc $family 53)"
	done
}

services() {
	local family
	for family in 4 6; do
		fullnat_service -t $family 80
		fullnat_service -u $family 53
	done
}

# One arm: all four on one switch, in one subnet, vip and local address too.
# shellcheck disable=SC2034,SC2154 # the library's names
one_arm() {
	local n
	setup_ns director client rs1 rs2 switch
	ip -n "$switch" link add sw0 type bridge
	ip -n "$switch" link set sw0 up
	n=0
	for ns in "$director" "$client" "$rs1" "$rs2"; do
		n=$((n + 1))
		link "$ns" eth0 "$switch" port$n
		ip -n "$switch" link set port$n master sw0
	done
	vip4=10.9.0.100 vip6=2001:db8:9::100 lip4=10.9.0.1 lip6=2001:db8:9::1
	rs1_ip4=10.9.0.11 rs2_ip4=10.9.0.12 rs1_ip6=2001:db8:9::11 rs2_ip6=2001:db8:9::12
	set_addresses "$director" eth0 10.9.0.100/24 10.9.0.1/24 2001:db8:9::100/64 2001:db8:9::1/64
	set_addresses "$client" eth0 10.9.0.10/24 2001:db8:9::10/64
	set_addresses "$rs1" eth0 10.9.0.11/24 2001:db8:9::11/64
	set_addresses "$rs2" eth0 10.9.0.12/24 2001:db8:9::12/64
	serve_everywhere
	services
}

setup_lab
serve_everywhere
services

# A bridge on the director, with netfilter called for bridged packets as well.
ip -n "$director" link add br0 type bridge
ip -n "$director" link set br0 up
ip -n "$director" addr flush dev cl
ip -n "$director" link set cl master br0
set_addresses "$director" br0 192.0.2.1/24 2001:db8:c::1/64
serves "bridge"
modprobe br_netfilter
set_sysctl "$director" net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1
# Without fragments: br_netfilter forgets of which size they were, so that IPv6
# cannot make them again, be it for stock or for plain forwarding.
serves "bridge with netfilter" 1400
set_sysctl "$director" net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0

# A VLAN towards rs1, on both ends of its wire.
ip -n "$director" addr flush dev rs1
ip -n "$rs1" addr flush dev eth0
ip -n "$rs1" -6 route flush dev eth0
ip -n "$director" link add rs1.7 link rs1 type vlan id 7
ip -n "$rs1" link add eth0.7 link eth0 type vlan id 7
ip -n "$director" link set rs1.7 up
ip -n "$rs1" link set eth0.7 up
set_addresses "$director" rs1.7 10.0.1.1/24 2001:db8:1::1/64
set_addresses "$rs1" eth0.7 10.0.1.11/24 2001:db8:1::11/64
set_routes "$rs1" 10.0.1.1 2001:db8:1::1 "$lip_net4" "$lip_net6"
serves "VLAN"

one_arm
serves "one arm"
expect_match "one arm: the peer is the local address" "peer=10\.9\.0\.1:" "$(web 4)"
