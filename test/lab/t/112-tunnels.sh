# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Clients behind a tunnel and behind IPsec, in transport and in tunnel mode: what
# the director answers takes the same way, whole, and never in clear; the usual
# way and by the fast path.
# timeout: 240
# once: newest

# Whatever carries it has less room than the real servers' wires.
key=0x$(printf '%040d' 7)
declare -A outer_client=([4]=$client_ip4 [6]=$client_ip6) outer_director=([4]=192.0.2.1 [6]=2001:db8:c::1)

# carried NAME FILTER: service by TCP and UDP for both families; on the client's
# wire there is what FILTER says, in both directions, and no answer in clear.
carried() {
	local name=$1 filter=$2 family direction
	# What comes in shows once more when it has been taken out.
	capture_start "$director" cl clear -Q out tcp or udp
	for direction in in out; do capture_start "$director" cl $direction -Q $direction "$filter"; done
	for family in 4 6; do
		check "$name: IPv$family TCP, each way" in_ns "$client" labnet fetch -size 60K "http://$(svc $family 80)"
		# The first is for the real server to learn how much room there is.
		poll_until 20 "$name: IPv$family UDP, in fragments" \
			in_ns "$client" labnet udp-echo -timeout 2s -flows 2 -size 4000 "$(svc $family 53)"
	done
	expect_eq "$name: nothing goes in clear" "" "$(capture_stop clear | head -n 3)"
	for direction in in out; do
		check "$name: it is on the wire, $direction" test -n "$(capture_stop $direction)"
	done
}

# both_ways NAME FILTER: without the fast path and with it.
both_ways() {
	local fast
	carried "$1" "$2"
	set_sysctl "$director" net.ipv4.vs.fullnat_fast_path=1
	fast=$(counter "$director" fullnat_fast_pkts)
	carried "$1, fast path" "$2"
	expect_within "$1: the fast path took packets" 20 1000000 $(($(counter "$director" fullnat_fast_pkts) - fast))
	set_sysctl "$director" net.ipv4.vs.fullnat_fast_path=0
}

# protect MODE: the client's and the vip's packets by ESP, at both ends.
protect() {
	local mode=$1 family
	for family in 4 6; do
		local vip client_ip near far
		vip=$(addr vip $family) client_ip=$(addr client_ip $family)
		near=$vip far=$client_ip
		if [ "$mode" = tunnel ]; then near=${outer_director[$family]} far=${outer_client[$family]}; fi
		one_direction "$client" out "$director" in "$client_ip" "$vip" "$far" "$near"
		one_direction "$director" out "$client" in "$vip" "$client_ip" "$near" "$far"
	done
}

# one_direction NS DIR NS DIR SRC DST FROM TO: the policy for SRC to DST, carried
# from FROM to TO, in both namespaces.
one_direction() {
	local src=$5 dst=$6 from=$7 to=$8
	while [ $# -gt 4 ]; do
		in_ns "$1" ip xfrm state add src "$from" dst "$to" proto esp spi 0x700 mode "$mode" \
			aead 'rfc4106(gcm(aes))' "$key" 128
		in_ns "$1" ip xfrm policy add src "$src" dst "$dst" dir "$2" tmpl src "$from" dst "$to" proto esp mode "$mode"
		shift 2
	done
}

unprotect() {
	local ns
	for ns in "$director" "$client"; do
		in_ns "$ns" ip xfrm policy flush
		in_ns "$ns" ip xfrm state flush
	done
}

setup_lab
serve_everywhere
for family in 4 6; do
	fullnat_service -t $family 80
	fullnat_service -u $family 53
done

# A tunnel that carries both families; the client has addresses of its own in it.
modprobe ip6_tunnel
in_ns "$director" ip link add tnl type ip6tnl mode any encaplimit none local 2001:db8:c::1 remote "$client_ip6"
in_ns "$client" ip link add tnl type ip6tnl mode any encaplimit none local "$client_ip6" remote 2001:db8:c::1
for ns in "$director" "$client"; do in_ns "$ns" ip link set tnl up; done
set_addresses "$client" tnl 10.66.0.2/32 2001:db8:66::2/128
ip -n "$director" route add 10.66.0.2 dev tnl
ip -n "$director" -6 route add 2001:db8:66::2 dev tnl
ip -n "$client" route add "$vip4" dev tnl src 10.66.0.2
ip -n "$client" -6 route add "$vip6" dev tnl src 2001:db8:66::2
both_ways "a tunnel" "ip6 proto 4 or ip6 proto 41"
for ns in "$director" "$client"; do in_ns "$ns" ip link del tnl; done

need ipsec
for mode in transport tunnel; do
	protect $mode
	both_ways "IPsec, $mode mode" "ip proto 50 or ip6 proto 50"
	unprotect
done
