#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# test.sh: everything that "make test" is: checks, builds, and all scenes on all
# stock kernels. Goes on behind a failure; the last line has the totals.
set -u
# shellcheck source=test/vm/common.sh
. "$(dirname "$0")/../test/vm/common.sh"
cd "$top_dir" || exit 1

mkdir -p "$build_dir"
results=$build_dir/results.txt
log=$build_dir/step.log
: >"$results"

# step NAME COMMAND...: one result; the output is shown only if it fails.
step() {
	local name=$1 start=$SECONDS
	shift
	if "$@" >"$log" 2>&1; then
		echo "ok $name ($((SECONDS - start)) s)"
		echo "pass $name" >>"$results"
	else
		echo "not ok $name ($((SECONDS - start)) s)"
		echo "fail $name" >>"$results"
		sed 's/^/    /' "$log"
	fi
}

# go_tests: one result per test function and one per package, so that a package
# that does not build or ends early counts too.
go_tests() {
	local start=$SECONDS status=0
	scripts/check-go.sh -v test >"$log" 2>&1 || status=$?
	sed -nE 's/^--- (PASS|FAIL|SKIP): ([^ ]+) .*/\1 go \2/p; s/^(ok|FAIL)[[:space:]]+([^[:space:]]+\/[^[:space:]]+).*/\1 go \2/p' "$log" |
		sed -e 's/^\(PASS\|ok\) /pass /' -e 's/^FAIL /fail /' -e 's/^SKIP \(.*\)/fail \1: unexpected skip/' >>"$results"
	if [ $status -eq 0 ]; then
		echo "ok go tests ($((SECONDS - start)) s)"
	else
		grep -q '^fail go ' "$results" || echo "fail go tests" >>"$results"
		echo "not ok go tests"
		grep -vE '^(=== |--- PASS|ok |PASS)' "$log" | sed 's/^/    /'
	fi
}

# scenes KERNEL: run.sh writes the results itself, unless it does not get there.
scenes() {
	local before
	before=$(wc -l <"$results")
	test/vm/run.sh -r "$results" "$1" ||
		[ "$(tail -n "+$((before + 1))" "$results" | grep -c '^fail')" -gt 0 ] ||
		echo "fail kernel $1: the lab" >>"$results"
}

summary() {
	local passed failed skipped
	passed=$(grep -c '^pass' "$results")
	failed=$(grep -c '^fail' "$results")
	skipped=$(grep -c '^skip' "$results")
	if [ "$failed" -gt 0 ]; then
		echo "failed:"
		sed -n 's/^fail /  /p' "$results"
	fi
	if [ "$skipped" -gt 0 ]; then
		echo "$passed passed, $failed failed, $skipped skipped"
	else
		echo "$passed passed, $failed failed"
	fi
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

step "shellcheck" scripts/check-shell.sh
step "documentation" scripts/check-docs.sh
for check in fmt vet staticcheck generated; do
	step "go $check" scripts/check-go.sh $check
done
go_tests
step "modules: W=1, sparse, checkpatch" scripts/build-modules.sh check
step "the lab notices failures" test/vm/selftest.sh
for kernel in $(kernel_names stock); do
	scenes "$kernel"
done
summary
