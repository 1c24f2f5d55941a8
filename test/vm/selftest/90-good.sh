# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# modules: ip_vs
# One CPU, to see that a scene can have a machine of its own.
# qemu: -smp 1
# kernel-args: lab.extra=1
expect_eq "the machine has one CPU" 1 "$(nproc)"
expect_match "the kernel has the argument" 'lab\.extra=1' "$(cat /proc/cmdline)"
