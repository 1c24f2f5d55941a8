# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What a forged SYN costs, and what becomes of real clients in a flood: SYNPROXY,
# the kernel's own nft synproxy on a router in front of the server, and FULLNAT
# without either, side by side. The machine's clock counts instructions: a
# nanosecond is one.
# qemu: -accel tcg -icount shift=0,sleep=off -smp 1
# timeout: 2400
# shellcheck disable=SC2154 # lib.sh's variables

packets=20000
setup_lab
serve_everywhere
declare -A forged=([4]=198.18.0.0/16 [6]=2001:db8:5::/48)
declare -A cost=() served=()
set_routes "$director" "$client_ip4" "$client_ip6" "${forged[4]}" "${forged[6]}"
# nft synproxy translates no address: the server routes by the director.
set_routes "$rs1" 10.0.1.1 2001:db8:1::1 default ::/0
in_ns "$client" nft -f - <<-END
	table inet hole {
		chain pre {
			type filter hook prerouting priority -300;
			ip daddr ${forged[4]} drop
			ip6 daddr ${forged[6]} drop
		}
	}
END

# syn_cost 4|6 TARGET: instructions per forged SYN, answer and all. A second run,
# for the first one of a kind has more to do.
syn_cost() {
	local _
	for _ in 1 2; do
		in_ns "$client" labnet flood -n "$packets" -from "${forged[$1]}" "$2"
	done | sed -n 's/.*"sent":\([0-9]*\),"seconds":\([0-9.]*\).*/\2 \1/p' | awk '{ c = $1 * 1e9 / $2 } END { printf "%d\n", c }'
}

# memory: KiB of the kernel's objects.
memory() {
	awk '$1 == "Slab:" || $1 == "PageTables:" { s += $2 } END { print s }' /proc/meminfo
}

# flooded SECONDS: so long has the flood gone on, or it has ended.
flooded() {
	[ $(($(date +%s) - flood_since)) -ge "$1" ]
}

# clients_in_flood TARGET: a thousand real clients, before a flood, whose memory
# is no part of what follows, and in it. Sets quiet and report; and in KiB what
# the flood alone takes, with the clients, and what is left behind it all.
clients_in_flood() {
	local before
	quiet=$(in_ns "$client" labnet conns -n 1000 -parallel 20 -request -timeout 10s "$1" 2>/dev/null) || true
	before=$(memory)
	start_in "$client" flood labnet flood -from "${forged[4]}" "$1"
	flood_since=$(date +%s)
	wait_until 20 flooded 2
	alone=$(($(memory) - before))
	report=$(in_ns "$client" labnet conns -n 1000 -parallel 20 -request -timeout 10s "$1" 2>/dev/null) || true
	during=$(($(memory) - before))
	stop flood || true
	after=$(($(memory) - before))
	in_flood=$(cat "$lab_tmp/flood.log")
}

# side NAME KEY 4|6 TARGET [clients]: what it costs and does, as it is set up now.
side() {
	local name=$1 key=$2 family=$3 target=$4
	check "IPv$family, $name: a client is served" in_ns "$client" labnet conns -n 1 -request "$target"
	cost[$key$family]=$(syn_cost "$family" "$target")
	above=$((${cost[$key$family]} - ${cost[drop$family]}))
	echo "# IPv$family, $name: $above instructions per forged SYN above a drop, $((1000000000 / above)) SYNs in 10^9 instructions"
	[ "${5:-}" = clients ] || return 0
	clients_in_flood "$target"
	served[$key]=$(field opened "$report")
	echo "# IPv$family, $name: clients without a flood: $quiet"
	echo "# IPv$family, $name: in the flood: $report; $in_flood"
	echo "# IPv$family, $name: memory, KiB: flood $alone, with clients $during, after $after"
}

for family in 4 6; do
	clients=clients
	[ $family = 4 ] || clients=
	in_ns "$director" nft -f - <<-END
		table inet early { chain pre { type filter hook prerouting priority -310; tcp dport 80 drop; }; }
	END
	cost[drop$family]=$(syn_cost $family "$(svc $family 80)")
	in_ns "$director" nft delete table inet early
	echo "# IPv$family, dropped at once: ${cost[drop$family]}"

	fullnat_service -t $family 80 -j enable
	side SYNPROXY ours $family "$(svc $family 80)" $clients
	ipvs -C

	in_ns "$director" nft -f - <<-END
		table inet sp {
			chain pre {
				type filter hook prerouting priority -300;
				tcp dport 80 tcp flags & (syn|ack) == syn notrack
			}
			chain f {
				type filter hook forward priority 0;
				tcp dport 80 ct state invalid,untracked synproxy mss 1440 wscale 7 timestamp sack-perm
				tcp dport 80 ct state invalid drop
			}
		}
	END
	set_sysctl "$director" net.netfilter.nf_conntrack_tcp_loose=0
	side "nft synproxy" nft $family "$(rs 1 $family 80)" $clients
	in_ns "$director" nft delete table inet sp

	fullnat_service -t $family 80
	side "no protection" none $family "$(svc $family 80)" $clients
	ipvs -C
	expect_within "IPv$family: a forged SYN costs less than with nft synproxy" \
		$((${cost[drop$family]} + 1)) $((${cost[nft$family]} - 1)) "${cost[ours$family]}"
done
expect_eq "all real clients are served in the flood" 1000 "${served[ours]}"
