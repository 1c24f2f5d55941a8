#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# bench.sh [-d] [-b] [-n] [-o DIR] KERNEL [SCENE...]: measures on a kernel of kernels.txt, writes
# the report to build/bench/KERNEL, and fails when a figure is worse than the
# stored bounds. Without scenes: those of test/lab/bench, scene 160 of
# test/lab/long, and those of test/lab/native on the kernel that runs as a
# program; with some, these again, and the report has what the others said last.
# The head of test/lab/lib-bench.sh says what can be set.
#   -d  the report goes to docs/bench/KERNEL, too
#   -b  the stored bounds of this kernel and these cases are made anew
#   -n  nothing is measured: the report anew, of what there is
#   -o  the report goes to DIR in place of build/bench/KERNEL
set -eu
# shellcheck source=test/vm/common.sh
. "$(dirname "$0")/../test/vm/common.sh"
cd "$top_dir"

usage="usage: bench.sh [-d] [-b] [-n] [-o DIR] KERNEL [SCENE...]"
docs='' store='' out='' report_only=''
while [ $# -gt 0 ]; do
	case $1 in
	-d) docs=1 ;;
	-b) store=1 ;;
	-n) report_only=1 ;;
	-o) out=$2 && shift ;;
	-*) die "$usage" ;;
	*) break ;;
	esac
	shift
done
[ $# -ge 1 ] || die "$usage"
kernel=$1
shift
bounds=test/lab/bench/bounds.tsv
native=test/lab/native
out=${out:-$build_dir/bench/$kernel}
# With some sides only there cannot be a ratio for each bound.
partial=${LAB_SIDES:+1}${LAB_FAMILIES:+1}
measured=''
status=0

# commit: what is measured; a plus when the tree has more than that.
commit() {
	git describe --always --abbrev=12 --exclude '*' --dirty=+ 2>/dev/null || project_version
}

# measure FOLDER SCENE...: into a log of their own. A later one counts where two
# have the same figure.
measure() {
	local folder=$1 log
	shift
	mkdir -p "$out"
	log=$out/$(date +%s)-${folder##*/}.log
	echo "# commit $(commit)" >"$log"
	if [ "$folder" = "$native" ]; then echo "# native" >>"$log"; fi
	IPVS_FULLNAT_SCENES=$top_dir/$folder test/vm/run.sh -v "$(kernel_for "$folder")" "$@" 2>&1 | tee -a "$log" || status=1
	measured=1
}

# kernel_for FOLDER: by a real clock only one is measured, which this builds.
kernel_for() {
	if [ "$1" = "$native" ]; then kernel_names program; else echo "$kernel"; fi
}

# in_folder FOLDER SCENE...: those that are there.
in_folder() {
	local folder=$1 scene
	shift
	for scene; do
		if compgen -G "$folder/$scene*.sh" >/dev/null; then echo "$scene"; fi
	done
}

set -o pipefail
if [ -n "$report_only" ]; then
	measured=1
elif [ $# -eq 0 ]; then
	rm -rf "$out"
	measure test/lab/bench
	measure test/lab/long 160
	measure "$native"
else
	for folder in test/lab/bench test/lab/long "$native"; do
		mapfile -t scenes < <(in_folder "$folder" "$@")
		[ ${#scenes[@]} -eq 0 ] || measure "$folder" "${scenes[@]}"
	done
fi
[ -n "$measured" ] || die "no such scenes: $*"
scripts/go.sh run ./internal/bench -kernel "$kernel" -out "$out" -bounds $bounds ${store:+-store} ${partial:+-partial} "$out"/*.log || status=1
if [ -n "$docs" ]; then
	mkdir -p "docs/bench/$kernel"
	cp "$out"/results.* "$out"/*.svg "docs/bench/$kernel/"
fi
echo "report: $out/results.md, $out/results.json"
exit $status
