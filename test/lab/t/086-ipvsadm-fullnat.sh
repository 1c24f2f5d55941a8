# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The commands of ipvsadm-go that stock has no word for: FULLNAT real servers,
# local addresses, saving and restoring them, and the restore by differences.
# timeout: 240
# edge: yes

setup_lab
# shellcheck disable=SC2154 # lib.sh's variables
svc=(-t "$vip4:80")

# adm ARGS...: ipvsadm-go in the director.
adm() { in_ns "$director" ipvsadm-go "$@"; }

# adm_says STATUS MESSAGE ARGS...: refused with the status and the message.
adm_says() {
	local want=$1 message=$2 out status=0
	shift 2
	out=$(adm "$@" 2>&1) || status=$?
	expect_eq "status of $*" "$want" "$status"
	expect_match "message of $*" "$message" "$out"
}

# no_conns: the module has no connection left.
no_conns() { [ -z "$(fullnat_conns .)" ]; }

adm -A "${svc[@]}" -s rr
adm -a "${svc[@]}" -r "$rs1_ip4:8080" -b -w 3 -x 100 -y 50
adm -P "${svc[@]}" -z 10.0.0.1-10.0.0.3
expect_match "-Ln names the method" "  -> $rs1_ip4:8080 +FullNat 3 +0 +0" "$(adm -Ln)"
expect_match "-a without a port copies the service's" "$rs2_ip4:80 +FullNat" \
	"$(adm -a "${svc[@]}" -r "$rs2_ip4" -b && adm -Ln)"
expect_eq "-G" "VIP:VPORT            TOTAL    SNAT_IP              CONFLICTS  CONNS     
$vip4:80     3        
                              10.0.0.1             0          0         
                              10.0.0.2             0          0         
                              10.0.0.3             0          0         " "$(adm -G)"
expect_eq "-G of a service is the same" "$(adm -G)" "$(adm -G "${svc[@]}")"

adm_says 255 "Local address already exists" -P "${svc[@]}" -z 10.0.0.2
adm_says 255 "^10.0.0.4: No such local address" -Q "${svc[@]}" -z 10.0.0.3-10.0.0.4
expect_no_match "the rest of the range is gone" "10.0.0.3 " "$(adm -G)"
adm_says 255 "Service not defined" -P -t "$vip4:81" -z 10.0.0.1
adm_says 255 "Service not defined" -Q -t "$vip4:81" -z 10.0.0.1
adm_says 1 "No such service" -G -t "$vip4:81"
adm_says 2 "is not IPv4 like its service" -P "${svc[@]}" -z "$lip6"
adm_says 255 "Service not defined" -a -t "$vip4:81" -r "$rs1_ip4" -b

# One-packet scheduling and FULLNAT, in both orders.
adm -A -u "$vip4:53" -s rr -o
adm_says 2 "does not go with one-packet" -a -u "$vip4:53" -r "$rs1_ip4" -b
adm -E -u "$vip4:53" -s rr
adm -a -u "$vip4:53" -r "$rs1_ip4" -b
adm_says 2 "does not go with FULLNAT" -E -u "$vip4:53" -s rr -o

# What stock cannot name, and the IPv6 twins.
adm -A -t "[$vip6]:80" -s wlc -p 60 -M 64
adm -a -t "[$vip6]:80" -r "[$rs1_ip6]:8080" -b
adm -P -t "[$vip6]:80" -z "$lip6"
adm -A -f 7 -s rr
adm -a -f 7 -r "$rs2_ip4:0" -b -w 0
adm -P -f 7 -z 10.0.0.1

saved=$(adm -Sn)
expect_match "-S has the local addresses" "^-P -t \[$vip6\]:80 -z $lip6\$" "$saved"
expect_match "-S has the thresholds" "-r $rs1_ip4:8080 -b -w 3 -x 100 -y 50\$" "$saved"
expect_eq "a restore by differences has nothing to do" "" "$(adm -R --atomic --dry-run <<<"$saved")"
adm -C
expect_eq "-C leaves nothing" "" "$(adm -Sn)"
adm -R <<<"$saved"
expect_eq "-S and -R are the identity" "$saved" "$(adm -Sn)"

adm -D "${svc[@]}"
adm -A "${svc[@]}" -s rr
expect_no_match "-D takes the local addresses along" "^-P -t $vip4:80" "$(adm -Sn)"
adm -R --atomic <<<"$saved"
expect_eq "--atomic mends what is missing" "$saved" "$(adm -Sn)"
changed=$(sed "s/ -w 3 / -w 4 /; /^-P -f 7/d; /^-[Aa] -u/d" <<<"$saved")
expect_eq "--dry-run tells the difference" "-D -u $vip4:53
-Q -f 7 -z 10.0.0.1
-e -t $vip4:80 -r $rs1_ip4:8080 -b -w 4 -x 100 -y 50" \
	"$(adm -R --atomic --dry-run <<<"$changed" | sort)"
adm -R --atomic <<<"$changed"
expect_eq "--atomic makes it so" "$changed" "$(adm -Sn)"

# A scheduler that the kernel does not have: what it was to replace stays, what is
# new comes.
refused=$(sed 's/^-A -f 7 -s rr/-A -f 8 -s nosuch/; / -f 7 /d' <<<"$changed")
adm_says 255 "^-A -f 8 -s nosuch: " -R --atomic <<<"$refused"
expect_eq "--atomic deletes nothing behind a refused line" "$changed" "$(adm -Sn)"
adm_says 255 "^lines left out .*: 1;" -R --atomic <<<"$refused
-A -f 9 -s rr"
expect_match "but adds" "^-A -f 9 -s rr" "$(adm -Sn)"
adm -C
zones="-K --zone 10.8.0.0/16
-U --zone 10.8.0.0/16 -z 10.0.0.1
-K --zone 10.9.0.0/16"
adm -R --atomic <<<"$zones"
adm_says 255 "^lines left out .*: 5;" -R --atomic <<-END
	-A -f 8 -s nosuch
	-K --zone 10.9.0.0/16
	-K --zone 10.8.0.0/16
	-U --zone 10.8.0.0/16 -z 10.0.0.1
END
expect_eq "nor moves a zone" "$zones" "$(adm -Sn)"
adm -C

# Connections: the columns are stock's, the local address comes when asked for.
serve "$rs1" rs1
adm -A "${svc[@]}" -s rr
adm -a "${svc[@]}" -r "$rs1_ip4:8080" -b
adm -P "${svc[@]}" -z "$lip4"
expect_match "FULLNAT serves the client" "^rs1 peer=$lip4:" \
	"$(curl_in "$client" "http://$vip4/")"
# Both lists are to have it in the same state.
poll_until 5 "the connection ends" eval 'adm -Lnc | grep -q TIME_WAIT'
expect_eq "-Lnc is stock's" "$(in_ns "$director" ipvsadm -Lnc | cut -c1-3,12-)" "$(adm -Lnc | cut -c1-3,12-)"
expect_match "-Lnc --local" "$client_ip4:[0-9]+ +$vip4:80 +$lip4:[0-9]+ +$rs1_ip4:8080" "$(adm -Lnc --local)"
expect_match "-Lc --json --local" "\"local\":\{\"address\":\"$lip4\",\"port\":[0-9]+\}" "$(adm -Lc --json --local)"
expect_match "-G counts the connection" " $lip4 +0 +1 " "$(adm -G)"

# Drain: what lives ends, nothing new comes in, and the tables stay.
adm_says 2 "Illegal 'numeric' option" --drain -n
saved=$(adm -Sn)
start_in "$client" keep labnet keep -n 2 "$vip4:80"
wait_log keep READY
expect_match "connections are there to be drained" " $lip4 +0 +[2-9] " "$(adm -G)"
expect_eq "--drain says nothing" "" "$(adm --drain 2>&1)"
poll_until 10 "--drain ends every connection" no_conns
stop keep || true
expect_counter_delta "then new ones are refused and get no answer" "$director" fullnat_draining '>=1' \
	eval '! in_ns "$client" curl -sS --max-time 2 "http://$vip4/"'
expect_eq "--drain keeps the tables" "$saved" "$(adm -Sn)"
adm -P "${svc[@]}" -z 10.0.0.2
expect_match "a new local address ends the drain" "^rs1 peer=10.0.0.[12]:" \
	"$(curl_in "$client" "http://$vip4/")"
adm --drain
poll_until 10 "a drained module can be removed" rmmod ip_vs_fullnat
adm_says 2 "nothing to drain: ip_vs_fullnat is not loaded" --drain
check_fails "--drain does not load it" test -e /sys/module/ip_vs_fullnat
adm -C
