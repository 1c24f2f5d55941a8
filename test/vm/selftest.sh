#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# selftest.sh [NAME]: the lab must notice every kind of failure, and go on
# behind it. Runs the scenes of selftest/, most of which must fail, and compares
# the verdicts with what is expected.
set -eu
# shellcheck source=test/vm/common.sh
. "$(dirname "$0")/common.sh"

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

if IPVS_FULLNAT_SCENES=$vm_dir/selftest "$vm_dir/run.sh" -r "$work/results" "$kernel" >"$work/log" 2>&1; then
	die "run.sh is content with scenes that fail"
fi
sed "s|^\([a-z]*\) $kernel/|\1 |" "$work/results" | sort >"$work/got"
if ! diff -u <(sort "$work/expected") "$work/got"; then
	cat "$work/log"
	die "the lab's verdicts are not what they must be"
fi
echo "the lab noticed $(grep -c ^fail "$work/expected") failures of $(wc -l <"$work/expected") results"
