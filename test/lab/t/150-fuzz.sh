# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Malformed packets of every kind at the module, in both directions and on live
# connections, and malformed messages to its netlink family and to stock's,
# both also while the namespace dies: nothing crashes, nothing leaks, and real
# traffic goes on. The seeds are printed; "make fuzz" does it with two million.
# timeout: 240

# shellcheck source=test/lab/lib-fuzz.sh
. /lab/lib-fuzz.sh

fuzz_setup
fuzz_packets 16000
expect_within "they were sent" 8000 16000 "$fuzz_sent"
fuzz_reached
fuzz_netlink 8000
fuzz_recovers
fuzz_fresh
