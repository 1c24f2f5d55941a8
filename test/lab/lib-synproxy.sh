# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Clients whose every segment a scene decides: "labnet script" behind a TUN
# device of the client's namespace, which forwards for them.
# shellcheck disable=SC2154,SC2034 # lib.sh's variables, and those for scenes

script_net4=198.18.0.0/16 script_net6=2001:db8:5::/48

# setup_script: behind setup_lab.
setup_script() {
	give_up_soon "$client" "$rs1" "$rs2"
	modprobe tun
	in_ns "$client" ip tuntap add dev script0 mode tun multi_queue
	in_ns "$client" ip link set script0 up
	forward_in "$client"
	in_ns "$client" ip route add "$script_net4" dev script0
	in_ns "$client" ip -6 route add "$script_net6" dev script0
	set_routes "$director" "$client_ip4" "$client_ip6" "$script_net4" "$script_net6"
	set_sysctl "$client" net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.script0.rp_filter=0
	# A SYN that is not our client's gets no answer of the host's own.
	set_sysctl "$client" net.ipv4.conf.all.send_redirects=0
}

# script_ip 4|6: a client's address.
script_ip() {
	case $1 in
	4) echo 198.18.0.5 ;;
	6) echo '[2001:db8:5::5]' ;;
	esac
}

# script FAMILY PORT STEP...: a client on that port of its own talks to the
# service on port 80.
script() {
	local family=$1 port=$2
	shift 2
	# On one CPU: segments do not overtake each other.
	in_ns "$client" taskset 1 labnet script -tun script0 "$(script_ip "$family"):$port" "$(svc "$family" 80)" "$@"
}

# has_moved NAME BEFORE N: the counter has grown by N; sets moved.
has_moved() {
	moved=$(($(counter "$director" "$1") - $2))
	[ $moved -ge "$3" ]
}

# moves DESCRIPTION COUNTER DELTA FAMILY PORT STEP...: as expect_counter_delta, of
# a script, whose last segment may still be on its way when it ends.
moves() {
	local what="IPv$4: $1" name=$2 want=$3 before out moved
	shift 3
	before=$(counter "$director" "$name")
	if ! out=$(script "$@" 2>&1); then
		not_ok "$what" "script $*" "$out"
		return
	fi
	wait_until 5 has_moved "$name" "$before" "${want#>=}" || true
	case $want in
	'>='*) expect_within "$what" "${want#>=}" 1000000 "$moved" ;;
	*) expect_eq "$what" "$want" "$moved" ;;
	esac
}

# The page of labnet serve, asked for, and how its answer ends.
page='data=GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
page_end='get=peer='

# synproxied FAMILY [ARGS of -A]: the service on port 80, with rs1 only.
synproxied() {
	local family=$1 vip
	shift
	vip=$(svc "$family" 80)
	ipvs -R <<-END
		-A -t $vip -s rr -j enable $*
		-a -t $vip -r $(rs 1 "$family" 80) -b
		-P -t $vip -z $(lip 1 "$family")
	END
}

# synproxy_set NAME=VALUE...: settings, without their common beginning.
synproxy_set() {
	local setting
	for setting in "$@"; do set_sysctl "$director" "net.ipv4.vs.synproxy_$setting"; done
}
