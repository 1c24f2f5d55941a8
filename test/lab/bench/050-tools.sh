# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# ipvsadm-go beside ipvsadm 1.31, as scene 088 has it, in instructions.
# qemu: -accel tcg -icount shift=0,sleep=off -smp 1
# modules: ip_vs
# timeout: 1800

# A microsecond is a thousand of them. A single command is the start of a program,
# of which the instructions are the smaller part of the time that it takes, and of
# which Go's has four times as many.
# shellcheck disable=SC2034 # 088's
start_bound=500
. /lab/scenes/088-ipvsadm-speed.sh
