# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What scenes (t/NN-name.sh), the demo and the interactive lab are written with.
#
#   client                director                        rs1, rs2
#   eth0 192.0.2.10 ----- cl 192.0.2.1                    |
#        2001:db8:c::10   |  vip4 198.51.100.10           |
#                         |  vip6 2001:db8:f::10          |
#                         |  lip4 10.0.0.1 ... .4         |
#                         |  lip6 2001:db8:a::1 ... ::4   |
#                         rs1 10.0.1.1 ------------------ eth0 10.0.1.11
#                         |   2001:db8:1::1               |    2001:db8:1::11
#                         rs2 10.0.2.1 ------------------ eth0 10.0.2.12
#                             2001:db8:2::1                    2001:db8:2::12
#
# Real servers have no default route: the only thing they can reach beyond their
# own wire is the local addresses. topology.md has the whole picture, also of
# the routed form.
#
# A scene is a bash script that calls setup_lab and then checks things with
# check, expect_eq, expect_counter_delta and their like, each of which prints
# one KTAP line. Its head may hold lines "# KEY: value":
#   modules     what to load: ip_vs_fullnat (the default), ip_vs, none
#   programs    of test/vm/programs.sh, beside what every scene has
#   timeout     in seconds, 60 by default
#   kmsg-allow  a regular expression for kernel messages that are expected
#   qemu, kernel-args   extra arguments; such a scene gets a boot of its own; with
#               a kernel's name behind it (qemu-7.2), for that one in place of these
#   once: oldest, once: newest
#               in "make test", on that stock kernel only
#   edge: yes   in "make test", also on the edge kernels

# The addresses live here and nowhere else. Scenes use the names.
# shellcheck disable=SC2034
client_ip4=192.0.2.10 client_ip6=2001:db8:c::10
client_net4=192.0.2.0/24 client_net6=2001:db8:c::/64
vip4=198.51.100.10 vip6=2001:db8:f::10
lip_net4=10.0.0.0/24 lip_net6=2001:db8:a::/64
lip4=10.0.0.1 lip6=2001:db8:a::1
rs1_ip4=10.0.1.11 rs2_ip4=10.0.2.12
rs1_ip6=2001:db8:1::11 rs2_ip6=2001:db8:2::12
raw_client_ip4=192.0.5.2 raw_client_ip6=2001:db8:c5::2
raw_server_ip4=10.0.7.2 raw_server_ip6=2001:db8:7::2

lab_tmp=$(mktemp -d /tmp/scene.XXXXXX)
lab_count=0
lab_failed=0
lab_namespaces=()
declare -A lab_pid=()

. "${BASH_SOURCE[0]%/*}/lib-topology.sh"
. "${BASH_SOURCE[0]%/*}/lib-fullnat.sh"
. "${BASH_SOURCE[0]%/*}/lib-toa.sh"

# --- results ---------------------------------------------------------------

ok() {
	lab_count=$((lab_count + 1))
	echo "ok $lab_count $*"
}

# not_ok DESCRIPTION [DETAIL...]: each detail is printed as a comment.
not_ok() {
	local line description=$1
	shift
	lab_count=$((lab_count + 1))
	echo "not ok $lab_count $description"
	[ $# -eq 0 ] || printf '%s\n' "$@" | sed 's/^/# /'
	# The state at the first failure tells most; later ones follow from it.
	if [ $lab_failed -eq 0 ]; then (trap - ERR; set +e; dump_state) | sed 's/^/#   /'; fi
	lab_failed=$((lab_failed + 1))
}

# skip DESCRIPTION: only need() calls it; the host refuses any other skip.
skip() {
	lab_count=$((lab_count + 1))
	echo "ok $lab_count $* # SKIP"
}

# need FEATURE: ends the scene when kernels.txt says that this kernel lacks the
# feature. A kernel that is not said to lack it has to have it.
need() {
	case ,${LAB_LACKS:-}, in
	*,"$1",*)
		skip "needs $1"
		exit 0
		;;
	esac
}

# has FEATURE: the same question, for a part of a scene.
has() {
	case ,${LAB_LACKS:-}, in *,"$1",*) return 1 ;; esac
}

# check DESCRIPTION COMMAND...: the command must succeed; shows its output if not.
check() {
	local description=$1 out status=0
	shift
	out=$("$@" 2>&1) || status=$?
	if [ $status -eq 0 ]; then
		ok "$description"
	else
		not_ok "$description" "command: $*" "exit status: $status" "$out"
	fi
}

# check_fails DESCRIPTION COMMAND...: the command must not succeed.
check_fails() {
	local description=$1 out
	shift
	if out=$("$@" 2>&1); then
		not_ok "$description" "should have failed: $*" "$out"
	else
		ok "$description"
	fi
}

# expect_eq DESCRIPTION EXPECTED ACTUAL
expect_eq() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "expected: $2" "     got: $3"
	fi
}

# expect_match DESCRIPTION REGEX TEXT: some line of TEXT matches.
expect_match() {
	if grep -Eq -- "$2" <<<"$3"; then
		ok "$1"
	else
		not_ok "$1" "expected a match of: $2" "in:" "$3"
	fi
}

# expect_no_match DESCRIPTION REGEX TEXT
expect_no_match() {
	if grep -Eq -- "$2" <<<"$3"; then
		not_ok "$1" "expected no match of: $2" "in:" "$3"
	else
		ok "$1"
	fi
}

# expect_within DESCRIPTION LOW HIGH ACTUAL: a number within bounds.
expect_within() {
	if [ "$4" -ge "$2" ] && [ "$4" -le "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "expected: $2 to $3" "     got: $4"
	fi
}

# figure CASE SIDE FAMILY WAY UNIT VALUE [PARAMETERS]: what was measured, for the
# table of "make bench": words each. Family 4, 6 or -; way forward and reply, or
# one that the case names; parameters NAME=NUMBER,...
figure() {
	echo "# figure $*"
}

# poll_until SECONDS DESCRIPTION COMMAND...: the command must come to succeed.
poll_until() {
	local seconds=$1 description=$2
	shift 2
	if wait_until "$seconds" "$@"; then
		ok "$description"
	else
		not_ok "$description" "not within $seconds seconds: $*" "$("$@" 2>&1)"
	fi
}

# wait_until SECONDS COMMAND...: the same without a result line.
wait_until() {
	local deadline=$((${EPOCHREALTIME/./} + $1 * LAB_SLOW * 1000000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "${EPOCHREALTIME/./}" -lt $deadline ] || return 1
		sleep 0.1
	done
}

# --- counters --------------------------------------------------------------

# counter NS NAME: a counter of the module in a namespace, summed over the CPUs.
counter() {
	in_ns "$1" awk -v n="$2" '$1 == n { for (i = 2; i <= NF; i++) s += $i; found = 1 }
		END { if (!found) exit 1; printf "%d\n", s }' /proc/net/ip_vs_ext_stats ||
		{ echo "no counter $2" >&2; return 1; }
}

# tcp_stat NS REGEX: a counter of that namespace's TCP, of /proc/net/snmp or netstat;
# the sum of those whose whole name matches.
tcp_stat() {
	in_ns "$1" awk -v n="^($2)\$" '$1 !~ /^Tcp/ { next }
		!($1 in head) { head[$1] = $0; next }
		{ k = split(head[$1], name); split($0, value)
		for (i = 2; i <= k; i++) if (name[i] ~ n) { s += value[i]; found = 1 } }
		END { if (!found) exit 1; printf "%d\n", s }' /proc/net/snmp /proc/net/netstat ||
		{ echo "no TCP counter $2" >&2; return 1; }
}

# counter_reached NS NAME N: also sets after, what it is at.
counter_reached() {
	after=$(counter "$1" "$2")
	[ "$after" -ge "$3" ]
}

# expect_counter_delta DESCRIPTION NS NAME DELTA COMMAND...: runs the command,
# which must succeed, and compares by how much the counter grew. DELTA is a
# number, or >=N. What the command sent last may still be on its way.
expect_counter_delta() {
	local description=$1 ns=$2 name=$3 want=$4 before after delta out
	shift 4
	before=$(counter "$ns" "$name")
	if ! out=$("$@" 2>&1); then
		not_ok "$description" "command: $*" "$out"
		return
	fi
	wait_until 2 counter_reached "$ns" "$name" $((before + ${want#>=})) || true
	delta=$((after - before))
	case $want in
	'>='*) [ $delta -ge "${want#>=}" ] && ok "$description" && return ;;
	*) [ $delta -eq "$want" ] && ok "$description" && return ;;
	esac
	not_ok "$description" "counter $name: expected to grow by $want, grew by $delta ($before to $after)"
}

# --- running things --------------------------------------------------------

# in_ns NS COMMAND...: quietly.
in_ns() {
	ip netns exec "$@"
}

# run_in NS COMMAND...: the same, and shows what runs where.
run_in() {
	echo "# [${1%-*}] ${*:2}" >&2
	ip netns exec "$@"
}

# start_in NS NAME COMMAND...: in the background; its output goes to
# $lab_tmp/NAME.log, its process id to ${lab_pid[NAME]}.
start_in() {
	local ns=$1 name=$2
	shift 2
	echo "# [${ns%-*}] $* &" >&2
	ip netns exec "$ns" "$@" >"$lab_tmp/$name.log" 2>&1 </dev/null &
	lab_pid[$name]=$!
}

# start_here NAME COMMAND...: as start_in, in no namespace: "ip netns exec" hides
# what is mounted below /sys.
start_here() {
	local name=$1
	shift
	echo "# $* &" >&2
	"$@" >"$lab_tmp/$name.log" 2>&1 </dev/null &
	lab_pid[$name]=$!
}

# wait_log NAME REGEX [SECONDS]: for a line in the output of what start_in
# started; the scene ends if it does not come.
wait_log() {
	wait_until "${3:-10}" grep -Eq "$2" "$lab_tmp/$1.log" && return
	echo "# $1 did not say $2; its output:"
	sed 's/^/#   /' "$lab_tmp/$1.log"
	return 1
}

# stop NAME [SIGNAL]: ends it and waits; the exit status is that of the process.
stop() {
	local pid=${lab_pid[$1]} status=0
	unset "lab_pid[$1]"
	kill -s "${2:-TERM}" "$pid" 2>/dev/null || true
	wait "$pid" || status=$?
	return $status
}

# finish NAME: waits for it to end by itself.
finish() {
	local pid=${lab_pid[$1]}
	unset "lab_pid[$1]"
	wait "$pid"
}

# serve NS NAME [ARGS]: the real server's side of labnet, on TCP 80 and 8080 and
# UDP 53 and 5353.
serve() {
	local ns=$1 name=$2
	shift 2
	start_in "$ns" "serve-$name" labnet serve -name "$name" "$@"
	wait_log "serve-$name" '^READY'
}

serve_everywhere() {
	serve "$rs1" rs1
	serve "$rs2" rs2
}

# capture_start NS INTERFACE NAME [FILTER]
capture_start() {
	local ns=$1 dev=$2 name=$3
	shift 3
	start_in "$ns" "capture-$name" tcpdump -Z root -U --immediate-mode -s 0 -B 8192 -i "$dev" -w "$lab_tmp/$name.pcap" "$@"
	wait_log "capture-$name" 'listening on'
}

# capture_counts PID LOG: how many packets tcpdump has met and read, in its words.
capture_counts() {
	local -a asked lines
	mapfile asked <"$2"
	kill -s USR1 "$1" 2>/dev/null || return 0
	for _ in {1..25}; do
		mapfile lines <"$2"
		# It writes a line in pieces.
		[[ ${#lines[@]} -eq ${#asked[@]} || ${lines[-1]} != *$'\n' ]] || break
		sleep 0.1
	done
	echo "${lines[-1]}"
}

# capture_stop NAME: prints what was captured as text, without times.
capture_stop() {
	local log=$lab_tmp/capture-$1.log before now=
	# What is on its way to tcpdump would be lost. It is asked itself, as the
	# size of its file may only say that it had no turn. Without a process for
	# each question: those take a busy machine seconds.
	for _ in {1..25}; do
		before=$now
		sleep 0.2
		now=$(capture_counts "${lab_pid[capture-$1]}" "$log")
		[ "$now" != "$before" ] || break
	done
	stop "capture-$1" || true
	tcpdump -Z root -t -n -vv -r "$lab_tmp/$1.pcap" 2>/dev/null
}

# --- beginning and end -----------------------------------------------------

# dump_state: what one wants to know about the director when a check failed.
dump_state() {
	[ -n "${director:-}" ] && ip netns exec "$director" true 2>/dev/null || return 0
	echo "director's counters that are not zero:"
	in_ns "$director" awk '{ s = 0; for (i = 2; i <= NF; i++) s += $i } s' /proc/net/ip_vs_ext_stats 2>/dev/null
	in_ns "$director" ipvsadm -Ln --stats 2>&1
	in_ns "$director" head -n 20 /proc/net/ip_vs_conn 2>/dev/null
	dmesg | tail -n 10
}

# no_orphans: nowhere a socket whose program has closed it waits for its peer.
no_orphans() {
	[[ $(</proc/net/sockstat) = *" orphan 0 "* ]]
}

# cleanup: ends everything that runs in our namespaces and deletes them.
cleanup() {
	local ns pids
	for ns in ${lab_namespaces[@]+"${lab_namespaces[@]}"}; do
		pids=$(ip netns pids "$ns" 2>/dev/null) || true
		# shellcheck disable=SC2086  # a list
		[ -z "$pids" ] || kill -9 $pids 2>/dev/null || true
	done
	jobs -p | xargs -r kill -9 2>/dev/null || true
	wait
	# A socket that is never answered again keeps its namespace alive for 100 s.
	wait_until 5 no_orphans || true
	for ns in ${lab_namespaces[@]+"${lab_namespaces[@]}"}; do
		ip netns del "$ns" 2>/dev/null || true
	done
	lab_namespaces=()
	[ ! -e /sys/fs/bpf/toa ] || toa-bpf unload
	rm -rf "$lab_tmp"
}

end_scene() {
	local status=$?
	trap - ERR
	set +e
	if [ $status -ne 0 ]; then
		not_ok "the scene runs to its end" "exit status $status at line $lab_error_line: $lab_error_command"
	fi
	cleanup 2>/dev/null
	if [ $lab_count -eq 0 ]; then
		not_ok "the scene checks something"
	fi
	echo "1..$lab_count"
	[ $lab_failed -eq 0 ] || exit 1
	exit 0
}

# begin_scene: what the guest's runner calls before it sources the scene. Not a
# function around the scene: bash loses its footing when set -e ends a sourced
# file in one.
begin_scene() {
	lab_error_line=0
	lab_error_command=
	set -euE
	trap 'lab_error_line=$LINENO lab_error_command=$BASH_COMMAND' ERR
	trap 'lab_error_line=$LINENO lab_error_command=$BASH_COMMAND; exit 143' TERM
	trap end_scene EXIT
	echo "KTAP version 1"
}
