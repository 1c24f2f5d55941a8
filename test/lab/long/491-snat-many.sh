# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# 100 000 connections at once from two machines of one zone to one destination,
# over two local addresses: each is served, -G counts them, and each local port
# is used once. Then 80 000 over one local address to two destinations, which is
# more than it has ports.
# qemu: -m 4096 -accel tcg -icount shift=0,sleep=off -smp 1
# timeout: 6000

. /lab/lib-snat.sh
setup_snat_lab
each=50000
ulimit -n 262144
for ns in "$in1" "$in2" "$out"; do
	set_sysctl "$ns" net.ipv4.ip_local_port_range="1024 65535" net.core.somaxconn=65535 \
		net.ipv4.tcp_max_syn_backlog=65535 net.ipv4.tcp_orphan_retries=1
done
mkdir -p /var/log/nginx /var/lib/nginx
cat >"$lab_tmp/nginx.conf" <<-END
	daemon off; master_process off; error_log stderr; pid $lab_tmp/nginx.pid;
	worker_rlimit_nofile 262144;
	events { worker_connections 131072; }
	http {
		access_log off; keepalive_timeout 3600s; keepalive_requests 1000000;
		server { listen 80 backlog=65535; listen [::]:80 backlog=65535; location / { return 200 "out \$remote_addr\n"; } }
	}
END
start_in "$out" nginx nginx -c "$lab_tmp/nginx.conf"
wait_until 10 in_ns "$out" labnet conns -n 1 -request 127.0.0.1:80
ipvs -A -t 0.0.0.0:0 -s rr
ipvs -A -t '[::]:0' -s rr
declare -A zone_of=([4]=10.0.0.0/8 [6]=2001:db8:10::/44) bits=([4]=24 [6]=64)
declare -A second=([4]=192.0.2.20 [6]=2001:db8:c::20)

# begin FAMILY N COUNT SERVER: machine N opens so many, each from the next port:
# to look for a free one takes longer than all the rest, once half are taken.
begin() {
	local ns=in$2
	start_in "${!ns}" "many$2" labnet conns -bind "$(host "$(in_ip "$2" "$1")"):10000" -n "$3" -parallel 100 \
		-request -reset -timeout 60s -hold 1h "$(host "$4"):80"
}

# served FAMILY COUNT: each of both machines has so many.
served() {
	local n
	for n in 1 2; do wait_log many$n '"opened":' 700; done
	for n in 1 2; do
		expect_match "IPv$1: machine $n has $2 connections, each was served" "\"opened\":$2,\"failed\":0" "$(cat "$lab_tmp/many$n.log")"
	done
}

# peers FAMILY: how many the servers have.
peers() {
	in_ns "$out" ss "-$1" -tnH state established sport = :80 | awk '{ print $4, $3 }' | sort -u | wc -l
}

no_peers() { [ "$(peers "$1")" -eq 0 ]; }

# end FAMILY: of all of them. Behind a drain no RST would find its flow.
end() {
	local n
	for n in 1 2; do stop many$n || true; done
	poll_until 60 "IPv$1: the servers are told that all are gone" no_peers "$1"
	ipvs --drain
	poll_until 60 "IPv$1: all are given back" flows_done
}

for family in 4 6; do
	zone=${zone_of[$family]}
	ipvs -K --zone "$zone"
	for n in 1 2; do ipvs -U --zone "$zone" -z "$(lip $n $family)"; done
	before=$EPOCHSECONDS refused=$(counter "$director" snat_no_port)
	for n in 1 2; do begin $family $n $each "$(addr out_ip $family)"; done
	served $family $each
	echo "# IPv$family: $((EPOCHSECONDS - before)) s"
	for n in 1 2; do
		held=$(zone_conns "$zone" "$(lip $n $family)")
		echo "# IPv$family: $(lip $n $family) has $held"
		expect_within "IPv$family: -G: local address $n has its share" $((each * 9 / 10)) $((each * 11 / 10)) "$held"
	done
	expect_eq "IPv$family: -G counts all of them" $((each * 2)) \
		$(($(zone_conns "$zone" "$(lip 1 $family)") + $(zone_conns "$zone" "$(lip 2 $family)")))
	expect_eq "IPv$family: no port was missing" 0 $(($(counter "$director" snat_no_port) - refused))
	expect_eq "IPv$family: no local address and port is used twice" $((each * 2)) \
		"$(in_ns "$director" sed 1d /proc/net/ip_vs_fullnat_conn | awk '{ print $4 }' | sort -u | wc -l)"
	expect_eq "IPv$family: the server has as many peers" $((each * 2)) "$(peers $family)"
	end $family
	expect_eq "IPv$family: -G counts none" "0 0" "$(zone_conns "$zone" "$(lip 1 $family)") $(zone_conns "$zone" "$(lip 2 $family)")"

	ipvs -W --zone "$zone" -z "$(lip 2 $family)"
	ipvs -W --zone "$zone" -z "$(lip 1 $family)"
	ipvs -U --zone "$zone" -z "$(lip 1 $family)"
	set_addresses "$out" eth0 "${second[$family]}/${bits[$family]}"
	begin $family 1 40000 "$(addr out_ip $family)"
	begin $family 2 40000 "${second[$family]}"
	served $family 40000
	expect_eq "IPv$family: one local address has all of them" 80000 "$(zone_conns "$zone" "$(lip 1 $family)")"
	expect_eq "IPv$family: and the servers have as many peers" 80000 "$(peers $family)"
	expect_eq "IPv$family: again no port was missing" 0 $(($(counter "$director" snat_no_port) - refused))
	end $family
	ipvs -V --zone "$zone"
done
