# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the scenes of "make bench" share: the sides that are compared. Sourced
# behind lib.sh.
#
# These variables of the host's environment reach the scenes:
#   LAB_PACKETS  segments (datagrams) of a measurement each way
#   LAB_SIZE     bytes of a frame, Ethernet header included
#   LAB_FLOWS    connections that they belong to
#   LAB_FAMILIES "4", "6" or "4 6"
#   LAB_SIDES    the sides, in place of all
#   LAB_ROUNDS, LAB_BURST   by a real clock: how often each side has its turn, and
#                packets of one
# shellcheck disable=SC2034,SC2154 # for scenes; lib.sh's variables
. /lab/lib-cost.sh

bench_families=${LAB_FAMILIES:-4 6}
# tcp or udp: what services, rules and counters are for.
bench_proto=${bench_proto:-tcp}
# The last service's port. Each side has one of its own, for what the one before
# has left behind.
bench_port=${bench_port:-1000}

# end_labs: what is measured next has a lab of its own.
end_labs() {
	local ns
	for ns in ${lab_namespaces[@]+"${lab_namespaces[@]}"}; do ip netns del "$ns"; done
	lab_namespaces=()
}

# wanted SIDE...: those of LAB_SIDES, if there are any; "dropped" and "direct",
# which the others are measured from, always.
wanted() {
	local side
	for side; do
		case " ${LAB_SIDES:-$*} dropped direct " in *" $side "*) echo "$side" ;; esac
	done
}

# side_on SIDE FAMILY: sets up the director, and target to where a client sends;
# packet_args is what "labnet packetcost" wants in addition.
side_on() {
	local family=$2
	bench_port=$((bench_port + 1))
	target=$(rs 1 "$family" "$bench_port")
	packet_args=()
	case $1 in
	routing) ;;
	dropped) drop_early "$bench_proto" ;;
	flowtable | nft-snat | masquerade | nft-synproxy) "on_${1//-/_}" "$family" ;;
	snat-zone) on_snat_zone "$family" ;;
	nat) bench_service "$family" -m ;;
	dr)
		bench_service "$family" -g
		packet_args=(-one-way)
		;;
	fullnat*) on_fullnat "$1" "$family" ;;
	*) echo "no side $1" >&2 && return 1 ;;
	esac
}

# side_off: what side_on has done, in reverse.
side_off() {
	ipvs -C
	in_ns "$director" nft 'flush ruleset'
	in_ns "$director" conntrack -F 2>/dev/null
	set_sysctl "$director" net.ipv4.vs.conntrack=0
	set_sysctl "$director" net.ipv4.vs.fullnat_fast_path=0 net.ipv4.vs.fullnat_toa_entry=1
}

# bench_service FAMILY METHOD [ARGS of -A]: with one real server.
bench_service() {
	local family=$1 method=$2
	shift 2
	target=$(svc "$family" "$bench_port")
	ipvs -A "-${bench_proto:0:1}" "$target" -s rr "$@"
	ipvs -a "-${bench_proto:0:1}" "$target" -r "$(rs 1 "$family" "$bench_port")" "$method"
}

on_fullnat() {
	local family=$2
	local -a args=()
	case $1 in
	fullnat-fast) set_sysctl "$director" net.ipv4.vs.fullnat_fast_path=1 ;;
	fullnat-no-toa) set_sysctl "$director" net.ipv4.vs.fullnat_toa_entry=0 ;;
	fullnat-synproxy) args=(-j enable) ;;
	esac
	bench_service "$family" -b "${args[@]}"
	ipvs -P "-${bench_proto:0:1}" "$target" -z "$(lip 1 "$family")"
}

# What people do today for real servers that do not route through the director.
on_masquerade() {
	set_sysctl "$director" net.ipv4.vs.conntrack=1
	in_ns "$director" nft 'table inet masq { chain post { type nat hook postrouting priority srcnat; oifname "rs1" masquerade; }; }'
	bench_service "$1" -m
}

on_flowtable() {
	in_ns "$director" nft -f - <<-END
		table inet fast {
			flowtable f { hook ingress priority 0; devices = { cl, rs1 }; }
			chain forward { type filter hook forward priority 0; meta l4proto $bench_proto flow add @f; }
		}
	END
}

on_nft_snat() {
	local ip=ip
	[ "$1" = 4 ] || ip=ip6
	in_ns "$director" nft "table inet out { chain post { type nat hook postrouting priority srcnat; oifname rs1 snat $ip to $(lip 1 "$1"); }; }"
}

# As Documentation/networking/nf_synproxy has it.
on_nft_synproxy() {
	in_ns "$director" nft -f - <<-END
		table inet sp {
			chain pre { type filter hook prerouting priority -300; tcp dport $bench_port tcp flags & (syn|ack) == syn notrack; }
			chain f {
				type filter hook forward priority 0;
				tcp dport $bench_port ct state invalid,untracked synproxy mss 1440 wscale 7 timestamp sack-perm
				tcp dport $bench_port ct state invalid drop
			}
		}
	END
	set_sysctl "$director" net.netfilter.nf_conntrack_tcp_loose=0
}

on_snat_zone() {
	local net
	net=$(addr client_net "$1")
	ipvs -K --zone "$net"
	ipvs -U --zone "$net" -z "$(lip 1 "$1")"
	if [ "$1" = 4 ]; then net=0.0.0.0; else net='[::]'; fi
	ipvs -A "-${bench_proto:0:1}" "$net:0" -s rr
}

# bench_lab: the lab, whose checks of checksums are the network card's, as with
# real ones.
bench_lab() {
	setup_lab
	modprobe nf_conntrack
	set_sysctl "$director" net.netfilter.nf_conntrack_checksum=0
}

# silence NS: nobody is at home; what comes in is counted and goes no further.
silence() {
	in_ns "$1" nft -f - <<-END
		table inet arrivals {
			counter came { }
			chain pre { type filter hook prerouting priority raw; tcp dport > 0 counter name "came" drop; }
		}
	END
}

# packet_cost FAMILY ARGS...: labnet packetcost between client and rs1, to target.
packet_cost() {
	local family=$1
	shift
	labnet packetcost -client "$client" -client-router "$(mac_of "$director" cl)" \
		-server "$rs1" -server-router "$(mac_of "$director" rs1)" \
		-from "$(host "$(addr client_ip "$family")"):10000" "$@" "$target"
}
