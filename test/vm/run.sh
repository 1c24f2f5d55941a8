#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh [-a] [-v] [-r FILE] NAME [SCENE...]   runs scenes on a kernel of kernels.txt
# run.sh --shell NAME                     an interactive shell in the lab
# run.sh --demo NAME                      test/demo/demo.sh, its output live
#
# A scene is named by its number or its file name; none means all that are meant
# for the kernel's lane. What is stale is built first. All scenes share one boot, except those that ask for
# a machine of their own, and those that come after a crash.
#   -v       show every line of every scene as it comes
#   -a       all scenes, whatever the kernel's lane
#   -r FILE  append one line per result to FILE: "pass|fail|skip NAME"
set -eu
# shellcheck source=test/vm/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=test/vm/build.sh
. "$vm_dir/build.sh"
# shellcheck source=test/vm/report.sh
. "$vm_dir/report.sh"

verbose=
all=
results=
mode=scenes
usage="usage: run.sh [-a] [-v] [-r results] [--shell|--demo] NAME [scene...]"
while [ $# -gt 0 ]; do
	case $1 in
	-v) verbose=1 ;;
	-a) all=1 ;;
	-r) results=$2 && shift ;;
	--shell) mode=shell ;;
	--demo) mode=demo ;;
	-*) die "$usage" ;;
	*) break ;;
	esac
	shift
done
[ $# -ge 1 ] || die "$usage"
load_kernel "$1"
shift

scene_dir=${IPVS_FULLNAT_SCENES:-$top_dir/test/lab/t}
boot_seconds=60
boot_attempts=3

# meant_for_lane SCENE: does it run on this kernel when no scene is named? What
# hardly depends on the kernel and takes long runs on one stock kernel: "once:
# oldest" or "once: newest".
meant_for_lane() {
	[ -z "$all" ] || return 0
	case $k_lane/$(header "$1" once) in
	stock/oldest) [ "$k_name" = "$(kernel_names stock | head -n 1)" ] || return 1 ;;
	stock/newest) [ "$k_name" = "$(kernel_names stock | tail -n 1)" ] || return 1 ;;
	esac
	case $k_lane in
	edge | old) [ "$(header "$1" edge)" = yes ] ;;
	esac
}

# wanted_scenes [SCENE...]: the names of the scenes to run, in order.
wanted_scenes() {
	local want file found
	if [ $# -eq 0 ]; then
		for file in "$scene_dir"/*.sh; do
			found=$(basename "$file" .sh)
			if meant_for_lane "$found"; then echo "$found"; fi
		done
		return
	fi
	for want in "$@"; do
		found=
		want=$(basename "$want" .sh)
		for file in "$scene_dir/$want".sh "$scene_dir/$want"-*.sh; do
			[ -e "$file" ] || continue
			basename "$file" .sh
			found=1
		done
		[ -n "$found" ] || die "no scene $want in $scene_dir"
	done
}

# header SCENE KEY: the value of a "# KEY: value" line in the scene's head.
header() {
	sed -n '/^[^#]/q; s/^# '"$2"': *//p' "$scene_dir/$1.sh"
}

# machine_header SCENE KEY: the value of KEY-KERNEL if there is one, "-" for an
# empty one, or else of KEY.
machine_header() {
	local value
	value=$(header "$1" "$2-$k_name")
	[ -n "$value" ] || value=$(header "$1" "$2")
	[ "$value" = - ] || echo "$value"
}

# machine_of SCENE: what sets its virtual machine apart; empty for most.
machine_of() {
	local qemu args
	qemu=$(machine_header "$1" qemu)
	args=$(machine_header "$1" kernel-args)
	[ -z "$qemu$args" ] || echo "$qemu|$args"
}

# seconds_for SCENE...: how long a boot with them may take at most.
seconds_for() {
	local scene limit sum=$boot_seconds
	for scene in "$@"; do
		limit=$(header "$scene" timeout)
		sum=$((sum + ${limit:-60} + 60))
	done
	echo $((sum * k_slow))
}

# arguments MODE MACHINE: what the kernel is told, however it runs.
arguments() {
	echo "loglevel=6 log_buf_len=4M panic=-1 oops=panic panic_on_warn=1 rcupdate.rcu_cpu_stall_timeout=120 lab.mode=$1 $(machine_args "$2")"
}

# boot MODE MACHINE CHARDEV...: the machine; ttyS1 is on our own stdin and stdout,
# as the chardev arguments say.
boot() {
	if [ "$k_lane" = program ]; then program "$@"; else qemu "$@"; fi
}

# program MODE MACHINE CHARDEV...: the kernel as a program; its memory is a file in
# /dev/shm, or else $TMPDIR. Nothing comes in on ttyS1 but for a shell.
program() {
	local input=null
	if [ "$1" = shell ]; then input=fd:0; fi
	# shellcheck disable=SC2046  # words
	timeout --foreground "${limit:-infinity}" "$KERNEL_IMAGE" mem="${k_memory}M" uml_dir="$run_dir/" \
		initrd="$run_dir/initrd" con=null ssl=null ssl1="$input,fd:1" $(arguments "$1" "$2") 2>"$run_dir/console.log"
}

qemu() {
	local qemu_mode=$1 machine=$2
	local -a extra=()
	shift 2
	read -r -a extra <<<"${machine%%|*}"
	# A scene that counts instructions brings its own.
	case " ${extra[*]-} " in
	*" -accel "*) ;;
	*) extra+=(-accel "tcg,thread=multi") ;;
	esac
	timeout --foreground "${limit:-infinity}" qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot \
		-cpu "$k_cpu" -m "$k_memory" -smp 2 \
		-kernel "$KERNEL_IMAGE" -initrd "$run_dir/initrd" \
		-append "console=ttyS0 $(arguments "$qemu_mode" "$machine")" \
		-serial "file:$run_dir/console.log" "$@" \
		"${extra[@]}"
}

machine_args() {
	case $1 in *'|'*) echo "${1#*|}" ;; esac
}

# boot_scenes MACHINE SCENE...: one boot; report.sh reads what comes back.
boot_scenes() {
	local machine=$1 limit
	shift
	make_initrd "$@"
	limit=$(seconds_for "$@")
	boot scenes "$machine" -chardev stdio,id=result,signal=off -serial chardev:result \
		</dev/null 2>"$run_dir/qemu.log" | report_boot "$limit" "$@"
}

# run_machine MACHINE SCENE...: all of them, with a new boot behind a crash. The
# emulator sometimes loses a kernel while that starts: such a boot is repeated.
run_machine() {
	local machine=$1 before attempt=1
	shift
	while [ $# -gt 0 ]; do
		before=$#
		boot_scenes "$machine" "$@" || true
		# report_boot leaves the scenes that have not had their turn.
		mapfile -t left <"$run_dir/left"
		set -- ${left[@]+"${left[@]}"}
		if [ $# -lt "$before" ]; then
			attempt=1
		else
			attempt=$((attempt + 1))
			[ $attempt -le $boot_attempts ] || die "the guest of kernel $k_name runs no scene"
		fi
	done
}

run_all() {
	local scene machine
	local -a order=()
	local -A group=()
	for scene in "$@"; do
		machine=$(machine_of "$scene")
		[ -n "${group["m$machine"]:-}" ] || order+=("$machine")
		group["m$machine"]+="$scene "
	done
	for machine in "${order[@]}"; do
		# shellcheck disable=SC2086  # a list
		run_machine "$machine" ${group["m$machine"]}
	done
	report_end
}

run_shell() {
	make_initrd
	echo "booting $KERNEL_RELEASE; ^D or exit ends it" >&2
	boot shell "" -chardev stdio,id=tty,signal=off -serial chardev:tty
}

run_demo() {
	local status
	make_initrd
	boot demo "" -chardev stdio,id=result,signal=off -serial chardev:result </dev/null |
		sed -u 's/\r$//' | tee "$run_dir/demo.log" | { grep --line-buffered -v '^result: ' || true; }
	status=$(tail -n 1 "$run_dir/demo.log")
	[ "$status" = "result: ok" ] || {
		tail -n 20 "$run_dir/console.log" >&2
		die "the demo failed"
	}
}

# needs_modules [SCENE...]: is there one that loads what this project builds?
needs_modules() {
	local scene
	[ "$mode" = scenes ] || return 0
	for scene in "$@"; do
		case $(header "$scene" modules) in
		none | ip_vs) ;;
		*) return 0 ;;
		esac
	done
	return 1
}

mapfile -t scenes < <(wanted_scenes "$@")
[ ${#scenes[@]} -gt 0 ] || die "no such scenes: $*"
prepare
if needs_modules "${scenes[@]}"; then
	with_lock "$modules_dir.lock" build_modules
fi
mkdir -p "$build_dir/run"
run_dir=$(mktemp -d "$build_dir/run/$k_name.XXXXXX")
# The last boot's console stays, for looking behind a failure.
trap 'mv -f "$run_dir/console.log" "$build_dir/console-$k_name.log" 2>/dev/null; rm -rf "$run_dir"' EXIT
case $mode in
scenes) run_all "${scenes[@]}" ;;
shell) run_shell ;;
demo) run_demo ;;
esac
