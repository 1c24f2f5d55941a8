# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Allocations that fail: each single one of the module's loading, while there is a
# namespace beside the first, and of another one's birth. Either is refused and
# leaves nothing behind. For a kernel with CONFIG_FAILSLAB, which is the debug
# kernel, as scenes 161 and 162.
# timeout: 600

# shellcheck source=test/lab/lib-faults.sh
. /lab/lib-faults.sh
faults_setup

rmmod ip_vs_fullnat
ip netns add faults-beside
fail_loading ip_vs_fullnat
ip netns del faults-beside
faults_of_module ip_vs_fullnat
fail_births
