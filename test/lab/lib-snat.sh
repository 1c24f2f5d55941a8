# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The lab of SNAT zones: two networks of machines without public addresses, the
# director as their gateway, and an outside that knows only the local addresses.
#
#   in1 10.1.0.10 --- in1 10.1.0.1    director   wan 203.0.113.1 --- router 203.0.113.2
#       2001:db8:11::10   :11::1      lip4, lip6     2001:db8:e::1          2001:db8:e::2
#   in2 10.2.0.10 --- in2 10.2.0.1                  far 192.0.2.1 --- out 192.0.2.10
#       2001:db8:12::10   :12::1                        2001:db8:c::1     2001:db8:c::10
#
# It is sourced by the scenes of zones, behind lib.sh.
# shellcheck disable=SC2034,SC2154 # variables that setup_ns sets; names for scenes

in1_net4=10.1.0.0/24 in1_net6=2001:db8:11::/64 in1_ip4=10.1.0.10 in1_ip6=2001:db8:11::10
in2_net4=10.2.0.0/24 in2_net6=2001:db8:12::/64 in2_ip4=10.2.0.10 in2_ip6=2001:db8:12::10
out_ip4=$client_ip4 out_ip6=$client_ip6

# add_inside N: machine inN in a network of its own.
add_inside() {
	local n=$1 ns
	setup_ns "in$n"
	ns=in$n
	ns=${!ns}
	link "$ns" eth0 "$director" "in$n"
	set_addresses "$ns" eth0 "10.$n.0.10/24" "2001:db8:1$n::10/64"
	set_addresses "$director" "in$n" "10.$n.0.1/24" "2001:db8:1$n::1/64"
	set_routes "$ns" "10.$n.0.1" "2001:db8:1$n::1" default ::/0
}

# setup_snat_lab: all of it. The outside has no route to the machines.
setup_snat_lab() {
	setup_director
	add_inside 1
	add_inside 2
	setup_ns router out
	give_up_soon "$in1" "$in2" "$out"
	# Nor does an answer to an address that the outside has no route to.
	set_sysctl "$out" net.ipv4.tcp_synack_retries=1
	forward_in "$router"
	link "$director" wan "$router" near
	set_addresses "$director" wan 203.0.113.1/24 2001:db8:e::1/64
	set_addresses "$router" near 203.0.113.2/24 2001:db8:e::2/64
	set_routes "$director" 203.0.113.2 2001:db8:e::2 default ::/0
	link "$router" far "$out" eth0
	set_addresses "$router" far 192.0.2.1/24 2001:db8:c::1/64
	set_addresses "$out" eth0 "$client_ip4/24" "$client_ip6/64"
	set_routes "$router" 203.0.113.1 2001:db8:e::1 "$lip_net4" "$lip_net6" "$vip4/32" "$vip6/128"
	set_routes "$out" 192.0.2.1 2001:db8:c::1 default ::/0
}

# switch_on: SNAT for all that it can be on for.
switch_on() {
	ipvs -R <<-END
		-A -t 0.0.0.0:0 -s rr
		-A -u 0.0.0.0:0 -s rr
		-A -t [::]:0 -s rr
		-A -u [::]:0 -s rr
	END
}

# in_net N 4|6, in_ip N 4|6: a network and its machine.
in_net() { addr "in$1_net" "$2"; }
in_ip() { addr "in$1_ip" "$2"; }

# zone N 4|6 LIP...: a zone of network inN that leaves from these.
zone() {
	local net lip
	net=$(in_net "$1" "$2")
	shift 2
	ipvs -K --zone "$net"
	for lip; do ipvs -U --zone "$net" -z "$lip"; done
}

# outside 4|6 PORT: the server outside, as a target.
outside() {
	echo "$(host "$(addr out_ip "$1")"):$2"
}

# seen_from NS 4|6 [PORT]: the address that the server outside sees.
seen_from() {
	curl_in "$1" "http://$(outside "$2" "${3:-80}")/" |
		sed -nE 's/.*peer=\[?([^] ]*[^]: ])\]?:[0-9]+.*/\1/p'
}

# zone_conns ZONE LIP: CONNS of -G --zone for a local address; zone_conflicts.
zone_conns() {
	ipvs -G --zone "$1" | awk -v lip="$2" '$1 == lip { print $3 }'
}

zone_conflicts() {
	ipvs -G --zone "$1" | awk -v lip="$2" '$1 == lip { print $2 }'
}

# flows_done: no flow of a zone is left.
flows_done() {
	[ "$(counter "$director" snat_conn_new)" -eq "$(counter "$director" snat_conn_done)" ]
}

# leave NS DEST...: a datagram to each, as a flow of its own: none needs to arrive.
# Prints the local address of each, in the same order.
leave() {
	local ns=$1 flows port
	shift
	flows=$(counter "$director" snat_conn_new)
	# Another one each time.
	port=$((20000 + flows % 40000))
	# shellcheck disable=SC2016 # by the inner shell
	in_ns "$ns" bash -c 'port=$1; shift; for dest; do echo >"/dev/udp/$dest/$((port++))"; done' leave $port "$@"
	wait_until 5 counter_reached "$director" snat_conn_new $((flows + $#)) || true
	fullnat_conns "^UDP " | awk -v first=$port -v count=$# '
		{ n = $5; sub(/.*:/, "", n); sub(/:[0-9]+$/, "", $4); gsub(/[][]/, "", $4); from[n - first] = $4 }
		END { for (i = 0; i < count; i++) print from[i] }'
}

# leaves_from NS 4|6 LIP...: do new flows leave from each of these, and no other?
# As many flows as make one CPU use three in turn.
leaves_from() {
	local ns=$1 dest got
	dest=$(addr out_ip "$2")
	shift 2
	got=$(leave "$ns" "$dest" "$dest" "$dest" "$dest" "$dest" "$dest" | sort -u | xargs)
	echo "$got"
	[ "$got" = "$(printf '%s\n' "$@" | sort -u | xargs)" ]
}
