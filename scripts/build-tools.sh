#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the Go programs, static, into build/bin.
set -eu
# shellcheck source=test/vm/common.sh
. "$(dirname "$0")/../test/vm/common.sh"
# shellcheck source=test/vm/build.sh
. "$vm_dir/build.sh"
build_tools
