#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# test.sh: everything that "make test" is: checks, builds, all scenes on the
# stock kernels, and those for them on the edge kernels. A virtual machine keeps
# about one CPU busy, so as many run side by side as there are. Goes on behind a
# failure; the last line has the totals.
set -u
# shellcheck source=test/vm/common.sh
. "$(dirname "$0")/../test/vm/common.sh"
# shellcheck source=scripts/again.sh
. "$top_dir/scripts/again.sh"
cd "$top_dir" || exit 1

mkdir -p "$build_dir"
results=$build_dir/results.txt
logs=$build_dir/logs
rm -rf "$logs"
mkdir -p "$logs"
: >"$results"
# Deadlines are for machines that have nothing else to do.
export IPVS_FULLNAT_SLOW=${IPVS_FULLNAT_SLOW:-2}

# step NAME COMMAND...: one result; the output is shown only if it fails.
step() {
	local name=$1 start=$SECONDS log=$logs/${1//[^a-z0-9]/-}
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
	local start=$SECONDS status=0 log=$logs/go-tests
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
	local own=$logs/$1.results
	: >"$own"
	test/vm/run.sh -r "$own" "$1" || grep -q '^fail' "$own" ||
		echo "fail kernel $1: the lab" >>"$own"
	[ -z "${IPVS_FULLNAT_AGAIN:-}" ] || run_again "$1" "$own"
	cat "$own" >>"$results"
}

# beside COMMAND...: in the background, once there is a CPU for it.
beside() {
	while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
	"$@" </dev/null &
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
	if grep -q '^unstable' "$results"; then
		echo "unstable, failed at the first try only:"
		sed -n 's/^unstable /  /p' "$results"
	fi
	if [ "$skipped" -gt 0 ]; then
		echo "$passed passed, $failed failed, $skipped skipped"
	else
		echo "$passed passed, $failed failed"
	fi
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

step "shellcheck" scripts/check-shell.sh
step "completion in bash and zsh" scripts/check-completion.sh
step "documentation" scripts/check-docs.sh
for check in fmt vet staticcheck generated; do
	step "go $check" scripts/check-go.sh $check
done
go_tests
step "parser of TOA options, fuzzed" scripts/check-toa-parser.sh
step "what a kernel lacks is named" scripts/check-refusal.sh
step "modules: W=1, sparse, checkpatch" scripts/build-modules.sh check
step "packages: lintian, contents" packaging/check.sh
for kernel in $(kernel_names stock) $(kernel_names edge); do
	beside scenes "$kernel"
done
beside step "the lab notices failures" test/vm/selftest.sh
wait
summary
