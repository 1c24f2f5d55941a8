# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# modules: toa
# qemu: -accel tcg,thread=single -smp 2
# timeout: 3600
# Scene 203 with a thousand loads and unloads under traffic.
# shellcheck disable=SC2034 # 203's
TOA_ROUNDS=1000
# shellcheck source=test/lab/t/203-toa-life.sh
. /lab/scenes/203-toa-life.sh
