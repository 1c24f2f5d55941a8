# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# As 088, with 20 000 services of two real servers each; and a restore of many
# lines that the kernel refuses, in 100 MB of memory.
# modules: ip_vs
# timeout: 3600

# shellcheck source=test/lab/lib-speed.sh
. /lab/lib-speed.sh

speed_pairs=3
speed_services 20000
race_tables "save -Sn" "list -Ln"

# refused_lines: 200 000 of them, with 100 MB for the data of the program.
refused_lines() {
	awk 'BEGIN { for (i = 0; i < 200000; i++) print "-a -t 10.0.0.1:80 -r 172.16.0.1:80 -m" }' |
		(ulimit -d 102400 && ipvsadm-go -R) 2>&1 | tail -n 1
}
expect_eq "refused lines leave nothing in memory" "line 200000: Service not defined" "$(refused_lines)"
