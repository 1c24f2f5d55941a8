# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# modules: toa
# qemu: -accel tcg,thread=single -smp 2
# timeout: 7200
# Scene 203 with a thousand loads and unloads under traffic, after which the kernel
# has no more memory than before. New connections as fast as they go would be most
# of it: ten a second are in the middle of their handshake often enough.
# shellcheck disable=SC2034 # 203's
TOA_ROUNDS=${LAB_TOA_ROUNDS:-1000} TOA_PACE=100ms TOA_KEEP=500ms
# shellcheck source=test/lab/t/203-toa-life.sh
. /lab/scenes/203-toa-life.sh
