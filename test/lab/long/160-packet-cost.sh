# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What a UDP packet of an established flow costs, in instructions, beside what
# people run in place of FULLNAT: both directions, both address families.
# qemu: -accel tcg -icount shift=0,sleep=off -smp 1
# modules: ip_vs_fullnat ip_vs
# timeout: 900
# shellcheck disable=SC2034,SC2154 # lib.sh's variables, and lib-cost.sh's
. /lab/lib-cost.sh

packets=${LAB_PACKETS:-4096}
# Of the service. Each side has one of its own, for connections of the last side
# are still there.
port=50
flows=${LAB_FLOWS:-64}
# pktgen leaves out the last port of a range.
low=20000 last=$((20000 + flows - 1)) high=$((20000 + flows))
table=$lab_tmp/costs
setup_lab

# measure SIDE FAMILY TO BACK: one line of the table; TO is where the client
# sends, BACK where the real server does.
measure() {
	local side=$1 family=$2 to=$3 back=$4 forward
	counted "$side, IPv$family: packets arrive" "$rs1" forward "$family" "$to"
	forward=$cost
	counted "$side, IPv$family: replies arrive" "$client" reply "$family" "$back"
	echo "$side $family $forward $cost" >>"$table"
	tell "$side" "$family" "$forward" "$cost"
}

# tell SIDE FAMILY FORWARD REPLY: both as figures, by the names of make bench.
tell() {
	local side=$1
	side=${side,,}
	case $side in nat+*) side=masquerade ;; esac
	figure udp-packet "$side" "$2" forward instructions/packet "$3" "size=$(frame_size "$2"),flows=$flows"
	figure udp-packet "$side" "$2" reply instructions/packet "$4" "size=$(frame_size "$2"),flows=$flows"
}

# counted DESCRIPTION NS WAY FAMILY ADDRESS: sets cost; every packet has to arrive.
# Masquerading gives some flows other ports, whose replies are then for nobody:
# that makes it look cheaper than it is, never dearer.
counted() {
	local before least=$packets
	# The first packet of a flow is another story.
	send_udp "$3" "$4" $((flows * 2)) "$5" "$port" >/dev/null
	before=$(arrivals "$2")
	cost=$(send_udp "$3" "$4" "$packets" "$5" "$port")
	case $1 in
	NAT+masquerade*replies*) least=$((packets / 2)) ;;
	esac
	expect_within "$1" "$least" "$packets" $(($(arrivals "$2") - before))
}

# udp_service FAMILY ARGS...: one real server, by the tool's ARGS.
udp_service() {
	local family=$1
	shift
	ipvs -A -u "$(svc "$family" "$port")" -s rr
	ipvs -a -u "$(svc "$family" "$port")" -r "$(rs 1 "$family" "$port")" "$@"
}

# dropped FAMILY: what the generator and the first wire cost by themselves.
dropped() {
	drop_early udp
	local forward reply
	forward=$(send_udp forward "$1" "$packets" "$(addr rs1_ip "$1")" "$port")
	reply=$(send_udp reply "$1" "$packets" "$(addr client_ip "$1")" "$port")
	echo "dropped $1 $forward $reply" >>"$table"
	tell dropped "$1" "$forward" "$reply"
	in_ns "$director" nft delete table inet early
}

# fullnat FAMILY [SIDE]
fullnat() {
	set_sysctl "$director" net.ipv4.vs.fullnat_lport_min=$low net.ipv4.vs.fullnat_lport_max=$last
	udp_service "$1" -b
	ipvs -P -u "$(svc "$1" "$port")" -z "$(lip 1 "$1")"
	measure "${2:-FULLNAT}" "$1" "$(addr vip "$1")" "$(lip 1 "$1")"
	ipvs -C
}

fast() {
	set_sysctl "$director" net.ipv4.vs.fullnat_fast_path=1
	fullnat "$1" FULLNAT-fast
	set_sysctl "$director" net.ipv4.vs.fullnat_fast_path=0
}

nat() {
	udp_service "$1" -m
	measure NAT "$1" "$(addr vip "$1")" "$(addr client_ip "$1")"
	ipvs -C
}

# What people do today for real servers that do not route through the director.
masquerade() {
	local own=10.0.1.1
	[ "$1" = 4 ] || own=2001:db8:1::1
	set_sysctl "$director" net.ipv4.vs.conntrack=1
	in_ns "$director" nft -f - <<-END
		table inet masq {
			chain post {
				type nat hook postrouting priority srcnat;
				oifname "rs1" masquerade
			}
		}
	END
	udp_service "$1" -m
	measure NAT+masquerade "$1" "$(addr vip "$1")" $own
	ipvs -C
	in_ns "$director" nft delete table inet masq
	set_sysctl "$director" net.ipv4.vs.conntrack=0
}

routing() {
	measure routing "$1" "$(addr rs1_ip "$1")" "$(addr client_ip "$1")"
}

flowtable() {
	in_ns "$director" nft -f - <<-END
		table inet fast {
			flowtable f {
				hook ingress priority 0; devices = { cl, rs1 };
			}
			chain forward {
				type filter hook forward priority 0;
				meta l4proto udp flow add @f
			}
		}
	END
	measure flowtable "$1" "$(addr rs1_ip "$1")" "$(addr client_ip "$1")"
	in_ns "$director" nft delete table inet fast
}

count_arrivals "$rs1" udp
count_arrivals "$client" udp
for family in 4 6; do
	for side in dropped routing flowtable nat fullnat fast masquerade; do
		port=$((port + 1))
		$side $family
	done
done
# Shares are of what is above a packet that was dropped at once.
awk '{ mean = ($3 + $4) / 2 }
	$1 == "dropped" { base = mean; printf "# %-15s %4s %8s %8s %8s\n", "IPv" $2, "", "forward", "reply", "mean" }
	{ own = mean - base }
	$1 == "routing" { routing = own }
	$1 == "nat" || $1 == "NAT" { nat = own }
	{ printf "# %-15s %4s %8d %8d %8d", $1, "", $3, $4, mean }
	own && routing { printf "  %.2f of routing", own / routing }
	own && nat { printf "  %.2f of NAT", own / nat }
	{ print "" }' "$table"

# share SIDE OTHER FAMILY: percent, rounded up, of what is above a packet that was
# dropped.
share() {
	awk -v side="$1" -v other="$2" -v family="$3" '$2 == family { own[$1] = ($3 + $4) / 2 }
		END { printf "%d\n", 0.9999 + 100 * (own[side] - own["dropped"]) / (own[other] - own["dropped"]) }' "$table"
}
for family in 4 6; do
	expect_within "IPv$family: FULLNAT costs no more than NAT" 1 100 "$(share FULLNAT NAT $family)"
	expect_within "IPv$family: nor than 80 % of NAT and masquerading" 1 80 "$(share FULLNAT NAT+masquerade $family)"
	expect_within "IPv$family: the fast path costs no more than routing" 1 100 "$(share FULLNAT-fast routing $family)"
done
