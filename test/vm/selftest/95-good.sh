# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# modules: ip_vs
setup_lab
check "a wire works" in_ns "$client" ping -c 1 -W 2 "$vip4"
