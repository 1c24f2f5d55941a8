# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# modules: none
# What a kernel logs that does not panic: here it is made up.
echo "refcount_t: underflow; use-after-free." >/dev/kmsg
ok "this passes"
