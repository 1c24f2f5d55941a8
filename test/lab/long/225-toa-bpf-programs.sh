# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# modules: none
# programs: apache haproxy java python sshd
# qemu: -accel tcg,thread=single -smp 2 -cpu max
# kernel-args: clearcpuid=141
# kernel-args-7.2: -
# timeout: 400
# Scene 205-toa-programs with toa-bpf in place of the module ("make test-bpf").

toa_is bpf
toa_load
. /lab/scenes/205-toa-programs.sh
