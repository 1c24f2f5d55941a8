#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check-go.sh [-v] [STEP...]: what a change of the Go code must pass; without a step
# all of them: fmt vet staticcheck generated test
set -eu
cd "$(dirname "$0")/.."
go=scripts/go.sh

# The linter's version decides what it finds.
staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.7.0

go_files() {
	git ls-files --cached --others --exclude-standard '*.go' | while read -r file; do
		[ ! -e "$file" ] || echo "$file"
	done
}

# generated_files: Go, and the BPF object.
generated_files() {
	go_files
	ls internal/toabpf/*.o
}

check_fmt() {
	local bad
	bad=$(go_files | xargs "$($go env GOROOT)/bin/gofmt" -l)
	[ -z "$bad" ] || {
		echo "gofmt would change: $bad"
		return 1
	}
}

check_vet() {
	$go vet ./...
}

check_staticcheck() {
	$go run "$staticcheck" ./...
}

# check_generated: running the generators changes nothing. They write into the
# tree, so that what differs lies there, ready to be looked at and committed.
check_generated() {
	local before after
	before=$(generated_files | xargs sha256sum)
	$go generate ./...
	after=$(generated_files | xargs sha256sum)
	[ "$before" = "$after" ] || {
		echo "generated files were not up to date:"
		diff <(echo "$before") <(echo "$after") | sed -n 's/^> [0-9a-f]*  //p'
		return 1
	}
	$go mod tidy -diff
}

check_test() {
	# -count=1: a result out of the cache is none.
	$go test -race -count=1 ${verbose:+-v} ./...
}

verbose=
if [ "${1:-}" = -v ]; then
	verbose=1
	shift
fi
[ $# -gt 0 ] || set -- fmt vet staticcheck generated test
for step in "$@"; do
	"check_$step"
done
