# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# As 150, with two million packets (or LAB_FUZZ_PACKETS), most of which nobody
# answers. Without the search for leaks, which scene 150 does: it halves the speed.
# timeout: 7200
# kernel-args: kmemleak=off

# shellcheck source=test/lab/lib-fuzz.sh
. /lab/lib-fuzz.sh

fuzz_setup
n=${LAB_FUZZ_PACKETS:-2000000}
fuzz_mute
fuzz_packets "$n"
fuzz_unmute
total=$fuzz_sent
fuzz_packets $((n / 10))
expect_within "$n were sent at least" "$n" $((n + n / 10)) $((total + fuzz_sent))
fuzz_reached
fuzz_recovers
