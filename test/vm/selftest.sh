#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# selftest.sh [NAME]: the lab must notice every kind of failure, and go on
# behind it. Runs the scenes of selftest/, most of which must fail, and compares
# the verdicts with what is expected. A second try helps only what passes then.
set -eu
# shellcheck source=test/vm/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=scripts/again.sh
. "$top_dir/scripts/again.sh"

kernel=${1:-$(kernel_names stock | tail -n 1)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The results that run.sh is to write, and each only once.
cat >"$work/expected" <<-EOX
	pass 10-failing-check: this passes
	fail 10-failing-check: this fails
	pass 15-failing-command: this passes
	fail 15-failing-command: the scene runs to its end
	pass 20-warning: this passes
	fail 20-warning: leaves a clean kernel
	fail 30-panic: the guest died
	pass 40-namespace-left: this passes
	fail 40-namespace-left: leaves a clean kernel
	pass 50-process-left: this passes
	fail 50-process-left: leaves a clean kernel
	pass 60-module-used: this passes
	fail 60-module-used: leaves a clean kernel
	pass 70-hang: this passes
	fail 70-hang: the scene runs to its end
	fail 80-skip: unexpected skip: for no reason that the table of kernels has
	fail 85-empty: the scene checks something
	pass 90-good: the machine has one CPU
	pass 90-good: the kernel has the argument
	pass 95-good: a wire works
EOX

export IPVS_FULLNAT_SCENES=$vm_dir/selftest
if "$vm_dir/run.sh" -r "$work/results" "$kernel" >"$work/log" 2>&1; then
	die "run.sh is content with scenes that fail"
fi
sed "s|^\([a-z]*\) $kernel/|\1 |" "$work/results" | sort >"$work/got"
compare() {
	diff -u <(sort "$1") "$2" && return
	cat "$work/log"
	die "the lab's verdicts are not what they must be"
}
compare "$work/expected" "$work/got"

# As if the wire had not worked at first. What a kernel's warning failed stays.
cat >"$work/first" <<-EOX
	fail $kernel/10-failing-check: this fails
	fail $kernel/20-warning: leaves a clean kernel
	fail $kernel/95-good: a wire works
EOX
sed 's|^fail \(.*95-good\)|unstable \1|' "$work/first" >"$work/expected-again"
echo "pass $kernel/95-good: a wire works" >>"$work/expected-again"
run_again "$kernel" "$work/first" >"$work/log" 2>&1
sort "$work/first" >"$work/got"
compare "$work/expected-again" "$work/got"
echo "the lab noticed $(grep -c ^fail "$work/expected") failures of $(wc -l <"$work/expected") results"
