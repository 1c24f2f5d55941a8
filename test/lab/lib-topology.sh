# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Building the network that topology.md draws. Sourced by lib.sh, which has the
# addresses.

# setup_ns NAME...: makes a namespace for each and sets a variable of that name
# to its real name, which is unique.
setup_ns() {
	local name ns
	for name in "$@"; do
		ns=$name-$(printf %04x $RANDOM)
		ip netns add "$ns"
		lab_namespaces+=("$ns")
		ip -n "$ns" link set lo up
		printf -v "$name" %s "$ns"
	done
}

# set_sysctl NS KEY=VALUE...
set_sysctl() {
	local ns=$1
	shift
	in_ns "$ns" sysctl -qw "$@"
}

# link NS1 DEV1 NS2 DEV2: a wire between two namespaces.
link() {
	ip link add "$2" netns "$1" type veth peer name "$4" netns "$3"
	ip -n "$1" link set "$2" up
	ip -n "$3" link set "$4" up
}

# set_addresses NS DEV ADDRESS/LEN...: usable at once, without waiting for
# duplicate address detection.
set_addresses() {
	local ns=$1 dev=$2 addr
	shift 2
	for addr in "$@"; do
		case $addr in
		*:*) echo "addr add $addr dev $dev nodad" ;;
		*) echo "addr add $addr dev $dev" ;;
		esac
	done | ip -n "$ns" -batch -
}

# set_routes NS VIA4 VIA6 PREFIX...: each by the gateway of its family.
set_routes() {
	local ns=$1 via4=$2 via6=$3 prefix
	shift 3
	for prefix in "$@"; do
		case $prefix in
		*:*) echo "-6 route add $prefix via $via6" ;;
		*) echo "route add $prefix via $via4" ;;
		esac
	done | while read -r line; do
		# shellcheck disable=SC2086  # words of a command
		ip -n "$ns" $line
	done
}

# forward_in NS: it is a router.
forward_in() {
	set_sysctl "$1" net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

# spread_over_cpus NS DEV: what comes in there goes from CPU to CPU, where the
# kernel can.
spread_over_cpus() {
	! has rps || in_ns "$1" bash -c 'echo 3 >"/sys/class/net/$1/queues/rx-0/rps_cpus"' rps "$2"
}

# give_up_soon NS...: a connection whose service is taken away in mid-sentence
# leaves sockets that nobody answers any more, and they keep their namespace alive.
give_up_soon() {
	local ns
	for ns; do set_sysctl "$ns" net.ipv4.tcp_orphan_retries=1 net.ipv4.tcp_fin_timeout=2; done
}

# setup_director: the director with its addresses, before anything is plugged in.
setup_director() {
	local i
	local -a lips=()
	setup_ns director
	forward_in "$director"
	for i in 1 2 3 4; do
		lips+=("${lip4%.*}.$i/32" "${lip6%::*}::$i/128")
	done
	set_addresses "$director" lo "$vip4/32" "$vip6/128" "${lips[@]}"
}

# add_client: the client on a wire of its own, with the director as its router.
add_client() {
	setup_ns client
	link "$client" eth0 "$director" cl
	set_addresses "$client" eth0 "$client_ip4/24" "$client_ip6/64"
	set_addresses "$director" cl 192.0.2.1/24 2001:db8:c::1/64
	set_routes "$client" 192.0.2.1 2001:db8:c::1 default ::/0
}

# add_server N: real server rsN. It knows the way to the local addresses only.
add_server() {
	local n=$1 ns
	setup_ns "rs$n"
	ns=rs$n
	ns=${!ns}
	link "$ns" eth0 "$director" "rs$n"
	set_addresses "$ns" eth0 "10.0.$n.1$n/24" "2001:db8:$n::1$n/64"
	set_addresses "$director" "rs$n" "10.0.$n.1/24" "2001:db8:$n::1/64"
	set_routes "$ns" "10.0.$n.1" "2001:db8:$n::1" "$lip_net4" "$lip_net6"
}

# setup_lab: client, director and two real servers, wired directly.
setup_lab() {
	setup_director
	add_client
	add_server 1
	add_server 2
}

# setup_routed_lab: the same addresses at the ends, and a router on either side
# of the director (client_router, server_router), whose wires can be made
# narrower than those of the ends: for path MTU and unreachable errors.
setup_routed_lab() {
	local n ns
	setup_director
	setup_ns client client_router server_router
	forward_in "$client_router"
	forward_in "$server_router"

	link "$client" eth0 "$client_router" far
	set_addresses "$client" eth0 "$client_ip4/24" "$client_ip6/64"
	set_addresses "$client_router" far 192.0.2.1/24 2001:db8:c::1/64
	set_routes "$client" 192.0.2.1 2001:db8:c::1 default ::/0
	link "$client_router" near "$director" cl
	set_addresses "$client_router" near 203.0.113.2/24 2001:db8:e::2/64
	set_addresses "$director" cl 203.0.113.1/24 2001:db8:e::1/64
	set_routes "$client_router" 203.0.113.1 2001:db8:e::1 "$vip4/32" "$vip6/128"
	set_routes "$director" 203.0.113.2 2001:db8:e::2 "$client_net4" "$client_net6"

	link "$server_router" near "$director" rs
	set_addresses "$server_router" near 10.0.9.2/24 2001:db8:9::2/64
	set_addresses "$director" rs 10.0.9.1/24 2001:db8:9::1/64
	set_routes "$server_router" 10.0.9.1 2001:db8:9::1 "$lip_net4" "$lip_net6"
	for n in 1 2; do
		setup_ns "rs$n"
		ns=rs$n
		ns=${!ns}
		link "$ns" eth0 "$server_router" "rs$n"
		set_addresses "$ns" eth0 "10.0.$n.1$n/24" "2001:db8:$n::1$n/64"
		set_addresses "$server_router" "rs$n" "10.0.$n.1/24" "2001:db8:$n::1/64"
		set_routes "$ns" "10.0.$n.1" "2001:db8:$n::1" "$lip_net4" "$lip_net6"
		set_routes "$director" 10.0.9.2 2001:db8:9::2 "10.0.$n.0/24" "2001:db8:$n::/64"
	done
}

# setup_raw_ends: a client behind the client, and a real server behind rs1, whose
# TCP is labnet's own ("labnet tcp") and does what a kernel's would not.
setup_raw_ends() {
	local ns role
	modprobe tun
	for role in client server; do
		ns=$client
		[ $role = client ] || ns=$rs1
		in_ns "$ns" ip tuntap add dev raw mode tun multi_queue
		ip -n "$ns" link set raw up
		forward_in "$ns"
		# No router advertisements and the like on the wire to it.
		set_sysctl "$ns" net.ipv6.conf.raw.addr_gen_mode=1
		in_ns "$ns" ip route add "$(addr raw_${role}_ip 4)/32" dev raw
		in_ns "$ns" ip -6 route add "$(addr raw_${role}_ip 6)/128" dev raw
	done
	set_routes "$director" "$client_ip4" "$client_ip6" "$raw_client_ip4/32" "$raw_client_ip6/128"
	set_routes "$director" "$rs1_ip4" "$rs1_ip6" "$raw_server_ip4/32" "$raw_server_ip6/128"
}
