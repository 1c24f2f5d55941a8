# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# modules: toa
# qemu: -accel tcg,thread=single -smp 2
# edge: yes
# timeout: 300
# Loading, unloading and what ends meanwhile: at any time, under traffic, with
# connections open; namespaces that die; draining; hooks that are taken away.

test_live() {
	[ "$(toa_live)" -ge "$1" ] || return 1
	[ "$1" -gt 0 ] || [ "$(toa_live)" -eq 0 ]
}

# test_told: connections have become known since it was loaded. The module is
# asked without a process, which would take as long as loading it does.
test_told() {
	local name counts
	if by bpf; then
		[ "$(toa_counter syn_recv_sock_toa)" -gt 0 ]
		return
	fi
	while read -r name counts; do
		if [[ $name = syn_recv_sock_toa* ]]; then break; fi
	done <"/proc/${lab_pid[answer-7004]}/net/toa_stats"
	[[ $counts = *[1-9]* ]]
}

# conns_are N: so many are known in rs1.
conns_are() {
	[ "$(toa_conns | wc -l)" -eq "$1" ]
}

# half_open 4|6 PORT STEP...: a client that does not complete the handshake.
half_open() {
	local family=$1 port=$2
	shift 2
	in_ns "$client" labnet script -tun script0 "$(script_ip "$family"):$port" "$(rs 1 "$family" 80)" \
		syn=mss1460 synack "$@"
}

# kernel_memory: KiB that the kernel has for itself, and those of it in slabs.
kernel_memory() {
	awk '{ v[$1] = $2 }
		END { print v["MemTotal:"] - v["MemFree:"] - v["Buffers:"] - v["Cached:"] - v["AnonPages:"] - v["SReclaimable:"],
			v["SUnreclaim:"] }' /proc/meminfo
}

# middle NUMBER...: the median.
middle() {
	printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"
}

# look_at_memory: from the rounds on in which nothing is made for the first time.
look_at_memory() {
	local now in_slabs
	read -r now in_slabs < <(kernel_memory)
	echo "# after $i rounds, $((SECONDS - start)) s: the kernel has $now KiB, in slabs $in_slabs KiB"
	[ "$i" -lt 50 ] || all+=("$now") slabs+=("$in_slabs")
}

# lost NUMBER...: how much more the second half of a run has than the first: what
# the kernel keeps for later comes and goes by megabytes.
lost() {
	echo $(($(middle "${@:$# / 2 + 1}") - $(middle "${@:1:$# / 2}")))
}

# As many rounds as they are, and connections as fast as they go or (a long run)
# one in so long.
rounds=${TOA_ROUNDS:-4} pace=${TOA_PACE:-0}
all=() slabs=()
setup_insert
insert "$(toa_option 4)"
answer 7004
serve "$rs1" rs1

# Connections that stay while the module goes and comes.
start_in "$client" keep labnet keep -n 5 -interval "${TOA_KEEP:-100ms}" -timeout 30s "$(rs 1 4 80)"
poll_until 10 "connections are known" test_live 5
start_in "$client" load labnet sockask -for 5h -parallel 4 -pace "$pace" "$rs1_ip4:7004"
start=$SECONDS
for ((i = 0; i < rounds; i++)); do
	[ $((i % 50)) -ne 0 ] || look_at_memory
	toa_unload
	toa_load
	# Each round has connections that are known.
	wait_until 20 test_told
done
ok "unloaded and loaded $rounds times under traffic"
stop load || true
report=$(cat "$lab_tmp/load.log")
echo "# $report"
look_at_memory
if [ "$rounds" -ge 500 ]; then
	# The module itself has a dozen pages and more.
	expect_within "no two pages are lost in a round: $(lost "${all[@]}") KiB in $((rounds / 2))" \
		-1000000 $((8 * rounds / 2)) "$(lost "${all[@]}")"
	expect_within "nor half a KiB of slabs: $(lost "${slabs[@]}") KiB" \
		-1000000 $((rounds / 4)) "$(lost "${slabs[@]}")"
fi
expect_eq "no connection failed" 0 "$(ask_field failed "$report")"
expect_eq "none has another's client" 0 "$(ask_field wrong "$report")"
expect_within "and some were told" 1 1000000 "$(ask_field told "$report")"
expect_told "afterwards all are" "$told_ip4" "$(ask 4 7004)"
expect_kept "connections from before go on" keep

# Drain: who is known stays known, nobody new is.
wait_until 10 toa_nothing_left
start_in "$client" hold labnet conns -n 4 -request -hold 600s "$(rs 1 4 80)"
wait_log hold '"opened":4'
toa_set enable=2
expect_wire "a drained namespace learns nothing" "$client_ip4" "$(ask 4 7004)"
expect_eq "and forgets nothing" 4 "$(toa_conns | wc -l)"
toa_set enable=1
if by module; then
	echo 1 >/sys/module/toa/parameters/drain
	expect_wire "nor does a drained module" "$client_ip4" "$(ask 4 7004)"
	expect_eq "nothing is forgotten there either" 4 "$(toa_live)"
	echo 0 >/sys/module/toa/parameters/drain
fi
stop hold || true
poll_until 10 "then it is empty" toa_nothing_left

# Sockets end in other ways than by close(): by RST, unaccepted, with the process.
in_ns "$client" labnet conns -n 20 -reset "$(rs 1 4 80)" >/dev/null
poll_until 10 "ended by RST" toa_nothing_left
start_in "$client" hold labnet conns -n 10 -request -hold 600s "$(rs 1 4 80)"
wait_log hold '"opened":10'
stop "serve-rs1" KILL || true
stop hold || true
poll_until 10 "ended with the server" toa_nothing_left

# Or with the server, without its having accepted them.
serve "$rs1" rs1
kill -s STOP "${lab_pid[serve-rs1]}"
before=$(toa_counter toa_entry_free)
start_in "$client" hold labnet conns -n 10 -hold 600s "$(rs 1 4 80)"
wait_log hold '"opened":10'
poll_until 10 "connections that nobody has accepted are known" conns_are 10
stop "serve-rs1" KILL || true
poll_until 10 "and end with the listener" toa_nothing_left
expect_eq "as is counted" 10 "$(($(toa_counter toa_entry_free) - before))"
stop hold || true

# What is kept of a SYN is given back when no connection comes of it.
if by module; then
	# shellcheck source=test/lab/lib-synproxy.sh
	. /lab/lib-synproxy.sh
	setup_script
	set_routes "$rs1" 10.0.1.1 2001:db8:1::1 "$script_net4" "$script_net6"
	before=$(toa_counter toa_entry_alloc)
	for family in 4 6; do
		serve "$rs1" rs1
		insert "$(toa_option $family)"
		expect_toa_delta "IPv$family: a SYN's option is kept" toa_syn_kept 1 half_open $family 20001 rst
		poll_until 10 "IPv$family: until the client sends RST" toa_nothing_left
		set_sysctl "$rs1" net.ipv4.tcp_synack_retries=0
		expect_toa_delta "IPv$family: another one" toa_syn_kept 1 half_open $family 20002
		poll_until 10 "IPv$family: until there was no answer for long" toa_nothing_left
		set_sysctl "$rs1" net.ipv4.tcp_synack_retries=5
		for port in 20003 20004 20005; do
			half_open $family $port >/dev/null
		done
		expect_eq "IPv$family: others" 3 "$(($(toa_counter toa_syn_kept) - $(toa_counter toa_syn_done)))"
		stop "serve-rs1" KILL || true
		poll_until 10 "IPv$family: until nobody listens any more" toa_nothing_left
	done
	expect_eq "and no connection came of them" "$before" "$(toa_counter toa_entry_alloc)"
	insert "$(toa_option 4)"
fi

# A namespace dies with its connections. The client's end by RST: it would wait
# long for an answer to its FIN.
serve "$rs1" rs1
start_in "$client" hold labnet conns -n 10 -reset -request -hold 600s "$(rs 1 4 80)"
wait_log hold '"opened":10'
stop "serve-rs1" KILL || true
ip netns pids "$rs1" | xargs -r kill -9
ip netns del "$rs1"
poll_until 20 "nothing is left when a namespace dies" test_live 0
stop hold || true
