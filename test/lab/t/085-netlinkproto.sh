# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The Go library against this kernel: what its tests with the tag vm ask of both
# families, and the transport on the kernel's own controller.
# timeout: 240

# shellcheck disable=SC2154 # lib.sh's variables
log=$lab_tmp/netlinkproto.log
status=0
/lab/bin/netlinkproto.test -test.v -test.run '^Test(VM|Live)_' >"$log" 2>&1 || status=$?

while read -r dashes result name _; do
	[ "$dashes" = --- ] || continue
	case $result in
	PASS:) ok "$name" ;;
	*) not_ok "$name" ;;
	esac
done <"$log"
expect_eq "the test program's end" "PASS 0" "$(tail -n 1 "$log") $status"
[ "$status" = 0 ] || sed 's/^/# /' "$log"
