# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The second half of 150, with half a million netlink messages, and namespaces
# that die under them twenty times.
# timeout: 3600

# shellcheck source=test/lab/lib-fuzz.sh
. /lab/lib-fuzz.sh

fuzz_setup
fuzz_netlink 500000
fuzz_recovers
for _ in $(seq 20); do fuzz_fresh; done
