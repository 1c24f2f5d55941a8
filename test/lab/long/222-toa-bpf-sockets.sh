# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# modules: none
# qemu: -accel tcg,thread=single -smp 2
# qemu-7.2: -accel tcg,thread=single -smp 2 -cpu max
# timeout: 400
# Scene 202-toa-sockets with toa-bpf in place of the module ("make test-bpf").

toa_is bpf
toa_load
. /lab/scenes/202-toa-sockets.sh
