# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Local addresses: several of a service, one of several services, adding and
# removing, also under connections in use, and a service without any.
# timeout: 240

setup_lab
serve_everywhere

# log_lines TEXT: those of the kernel's log since the scene began.
log_lines() {
	dmesg | awk '/lab: scene / { lines = "" } index($0, text) { lines = lines $0 "\n" } END { printf "%s", lines }' text="$1"
}

# five_seconds_apart LINES: there are some, and never two within the time that
# the module keeps silent. The kernel's clock in the log is a moment late.
five_seconds_apart() {
	sed -n 's/^\[ *\([0-9.]*\)\].*/\1/p' <<<"$1" |
		awk 'NR > 1 && $1 - last < 4.9 { bad = 1 } { last = $1 } END { exit !NR || bad }'
}

# First of all, as its log is rate limited: a service without a local address.
for family in 4 6; do
	fullnat_service -u $family 53
	ipvs -Q -u "$(svc $family 53)" -z "$(lip 1 $family)"
done
expect_counter_delta "without a local address IPv4 is dropped and counted" "$director" fullnat_no_laddr 4 \
	eval '! in_ns "$client" labnet udp-echo -flows 4 -timeout 50ms "$vip4:53"'
expect_counter_delta "without a local address IPv6 is dropped and counted" "$director" fullnat_no_laddr 4 \
	eval '! in_ns "$client" labnet udp-echo -flows 4 -timeout 50ms "[$vip6]:53"'
out=$(log_lines 'no local address')
check "which is logged once in five seconds" five_seconds_apart "$out"
expect_match "with the service" "$vip4:53 -> 10\.0\.[12]\.1[12]:53: service has no local address" "$out"
ipvs -C
ipvs -A -u "$vip4:53" -s rr
ipvs -a -u "$vip4:53" -r "$rs1_ip4:53" -b
expect_counter_delta "a service that never had one counts too" "$director" fullnat_no_service 1 \
	eval '! in_ns "$client" labnet udp-echo -timeout 50ms "$vip4:53"'
ipvs -C

for family in 4 6; do
	service=$(svc $family 80)
	fullnat_service -t $family 80
	expect_match "IPv$family: a second -P of the same is refused" 'already|exist' \
		"$(ipvs -P -t "$service" -z "$(lip 1 $family)" 2>&1)"
	expect_match "IPv$family: -Q of one that is not there is refused" '[Nn]o such|not ' \
		"$(ipvs -Q -t "$service" -z "$(lip 4 $family)" 2>&1)"
	check_fails "IPv$family: and says so by its status" ipvs -Q -t "$service" -z "$(lip 4 $family)"
	check_fails "IPv$family: the same for -P" ipvs -P -t "$service" -z "$(lip 1 $family)"
	check_fails "IPv$family: -P of a missing service is refused" ipvs -P -t "$(svc $family 81)" -z "$(lip 1 $family)"

	for n in 2 3 4; do ipvs -P -t "$service" -z "$(lip $n $family)"; done
	start_in "$client" hold labnet conns -n 32 -parallel 4 -request -hold 60s "$service"
	wait_log hold opened
	for n in 1 2 3 4; do
		# Each CPU takes them in turn for itself.
		expect_within "IPv$family: local address $n is used in its turn" 5 11 "$(conns_of -t "$service" "$(lip $n $family)")"
	done
	stop hold || true

	# Taken away under connections in use.
	start_in "$client" keep labnet keep -n 8 "$service"
	wait_log keep READY
	for n in 1 2 3; do ipvs -Q -t "$service" -z "$(lip $n $family)"; done
	out=$(web $family)$'\n'$(web $family)$'\n'$(web $family)
	expect_eq "IPv$family: new connections take what is left" \
		"$(host "$(lip 4 $family)")" "$(sed -E 's/.*peer=(.*):[0-9]+ local.*/\1/' <<<"$out" | sort -u)"
	expect_within "IPv$family: those on removed ones are there" 6 16 \
		"$(fullnat_conns " $(regex "$(host "$(lip 1 $family)")"):" | wc -l)"
	ipvs -Q -t "$service" -z "$(lip 4 $family)"
	expect_kept "IPv$family: connections live on without a local address" keep
	expect_match "IPv$family: -G shows a service with none" "$(regex "$service") +0" "$(ipvs -G -t "$service")"
	check_fails "IPv$family: new ones are dropped" in_ns "$client" labnet conns -n 1 -timeout 300ms "$service"
	ipvs -D -t "$service"

	# One local address for two services and both protocols.
	fullnat_service -t $family 80
	fullnat_service -t $family 8080
	fullnat_service -u $family 53
	lip=$(regex "$(host "$(lip 1 $family)")")
	expect_match "IPv$family: one local address for a service" "peer=$lip:" "$(web $family)"
	expect_match "IPv$family: for another" "peer=$lip:" "$(web $family 8080)"
	check "IPv$family: and for UDP" in_ns "$client" labnet udp-echo -flows 4 "$(svc $family 53)"
	expect_eq "IPv$family: -G counts each service's own" "1 1 4" \
		"$(conns_of -t "$(svc $family 80)" "$(lip 1 $family)") $(conns_of -t "$(svc $family 8080)" "$(lip 1 $family)") $(conns_of -u "$(svc $family 53)" "$(lip 1 $family)")"
	ipvs -D -t "$service"
	expect_match "IPv$family: removing one service leaves the other" "peer=$lip:" "$(web $family 8080)"
done
