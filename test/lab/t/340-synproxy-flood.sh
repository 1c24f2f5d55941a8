# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# SYNPROXY in a flood of forged SYNs: no real server sees one, real clients are
# served, and the director keeps nothing of it: neither memory nor neighbours nor
# tracked connections.
# timeout: 240
# once: oldest

# shellcheck source=test/lab/lib-synproxy.sh
. /lab/lib-synproxy.sh
setup_lab
setup_script
serve_everywhere
# Forged sources: on the client's wire, and behind it.
declare -A near=([4]=192.0.2.128/25 [6]=2001:db8:c::/64) far=([4]=198.18.0.0/16 [6]=2001:db8:5::/48)
clients=$([ "$LAB_SLOW" -gt 1 ] && echo 100 || echo 500)
# What answers to forged sources reaches is nobody.
in_ns "$client" nft -f - <<-END
	table inet hole { chain transit { type filter hook forward priority 0; policy drop; }; }
END
# Connections are tracked, and what is new is let in.
in_ns "$director" nft -f - <<-END
	table inet fw { chain in { type filter hook input priority 0; ct state invalid drop; accept; }; }
END

neighbours() {
	in_ns "$director" ip neigh show dev cl | wc -l
}

tracked() {
	in_ns "$director" cat /proc/sys/net/netfilter/nf_conntrack_count
}

# slab: KiB of the kernel's objects.
slab() {
	awk '$1 == "Slab:" { print $2 }' /proc/meminfo
}

# settled NAME: the counter has not moved since the last time; sets settled_at.
settled() {
	local before=$settled_at
	settled_at=$(counter "$director" "$1")
	[ "$settled_at" -eq "$before" ]
}

for family in 4 6; do
	vip=$(svc $family 80)
	synproxied $family
	for acks in "" -acks; do
		in_ns "$client" labnet flood -n 2000 $acks -from "${near[$family]}" "$vip" >/dev/null
	done
	before_slab=$(slab) before_neigh=$(neighbours) before_tracked=$(tracked)
	capture_start "$rs1" eth0 flood$family "tcp port 80 and tcp[tcpflags] & tcp-syn != 0 or ip6 proto 6"
	answered=$(counter "$director" synproxy_syn_cnt)
	start_in "$client" near$family labnet flood -from "${near[$family]}" "$vip"
	start_in "$client" far$family labnet flood -from "${far[$family]}" "$vip"
	# They make their packets first.
	wait_until 20 has_moved synproxy_syn_cnt "$answered" 1000
	answered=$(counter "$director" synproxy_syn_cnt)
	out=$(in_ns "$client" labnet conns -n "$clients" -parallel 20 -request -timeout $((20 * LAB_SLOW))s "$vip") || true
	during_slab=$(slab)
	stop near$family || true
	stop far$family || true
	expect_match "IPv$family: $clients real clients are served" "\"opened\":$clients,\"failed\":0" "$out"
	answers=$(($(counter "$director" synproxy_syn_cnt) - answered))
	echo "# answered: $answers, forged: $(cat "$lab_tmp/near$family.log" "$lab_tmp/far$family.log")"
	expect_within "IPv$family: the flood was one" $((clients * 4)) 1000000000 "$answers"

	capture_stop flood$family >"$lab_tmp/flood$family.txt"
	syns=$(grep -c 'Flags \[S\],' "$lab_tmp/flood$family.txt" || true)
	expect_within "IPv$family: the real server saw the real clients' SYNs" "$clients" $((clients * 2)) "$syns"
	expect_within "IPv$family: no neighbour is made for a forged source" 0 $((before_neigh + 4)) "$(neighbours)"
	expect_within "IPv$family: nor a tracked connection" 0 $((before_tracked + clients + 50)) "$(tracked)"
	echo "# slab KiB: before $before_slab, during $during_slab, after $(slab)"
	expect_within "IPv$family: memory is what the real clients need" 0 $((before_slab + 20000)) "$during_slab"

	# ACKs of cookies that were never given.
	refused=$(counter "$director" synproxy_bad_ack)
	in_ns "$client" labnet flood -n 3000 -acks -from "${far[$family]}" "$vip" >/dev/null
	settled_at=-1
	wait_until 10 settled synproxy_bad_ack
	expect_within "IPv$family: guessed cookies are refused" 2500 3000 $((settled_at - refused))
	check "IPv$family: the service is there" web $family
	ipvs -C
done
