# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# modules: none
(setsid unshare --net bash -c 'echo >/tmp/left; exec sleep 1000' >/dev/null 2>&1 </dev/null &)
wait_until 10 test -e /tmp/left
ok "this passes"
