# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# modules: none
skip "for no reason that the table of kernels has"
