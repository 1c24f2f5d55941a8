# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Timing ipvsadm-go beside ipvsadm 1.31. A figure is the median of the ratios of
# pairs of runs, one tool right behind the other: the machine's load may change
# by a multiple within a minute, but hardly from one run to the next, and a pair
# that it hits all the same does not move the median. Where it would be too much
# there are as many pairs again, twice at most, and the median is that of all.
# shellcheck disable=SC2154 # lib.sh's variables

speed_pairs=5
speed_table=$lab_tmp/table

# speed_services N: lines for -R of N services with two real servers each.
speed_services() {
	local i vip
	for ((i = 0; i < $1; i++)); do
		vip=10.$((i / 65536)).$((i / 256 % 256)).$((i % 256)):80
		printf '%s\n' "-A -t $vip -s rr" "-a -t $vip -r 172.16.0.1:80 -m -w 1" \
			"-a -t $vip -r 172.16.0.2:80 -m -w 1"
	done >"$speed_table"
}

# median NUMBER...
median() { printf '%s\n' "$@" | sort -n | sed -n "$(($# / 2 + 1))p"; }

# took COMMAND...: microseconds that it takes.
took() {
	local start=${EPOCHREALTIME/./}
	"$@"
	echo $((${EPOCHREALTIME/./} - start))
}

# with_table TOOL ARGS...: the tool in $speed_ns with the table on its standard
# input; its output goes to $lab_tmp/TOOL.
with_table() { in_ns "$speed_ns" "$@" <"$speed_table" >"$lab_tmp/$1"; }

# no_services: ip_vs has no more users than when race_tables began. Each service
# is one, also while its namespace dies.
no_services() { [ "$(</sys/module/ip_vs/refcnt)" -le "$speed_users" ]; }

# empty_namespace: a new $speed_ns, when nothing is left of the one before. To
# flush the table would not do: the kernel keeps real servers that were deleted
# for two minutes more, and searches them for each one that is added, which takes
# many times as long as all the rest and hits the tool that comes second.
empty_namespace() {
	end_namespace
	setup_ns speed_ns
}

end_namespace() {
	[ -n "${speed_ns:-}" ] || return 0
	ip netns del "$speed_ns"
	speed_ns=
	wait_until 300 no_services
}

# race WHAT BOUND RESET COMMAND ARGS...: COMMAND TOOL ARGS for both tools in turns,
# each behind RESET, which is not timed. Our time may be BOUND percent of stock's.
race() {
	local what=$1 bound=$2 reset=$3 command=$4 pair t
	local -a stock=() ours=() ratios=()
	shift 4
	for ((pair = 0; pair < 3 * speed_pairs; pair++)); do
		if ((pair && pair % speed_pairs == 0)) && [ "$(median "${ratios[@]}")" -le "$bound" ]; then break; fi
		$reset
		t=$(took "$command" ipvsadm "$@")
		stock+=("$t")
		$reset
		t=$(took "$command" ipvsadm-go "$@")
		ours+=("$t")
		ratios+=($((t * 100 / stock[pair])))
	done
	echo "# $what: stock $(median "${stock[@]}") us, ours $(median "${ours[@]}") us, pairs: ${ratios[*]} %"
	figure tool ipvsadm - "${what// /-}" us "$(median "${stock[@]}")"
	figure tool ipvsadm-go - "${what// /-}" us "$(median "${ours[@]}")"
	expect_within "$what takes at most $bound % of stock's time: $(median "${ratios[@]}") %" 0 "$bound" "$(median "${ratios[@]}")"
}

# race_tables WHAT...: restore of $speed_table, then each WHAT ("NAME ARGS"), none
# slower than stock's, with the same result.
race_tables() {
	local what
	modprobe ip_vs_rr # a user, too
	speed_users=$(</sys/module/ip_vs/refcnt)
	race restore 100 empty_namespace with_table -R
	with_table ipvsadm -Sn
	expect_eq "the table is as it was meant" "$(sort "$speed_table" | sha256sum)" "$(sort "$lab_tmp/ipvsadm" | sha256sum)"
	for what in "$@"; do
		# shellcheck disable=SC2086 # words
		race "${what%% *}" 100 true with_table ${what#* }
		check "${what%% *} prints the same" cmp "$lab_tmp/ipvsadm" "$lab_tmp/ipvsadm-go"
	done
	end_namespace
}
