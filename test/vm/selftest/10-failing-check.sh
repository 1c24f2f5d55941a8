# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# modules: none
ok "this passes"
not_ok "this fails"
