# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# modules: none
(setsid unshare --net sleep 1000 >/dev/null 2>&1 </dev/null &)
ok "this passes"
