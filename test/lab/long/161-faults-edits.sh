# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Allocations that fail: each single one of edits by ipvsadm-go, of services, local
# addresses and zones. An edit is done, or it is refused in words and has changed
# nothing.
# timeout: 900

# shellcheck source=test/lab/lib-faults.sh
. /lab/lib-faults.sh
faults_setup
setup_director
add_client
faults_of_module ip_vs_fullnat

refused=0 tolerated=0 odd=
# edit WORDS UNDO: of ipvsadm-go, while each allocation fails; UNDO takes it back
# when it could do without. One that leaves half of itself cannot be done again.
edit() {
	words=$1 undo=${2:-}
	fail_each edit_act has_failed edit_judge
	echo "# $words: $fail_steps allocations"
	if [ "$status" -ne 0 ]; then odd+="$words, with memory: $out"$'\n'; fi
}
edit_act() {
	fail_next "$1"
	# shellcheck disable=SC2086 # words of a command
	out=$(ipvs $words 2>&1) && status=0 || status=$?
}
edit_judge() {
	if [ "$status" -ne 0 ]; then
		refused=$((refused + 1))
		said_memory "$out" || odd+="$words, $fail_steps: $out"$'\n'
	else
		tolerated=$((tolerated + 1))
		# shellcheck disable=SC2086 # words of a command
		[ -z "$undo" ] || ipvs $undo
	fi
}

saved() { ipvs -S -n | tr -d '[]' | LC_ALL=C sort; }
vip=$(svc 4 9000) zone=2001:db8:99::/48
edit "-A -t $vip -s rr -j enable" "-D -t $vip"
edit "-P -t $vip -z $(lip 3 4)" "-Q -t $vip -z $(lip 3 4)"
edit "-P -t $vip -z $(lip 4 4)" "-Q -t $vip -z $(lip 4 4)"
edit "-E -t $vip -s wrr -j disable" "-E -t $vip -s rr -j enable"
edit "-K --zone $zone" "-V --zone $zone"
# Of a device's network: addresses of a zone are grouped by those.
for i in 77 78; do edit "-U --zone $zone -z 2001:db8:c::$i" "-W --zone $zone -z 2001:db8:c::$i"; done
edit "-Lnc --local"
expect_eq "what was not refused is there, and nothing of the rest" "-A -t $vip -s wrr
-K --zone $zone
-P -t $vip -z $(lip 3 4)
-P -t $vip -z $(lip 4 4)
-U --zone $zone -z 2001:db8:c::77
-U --zone $zone -z 2001:db8:c::78" "$(saved)"
edit "-W --zone $zone -z 2001:db8:c::77" "-U --zone $zone -z 2001:db8:c::77"
edit "-Q -t $vip -z $(lip 3 4)" "-P -t $vip -z $(lip 3 4)"
expect_eq "so it is when some are removed" "-A -t $vip -s wrr
-K --zone $zone
-P -t $vip -z $(lip 4 4)
-U --zone $zone -z 2001:db8:c::78" "$(saved)"
ipvs -V --zone "$zone"
ipvs -D -t "$vip"
echo "# edits: $refused were refused, $tolerated could be done without"
expect_eq "each edit is done, or refused in words and not at all" "" "$odd"
expect_within "edits were refused" 12 1000 $refused
expect_eq "and nothing of them is left" "" "$(ipvs -S -n)"
