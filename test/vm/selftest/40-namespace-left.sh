# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# modules: none
ip netns add left
ok "this passes"
