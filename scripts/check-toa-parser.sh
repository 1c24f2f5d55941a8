#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check-toa-parser.sh [ROUNDS [SEED]]: the parser of kernel/toa in user space,
# under the address and undefined behaviour sanitizers, against random options.
set -eu
cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
gcc -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all \
	-I kernel/common -o "$out/toafuzz" test/tools/toafuzz/toafuzz.c
"$out/toafuzz" "$@"
