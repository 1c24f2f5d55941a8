# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# modules: ip_vs
# A service in the first namespace outlives the scene and holds its scheduler.
ipvsadm -A -t 192.0.2.1:80 -s rr
ok "this passes"
