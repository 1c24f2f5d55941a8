# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A second try for scenes, as netdev's CI gives its self-tests: sourced by
# test.sh. Virtual machines without KVM that share CPUs with others sometimes
# stand still for seconds. What a second run takes away is said all the same: as
# "unstable", before the totals, and the log of the first run stays.

again_at_most=3

# may_pass_again RESULTS: the scenes of which only checks failed, a line each. What
# the kernel said, what was left behind, and what died never gets a second try.
may_pass_again() {
	awk '$1 == "fail" {
			scene = $2
			sub(/:$/, "", scene)
			failed[scene]
			if (/: (leaves a clean kernel|the guest (died|hung))$/ || scene !~ /\/[0-9]/)
				for_good[scene]
		}
		END {
			for (scene in failed)
				if (!(scene in for_good)) { sub(/.*\//, "", scene); print scene }
		}' "$1" | sort
}

# run_again KERNEL RESULTS: each such scene in a machine of its own, unless they
# are so many that it is no accident. RESULTS then has what the second run said.
run_again() {
	local kernel=$1 own=$2 scene second=$2.again
	local -a scenes
	mapfile -t scenes < <(may_pass_again "$own")
	[ ${#scenes[@]} -le $again_at_most ] || return 0
	for scene in "${scenes[@]}"; do
		echo "# $kernel $scene: a second try"
		: >"$second"
		"$top_dir/test/vm/run.sh" -a -r "$second" "$kernel" "$scene" || continue
		sed -i "s|^fail \($kernel/$scene:\)|unstable \1|; \\|^pass $kernel/$scene:|d" "$own"
		cat "$second" >>"$own"
	done
}
