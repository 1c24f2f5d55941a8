# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Allocations that fail, one that is chosen or at random: the kernel's failslab,
# which the debug kernel has. It looks at the stack: only what certain code asks
# for, itself or through what it calls, is counted and fails. Sourced by scenes.

faults=/sys/kernel/debug/failslab
# How many allocations the kernel has counted; it has no way to set that back.
faults_counted=0

# faults_setup: nothing fails so far.
faults_setup() {
	check "this kernel lets allocations fail" test -e "$faults/probability"
	echo 0 >"$faults/probability"
	echo 0 >"$faults/verbose"
	echo N >"$faults/ignore-gfp-wait"
	# The end of the run looks for leaks; by itself it does so all the time.
	[ ! -e /sys/kernel/debug/kmemleak ] || echo scan=off >/sys/kernel/debug/kmemleak
}

# faults_of FIRST LAST: addresses of code, in hexadecimal; DEPTH is how many
# callers are looked at.
faults_of() {
	echo "0x$1" >"$faults/require-start"
	echo "0x$2" >"$faults/require-end"
	echo "${3:-32}" >"$faults/stacktrace-depth"
}

# faults_of_module NAME [DEPTH]
faults_of_module() {
	local -a text
	mapfile -t text <<<"$(awk -v m="[$1]" '$4 == m && tolower($2) == "t" { print $1 }' /proc/kallsyms | sort)"
	# The last function is in it, too.
	faults_of "${text[0]}" "$(printf %x $((16#${text[-1]} + 4096)))" "${2:-32}"
	# So many that has_failed can tell a round from a rest.
	if [ $faults_counted -lt 500 ]; then
		fail_next 500
		use_up
	fi
}

# faults_of_loading: what a module's init function asks for.
faults_of_loading() {
	local -a text
	mapfile -t text <<<"$(awk '!$4 && tolower($2) == "t" { print $1, $3 }' /proc/kallsyms | sort |
		awk 'seen && $1 != seen { print $1; exit } $2 == "do_one_initcall" { seen = $1; print $1 }')"
	faults_of "${text[0]}" "${text[1]}"
}

# fail_some PERCENT: at random, until fail_none.
fail_some() {
	echo 1 >"$faults/interval"
	echo -1 >"$faults/times"
	echo "$1" >"$faults/probability"
}

fail_none() {
	echo 0 >"$faults/probability"
}

# fail_next N: the Nth from now on, and no other.
fail_next() {
	# Every interval-th fails; an interval of 1 is not counted.
	local interval=$((faults_counted + $1))
	[ $interval -eq 1 ] || faults_counted=$interval
	echo $interval >"$faults/interval"
	echo 1 >"$faults/times"
	echo 100 >"$faults/probability"
}

# use_up: asks for what is left to the one of fail_next; sets asked, how often.
use_up() {
	asked=0
	echo 100 >"$faults/probability"
	while [ "$(<"$faults/times")" -ne 0 ]; do
		if [ $((asked++)) -ge 5000 ]; then
			not_ok "allocations of the module are seen" "$(grep . "$faults"/*)"
			exit 1
		fi
		cat /proc/net/ip_vs_fullnat_conn /proc/net/toa_conn >/dev/null 2>&1 || true
	done
	fail_none
}

# has_failed: the one of fail_next. If not, those that are left to it are used up,
# so that faults_counted is right. If they are many the kernel has counted one of
# somebody else's, such as a segment's that was sent again late, and has gone round:
# then fails_again is set.
has_failed() {
	local asked
	fails_again=
	fail_none
	[ "$(<"$faults/times")" -ne 0 ] || return 0
	use_up
	if [ "$asked" -gt 100 ]; then
		faults_counted=$((2 * faults_counted))
		fails_again=1
	fi
	return 1
}

# More than that are no end.
fail_limit=300

# fail_each ACT FAILED JUDGE: calls "ACT N" for N from 1 on, until FAILED says that
# there was no Nth allocation to fail; JUDGE behind each that there was. Sets
# fail_steps to how many.
fail_each() {
	fail_steps=0 fails_again=
	while "$1" $((fail_steps + 1)); do
		if ! "$2"; then
			[ -z "$fails_again" ] || continue
			return 0
		fi
		fail_steps=$((fail_steps + 1))
		"$3"
		[ $((fail_steps % 10)) -ne 0 ] || echo "# $fail_steps so far"
		if [ $fail_steps -ge $fail_limit ]; then
			echo "# no end of what $1 asks for"
			return 1
		fi
	done
}

# said_memory TEXT: the reason is one that the want of memory has. A socket without
# an inode is one file too many to the kernel (sock_alloc() in net/socket.c).
said_memory() {
	grep -qiE 'memory|buffer space|open files in system' <<<"$1"
}

# fail_program WHAT UNDO COMMAND...: each allocation that the command, a program
# with one thread, asks for itself. It is to say that there is no memory, or to
# succeed, which UNDO takes back but for the last time, with memory.
fail_program() {
	local what=$1 undo=$2 out status refused=0 tolerated=0 odd=
	shift 2
	program=("$@")
	fail_each program_runs program_failed program_judged
	echo "# $what: $refused of $fail_steps allocations made it fail, $tolerated did not matter"
	expect_eq "$what fails by nothing but the want of memory" "" "$odd"
	expect_within "$what: each allocation was tried" 1 $((fail_limit - 1)) $fail_steps
	expect_eq "$what, with memory" 0 "$status"
}

program_runs() {
	fail_none
	echo 1 >"$faults/times"
	# shellcheck disable=SC2016 # for the shell that becomes the command
	out=$(bash -c 'echo "$0" >/proc/thread-self/fail-nth; exec "$@"' "$1" "${program[@]}" 2>&1) && status=0 || status=$?
}

program_failed() {
	[ "$(<"$faults/times")" -eq 0 ]
}

program_judged() {
	if [ "$status" -eq 0 ]; then
		tolerated=$((tolerated + 1))
		# shellcheck disable=SC2086 # words of a command
		$undo
	else
		refused=$((refused + 1))
		said_memory "$out" || odd+="$fail_steps: $out"$'\n'
	fi
}

# fail_loading MODULE: of its init function; it is loaded then. fail_births: of the
# birth of a namespace, what faults_of_module says.
fail_loading() {
	faults_of_loading
	fail_program "loading $1" "rmmod $1" insmod "$(modinfo -n "$1")"
}

fail_births() {
	fail_program "a namespace" "ip netns del faults" ip netns add faults
	ip netns del faults
}
