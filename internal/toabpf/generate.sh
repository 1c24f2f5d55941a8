#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# generate.sh: compiles bpf/toa.bpf.c to toa.bpf.o. The compiler decides every byte
# of that, so it has a version, which Debian 12 and 13 both have.
set -eu
cd "$(dirname "$0")"
version=19
../../scripts/install-deps.sh clang-$version llvm-$version libbpf-dev >&2
# linux/types.h wants asm/types.h, which is the same for all.
# Paths of the machine are none of the object's.
clang-$version -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror \
	-fdebug-compilation-dir=. -ffile-prefix-map="$PWD/=" -I"/usr/include/$(gcc -print-multiarch)" \
	-c bpf/toa.bpf.c -o toa.bpf.o
llvm-strip-$version --strip-debug toa.bpf.o
