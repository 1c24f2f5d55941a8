# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Reading the guest's KTAP: what run.sh prints, and what it counts. Sourced.
# The guest says "# scene NAME" before a scene and "ok|not ok N NAME" behind it;
# what is indented in between belongs to the scene.

# record pass|fail|skip NAME: one result into the results file and the tally.
record() {
	[ -z "$results" ] || echo "$1 $k_name/$2" >>"$results"
	echo "$1" >>"$run_dir/tally"
}

# record_line SCENE LINE: the results among a scene's own lines. A skip counts
# as one only if the table of kernels says that the feature is not there; lib.sh
# sees to that, so what is left is to recognise its form.
record_line() {
	local text
	case $2 in
	"not ok "*)
		text=${2#not ok }
		record fail "$1: ${text#* }"
		;;
	"ok "*"# SKIP"*)
		text=${2#ok }
		text=${text#* }
		text=${text%% # SKIP*}
		case ",$k_lacks," in
		*",${text#needs },"*) record skip "$1: $text" ;;
		*) record fail "$1: unexpected skip: $text" ;;
		esac
		;;
	"ok "*)
		text=${2#ok }
		record pass "$1: ${text#* }"
		;;
	esac
}

# show_failure SCENE: the scene's log and the end of the console.
show_failure() {
	echo "---- $k_name: log of $1"
	cat "$run_dir/scene.log"
	echo "---- $k_name: end of the console"
	tail -n 40 "$run_dir/console.log" | tr -d '\r'
	echo "----"
}

# end_of_scene ok|fail NAME TEXT
end_of_scene() {
	scene=
	printf '%s\n' "${pending[@]}" | grep -Fxv -- "$2" >"$run_dir/left" || true
	mapfile -t pending <"$run_dir/left"
	echo "$k_name $1 $3"
	# What went wrong around a scene (a leak, a warning) shows in no line
	# of its own.
	if [ "$1" = "not ok" ]; then
		grep -q '^not ok' "$run_dir/scene.log" || record fail "$2: leaves a clean kernel"
		[ -n "$verbose" ] || show_failure "$2"
	fi
}

# report_boot SECONDS SCENE...: reads one boot from stdin; leaves the scenes
# that did not get their turn in $run_dir/left.
report_boot() {
	local deadline=$((SECONDS + $1)) line scene='' ended=''
	shift
	local -a pending=("$@")
	printf '%s\n' "$@" >"$run_dir/left"
	: >"$run_dir/scene.log"
	while IFS= read -r line; do
		line=${line%$'\r'}
		[ -z "$verbose" ] || printf '%s\n' "$line"
		case $line in
		"# scene "*)
			scene=${line#\# scene }
			: >"$run_dir/scene.log"
			;;
		"    "*)
			line=${line#    }
			printf '%s\n' "$line" >>"$run_dir/scene.log"
			record_line "$scene" "$line"
			;;
		"ok "*) end_of_scene ok "$scene" "${line#ok * }" ;;
		"not ok "*) end_of_scene "not ok" "$scene" "${line#not ok * }" ;;
		"result: "*) ended=${line#result: } ;;
		*) printf '%s\n' "$line" >>"$run_dir/boot.log" ;;
		esac
	done
	judge_boot
}

# judge_boot: a boot is good only if the guest said so itself.
judge_boot() {
	local why="the guest died"
	[ $SECONDS -lt "$deadline" ] || why="the guest hung"
	if [ -n "$scene" ]; then
		record fail "$scene: $why"
		echo "$k_name not ok $scene # $why"
		show_failure "$scene"
		printf '%s\n' "${pending[@]}" | grep -Fxv -- "$scene" >"$run_dir/left" || true
		return 1
	fi
	if [ -z "$ended" ] || [ ${#pending[@]} -gt 0 ]; then
		record fail "boot: $why or ran less than planned"
		show_failure boot
		cat "$run_dir/qemu.log"
		return 1
	fi
	if [ "$ended" = failed ] && ! grep -q fail "$run_dir/tally"; then
		record fail "boot: $(grep -h kmemleak "$run_dir/boot.log" || echo 'the guest reports failure')"
		cat "$run_dir/boot.log"
	fi
}

# report_end: the totals; fails if anything did.
report_end() {
	local passed failed skipped
	passed=$(grep -c pass "$run_dir/tally" || true)
	failed=$(grep -c fail "$run_dir/tally" || true)
	skipped=$(grep -c skip "$run_dir/tally" || true)
	echo "kernel $k_name ($KERNEL_RELEASE): $passed passed, $failed failed, $skipped skipped, $SECONDS s"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}
