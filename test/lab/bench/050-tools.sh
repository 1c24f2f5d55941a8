# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# ipvsadm-go beside ipvsadm 1.31, as scene 088 has it, in instructions.
# qemu: -accel tcg -icount shift=0,sleep=off -smp 1
# modules: ip_vs
# timeout: 1800

# A microsecond is a thousand of them.
. /lab/scenes/088-ipvsadm-speed.sh
