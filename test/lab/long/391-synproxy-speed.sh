# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# 500 MB each way through a proxied service and through the same service without
# SYNPROXY, in turns, with a round trip long enough that windows matter; and
# 100 MB each way compared byte for byte. The machine's clock counts
# instructions, so that nothing but the code decides about the time.
# qemu: -accel tcg -icount shift=0,sleep=off -smp 1
# timeout: 3600
# shellcheck disable=SC2154 # lib.sh's variables

pairs=2
setup_lab
serve "$rs1" rs1
# Windows beyond what 16 bits say, and another scale than ours on either side.
for ns in "$client" "$rs1"; do
	set_sysctl "$ns" net.ipv4.tcp_rmem="4096 131072 16777216" net.ipv4.tcp_wmem="4096 65536 16777216"
done
in_ns "$client" tc qdisc add dev eth0 root netem delay 2500us limit 100000
in_ns "$director" tc qdisc add dev cl root netem delay 2500us limit 100000
start_in "$rs1" iperf iperf3 -s --forceflush -p 5201
wait_log iperf 'Server listening'

# one_server 4|6 VPORT PORT [ARGS of -A]
one_server() {
	local family=$1 vip port=$3
	vip=$(svc "$family" "$2")
	shift 3
	ipvs -R <<-END
		-A -t $vip -s rr $*
		-a -t $vip -r $(rs 1 "$family" "$port") -b
		-P -t $vip -z $(lip 1 "$family")
	END
}

# transfer 4|6 VPORT [-R]: milliseconds for 500 MB, as the receiver has them.
transfer() {
	local family=$1 port=$2
	shift 2
	wait_until 20 iperf_listens iperf
	in_ns "$client" iperf3 "-$family" -c "$(addr vip "$family")" -p "$port" -n 500M -J "$@" >"$lab_tmp/iperf.json"
	awk '/"sum_received"/ { on = 1 } on && /"seconds"/ { gsub(/[^0-9.]/, "", $2); s = $2 }
		on && /"bytes"/ { gsub(/[^0-9]/, "", $2); b = $2; exit }
		END { if (b < 500 * 1024 * 1024 * 0.99) exit 1; printf "%d\n", s * 1000 }' "$lab_tmp/iperf.json"
}

for family in 4 6; do
	one_server $family 5201 5201 -j enable
	one_server $family 5202 5201
	spliced=$(counter "$director" synproxy_spliced)
	for way in "" -R; do
		plain=0 proxied=0 list=
		for ((i = 0; i < pairs; i++)); do
			# shellcheck disable=SC2086 # an option or none
			a=$(transfer $family 5202 $way)
			# shellcheck disable=SC2086
			b=$(transfer $family 5201 $way)
			plain=$((plain + a)) proxied=$((proxied + b)) list+=" $a/$b"
		done
		what="IPv$family, 500 MB ${way:+down}$([ -n "$way" ] || echo up)"
		echo "# $what: without/with SYNPROXY, ms:$list; $((plain / pairs)) and $((proxied / pairs))," \
			"$((500 * 1048576 * 8 / (plain / pairs) / 1000)) and $((500 * 1048576 * 8 / (proxied / pairs) / 1000)) Mbit/s"
		expect_within "$what: within 5 % of the service without -j" 950 1050 $((proxied * 1000 / plain))
	done
	expect_eq "IPv$family: they were proxied" $((pairs * 2 * 2)) $(($(counter "$director" synproxy_spliced) - spliced))

	one_server $family 80 80 -j enable
	check "IPv$family: 100 MB each way, compared" in_ns "$client" labnet fetch -size 100M -timeout 600s "http://$(svc $family 80)"
	ipvs -C
done
