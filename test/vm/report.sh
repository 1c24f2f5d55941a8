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

# record_line SCENE LINE: the results among a scene's own lines; sets scene_bad
# if the scene has failed by that. A skip counts
# as one only if the table of kernels says that the feature is not there; lib.sh
# sees to that, so what is left is to recognise its form.
record_line() {
	local text
	case $2 in
	"not ok "*)
		text=${2#not ok }
		record fail "$1: ${text#* }"
		scene_bad=1
		;;
	"ok "*"# SKIP"*)
		text=${2#ok }
		text=${text#* }
		text=${text%% # SKIP*}
		case ",$k_lacks," in
		*",${text#needs },"*) record skip "$1: $text" ;;
		*)
			record fail "$1: unexpected skip: $text"
			scene_bad=1
			;;
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
	echo "---- $k_name: the console since then"
	tr -d '\r' <"$run_dir/console.log" |
		awk -v m="lab: scene $1 starts" '{ text[NR] = $0 } index($0, m) { from = NR }
			END { for (i = from; i <= NR; i++) print text[i] }' | tail -n 60
	echo "----"
}

# end_of_scene ok|"not ok" TEXT: the guest's verdict on $scene.
end_of_scene() {
	local verdict=$1 name=$scene
	scene=
	printf '%s\n' "${pending[@]}" | grep -Fxv -- "$name" >"$run_dir/left" || true
	mapfile -t pending <"$run_dir/left"
	# What went wrong around a scene (a leak, a warning) shows in no line
	# of its own.
	if [ "$verdict" = "not ok" ] && [ -z "$scene_bad" ]; then
		record fail "$name: leaves a clean kernel"
	fi
	if [ -n "$scene_bad" ]; then verdict="not ok"; fi
	with_lock "$build_dir/.output" print_verdict "$verdict" "$name" "$2"
}

# print_verdict ok|"not ok" SCENE TEXT: under a lock, so that what kernels side
# by side have to say stays together.
print_verdict() {
	echo "$k_name $1 $3"
	if [ "$1" = "not ok" ] && [ -z "$verbose" ]; then show_failure "$2"; fi
}

# report_boot SECONDS SCENE...: reads one boot from stdin; leaves the scenes
# that did not get their turn in $run_dir/left.
report_boot() {
	local deadline=$((SECONDS + $1)) line scene='' scene_bad='' ended='' begun=''
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
			scene_bad=
			begun=1
			: >"$run_dir/scene.log"
			;;
		"    "*)
			line=${line#    }
			printf '%s\n' "$line" >>"$run_dir/scene.log"
			record_line "$scene" "$line"
			;;
		"ok "*) end_of_scene ok "${line#ok * }" ;;
		"not ok "*) end_of_scene "not ok" "${line#not ok * }" ;;
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
		with_lock "$build_dir/.output" print_verdict "not ok" "$scene" "$scene # $why"
		printf '%s\n' "${pending[@]}" | grep -Fxv -- "$scene" >"$run_dir/left" || true
		return 1
	fi
	if [ -z "$ended" ]; then
		# Nothing of ours has run yet: run_machine boots again, but not
		# for ever.
		if [ -z "$begun" ] && [ "$attempt" -lt "$boot_attempts" ]; then
			echo "# $k_name: $why before its first scene, booting again"
			tail -n 5 "$run_dir/console.log"
			return 1
		fi
		record fail "boot: $why"
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
