# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# SNAT zones changed while they are in use, the log of translations, and the end:
# a drain, and a namespace that goes with its flows.
# timeout: 150
# once: yes

. /lab/lib-snat.sh
setup_snat_lab
give_up_soon "$in1" "$out"
serve "$out" out
switch_on
zone 1 4 "$lip4"

# The log: begin and end.
start_in "$director" log ipvsadm-go --snat-log
poll_until 10 "the log has what begins" eval 'seen_from "$in1" 4 >/dev/null; grep -q " new tcp $in1_ip4:.* -> $out_ip4:80 as $lip4:" "$lab_tmp/log.log"'

# Edits under load: nobody loses a connection.
start_in "$in1" keep labnet keep -n 20 -interval 50ms "$(outside 4 80)"
wait_log keep READY
for _ in $(seq 8); do
	ipvs -K --zone 10.1.0.10/32
	ipvs -U --zone 10.1.0.10/32 -z "$(lip 2 4)"
	seen_from "$in1" 4 >/dev/null
	ipvs -W --zone 10.1.0.10/32 -z "$(lip 2 4)"
	ipvs -V --zone 10.1.0.10/32
done
ipvs -V --zone "$in1_net4"
expect_kept "connections outlive edits of zones, and the zone itself" keep

ipvs --drain
poll_until 15 "drained" flows_done
poll_until 10 "the log has what ends" grep -q " end tcp $in1_ip4:.* -> $out_ip4:80 as $lip4:" "$lab_tmp/log.log"
stop log || true

# A namespace that dies takes its flows along; the runner finds what is left.
# The machine's ends go by RST: nobody is left who would answer a FIN.
zone 1 6 "$lip6"
start_in "$in1" last labnet conns -n 20 -reset -request -hold 30s "$(outside 6 8080)"
wait_log last '"opened":20'
ip netns del "$director"
check "the module lives on" test -d /sys/module/ip_vs_fullnat
