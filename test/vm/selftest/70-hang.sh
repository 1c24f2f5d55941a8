# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# modules: none
# timeout: 6
ok "this passes"
sleep 1000
