# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# ipvsadm-go beside ipvsadm 1.31: restore, save and list of many services, and
# the time of a single command. The bounds are what was promised, not what was
# measured: of many services ours takes about half of stock's time, and a single
# command, most of which is the start of the program, about as long as stock's.
# modules: ip_vs
# timeout: 600
# once: newest

# shellcheck source=test/lab/lib-speed.sh
. /lab/lib-speed.sh

speed_services 400
race_tables "save -Sn" "list -Ln" "stats -Ln --stats"

one_service() {
	ipvsadm -C
	ipvsadm -A -t 10.0.0.1:80
}

# add_servers TOOL: ten starts.
add_servers() {
	local i
	for ((i = 1; i <= 10; i++)); do
		"$1" -a -t 10.0.0.1:80 -r 172.16.0.$i:80 -m
	done
}

# Ten starts are over sooner than a whole table, so there is time for more.
speed_pairs=9
race "a single -a" "${start_bound:-150}" one_service add_servers
expect_eq "all of them were added" 10 "$(ipvsadm -Ln | grep -c '  -> 172')"
ipvsadm -C
