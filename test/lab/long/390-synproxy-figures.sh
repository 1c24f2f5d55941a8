# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What a forged SYN costs, and what becomes of real clients in a flood: SYNPROXY,
# the kernel's own nft synproxy in front of FULLNAT, and FULLNAT without either,
# side by side. The machine's clock counts instructions: a nanosecond is one.
# qemu: -accel tcg -icount shift=0,sleep=off -smp 1
# timeout: 1800
# shellcheck disable=SC2154 # lib.sh's variables

packets=20000
setup_lab
serve_everywhere
forged=198.18.0.0/16
set_routes "$director" "$client_ip4" "$client_ip6" "$forged"
in_ns "$client" nft -f - <<-END
	table inet hole { chain pre { type filter hook prerouting priority -300; ip daddr $forged drop; }; }
END

# cost: instructions per forged SYN, answer and all, from a raw socket.
cost() {
	in_ns "$client" labnet flood -n "$packets" -from $forged "$vip4:80" |
		sed -n 's/.*"sent":\([0-9]*\),"seconds":\([0-9.]*\).*/\2 \1/p' | awk '{ printf "%d\n", $1 * 1e9 / $2 }'
}

memory() {
	awk '$1 == "Slab:" || $1 == "PageTables:" { s += $2 } END { print s }' /proc/meminfo
}

# side NAME: everything about one of them, as it is set up now.
side() {
	local name=$1 syn before during
	cost >/dev/null
	syn=$(cost)
	before=$(memory)
	start_in "$client" flood labnet flood -from $forged "$vip4:80"
	in_ns "$client" labnet conns -n 1000 -parallel 20 -request -timeout 30s "$vip4:80" >"$lab_tmp/clients" 2>/dev/null || true
	during=$(memory)
	stop flood || true
	printf '# %-22s %6d instructions per SYN (%d above a drop), %d a second; memory KiB %+d during, %+d after; clients %s; flood %s\n' \
		"$name" "$syn" $((syn - floor)) $((1000000000 / syn)) $((during - before)) $(($(memory) - before)) \
		"$(cat "$lab_tmp/clients")" "$(cat "$lab_tmp/flood.log")"
	eval "cost_$2=$syn served_$2=$(sed -n 's/.*"opened":\([0-9]*\),.*/\1/p' "$lab_tmp/clients")"
}

in_ns "$director" nft -f - <<-END
	table inet early { chain pre { type filter hook prerouting priority -310; tcp dport 80 drop; }; }
END
floor=$(cost)
echo "# dropped in raw: $floor"
in_ns "$director" nft delete table inet early

fullnat_service -t 4 80 -j enable
side SYNPROXY ours
ipvs -E -t "$vip4:80" -s rr -j disable
in_ns "$director" nft -f - <<-END
	table inet sp {
		chain pre { type filter hook prerouting priority -300; tcp dport 80 tcp flags syn notrack; }
		chain in {
			type filter hook input priority 0;
			tcp dport 80 ct state invalid,untracked synproxy mss 1452 wscale 7 timestamp sack-perm
			tcp dport 80 ct state invalid drop
		}
	}
END
set_sysctl "$director" net.netfilter.nf_conntrack_tcp_loose=0
side "nft synproxy" nft
in_ns "$director" nft delete table inet sp
side "no protection" none
expect_within "a forged SYN costs less than with nft synproxy" "$floor" "$cost_nft" "$cost_ours"
expect_eq "all real clients are served" 1000 "$served_ours"
