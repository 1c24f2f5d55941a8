# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# ipvsadm-go takes the place of ipvsadm 1.31: the same command lines run through
# both, in two namespaces, and status, output, messages and table are compared.
# modules: ip_vs
# timeout: 1500
# once: newest

# shellcheck disable=SC2154 # lib.sh's variables
difftest=$lab_tmp/difftest
if difftest -seed "${DIFFTEST_SEED:-$RANDOM}" >"$difftest" 2>&1; then
	ok "stock and ours agree: $(tail -n 1 "$difftest")"
else
	not_ok "stock and ours agree" "$(cat "$difftest")"
fi
