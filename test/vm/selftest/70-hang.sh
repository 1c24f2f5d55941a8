# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# modules: none
# timeout: 3
ok "this passes"
sleep 1000
