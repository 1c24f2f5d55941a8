# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# As 150, with two million packets, most of which nobody answers. Without the
# search for leaks, which scene 150 does: it halves the speed.
# timeout: 7200
# kernel-args: kmemleak=off

# shellcheck source=test/lab/lib-fuzz.sh
. /lab/lib-fuzz.sh

fuzz_setup
fuzz_mute
fuzz_packets 2000000
fuzz_unmute
total=$fuzz_sent
fuzz_packets 200000
expect_within "two million were sent at least" 2000000 2200000 $((total + fuzz_sent))
fuzz_reached
fuzz_recovers
