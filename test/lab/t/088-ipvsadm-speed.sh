# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# ipvsadm-go beside ipvsadm 1.31: restore, save and list of many services, and
# the time of a single command, measured in turns.
# modules: ip_vs
# timeout: 600

services=${SPEED_SERVICES:-1000}
table=$lab_tmp/table # two real servers for each service
for ((i = 0; i < services; i++)); do
	vip=10.$((i / 65536)).$((i / 256 % 256)).$((i % 256)):80
	printf '%s\n' "-A -t $vip -s rr" "-a -t $vip -r 172.16.0.1:80 -m -w 1" \
		"-a -t $vip -r 172.16.0.2:80 -m -w 1"
done >"$table"

# took TOOL ARGS...: microseconds that a command takes; its output to $lab_tmp/TOOL.
took() {
	local start=${EPOCHREALTIME/./}
	"$@" >"$lab_tmp/$1" <"$table"
	echo $((${EPOCHREALTIME/./} - start))
}

# race WHAT ARGS...: both tools in turns, three times; sums in stock and ours.
race() {
	local what=$1
	shift
	stock=0 ours=0
	for _ in 1 2 3; do
		[ "$what" != restore ] || ipvsadm -C
		stock=$((stock + $(took ipvsadm "$@")))
		[ "$what" != restore ] || ipvsadm -C
		ours=$((ours + $(took ipvsadm-go "$@")))
	done
	echo "# $what: stock $((stock / 3)) us, ours $((ours / 3)) us, ratio $((ours * 100 / stock)) %"
}

race restore -R
check "$services services: restore is no slower than stock's" test "$ours" -le "$stock"
expect_eq "the table is as it was meant" "$(sort "$table" | sha256sum)" "$(ipvsadm -Sn | sort | sha256sum)"
for what in "save -Sn" "list -Ln" "stats -Ln --stats"; do
	# shellcheck disable=SC2086 # words
	race $what
	check "${what%% *} is no slower than stock's" test "$ours" -le "$stock"
	check "${what%% *} prints the same" cmp "$lab_tmp/ipvsadm" "$lab_tmp/ipvsadm-go"
done
ipvsadm -C
ipvsadm -A -t 10.0.0.1:80

# one TOOL: microseconds of ten single changes.
one() {
	local start=${EPOCHREALTIME/./} i
	for ((i = 0; i < 10; i++)); do
		"$1" -E -t 10.0.0.1:80 -s rr
	done
	echo $((${EPOCHREALTIME/./} - start))
}
stock=0 ours=0
for _ in 1 2 3; do
	stock=$((stock + $(one ipvsadm)))
	ours=$((ours + $(one ipvsadm-go)))
done
echo "# a single change: stock $((stock / 30)) us, ours $((ours / 30)) us, ratio $((ours * 100 / stock)) %"
check "single changes leave the service" ipvsadm -Ln -t 10.0.0.1:80
ipvsadm -C
