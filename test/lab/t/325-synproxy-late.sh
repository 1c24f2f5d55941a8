# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# SYNPROXY: cookies that are too old, from clients and from those who have seen
# one. The machine's clock counts instructions and does not wait, so that minutes
# pass in no time.
# qemu: -accel tcg -icount shift=0,sleep=off -smp 1
# once: oldest
# timeout: 6000

# shellcheck source=test/lab/lib-synproxy.sh
. /lab/lib-synproxy.sh
setup_lab
setup_script
serve_everywhere

for family in 4 6; do
	synproxied $family
	for options in mss1460,sack,ts,ws7 mss1460; do
		port=$((21000 + ${#options}))
		what="IPv$family, $options"
		expect_counter_delta "$what: a cookie is good for a minute" "$director" synproxy_ok_ack 1 \
			script $family $port "syn=$options" synack wait=50s ack "$page" "$page_end" fin
		expect_counter_delta "$what: and not for three" "$director" synproxy_bad_ack 1 \
			script $family $((port + 1)) "syn=$options" synack wait=190s ack wait=50ms
		# The connection is gone, as its timeouts are over; so is the cookie.
		ipvs --set 5 5 5
		expect_counter_delta "$what: an ACK that is replayed late is refused" "$director" synproxy_ok_ack 1 \
			script $family $((port + 2)) "syn=$options" synack ack "$page" "$page_end" fin wait=190s replay wait=50ms
		ipvs --set 900 120 300
	done
	expect_match "IPv$family: nothing is left of them" '^0$' "$(in_ns "$director" sed 1d /proc/net/ip_vs_conn | grep -c . || true)"
	ipvs -C
done
