# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Ten thousand connections, opened and given back: none is forgotten, and no
# port of theirs.
# timeout: 240
# once: newest

setup_lab
serve_everywhere
fullnat_service -t 4 80
ipvs -P -t "$vip4:80" -z "$(lip 2 4)"
before=$(counter "$director" fullnat_conn_bound)
check "10000 connections are opened and served" \
	run_in "$client" labnet conns -n 10000 -parallel 40 -reset -timeout 20s "$vip4:80"
expect_eq "each was bound once" 10000 $(($(counter "$director" fullnat_conn_bound) - before))
expect_eq "nothing was refused" "0 0 0" \
	"$(counter "$director" fullnat_no_port) $(counter "$director" fullnat_no_mem) $(counter "$director" fullnat_unbound)"
poll_until 40 "all are given back" all_given_back
expect_eq "-G counts none" "0 0" "$(conns_of -t "$vip4:80" "$lip4") $(conns_of -t "$vip4:80" "$(lip 2 4)")"
expect_match "nor does stock" "-> $rs1_ip4:80 +FullNat 1 +0 +0" "$(ipvs -Ln)"
poll_until 5 "the module has no users left" rmmod ip_vs_fullnat
