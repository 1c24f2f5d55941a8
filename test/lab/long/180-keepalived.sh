# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What stock keepalived does beside FULLNAT services, and what it cannot do:
# docs/keepalived.md says what is found here.
# timeout: 240
# qemu: -accel tcg -icount shift=0,sleep=off -smp 1

setup_lab
serve_everywhere
fullnat_service -t 4 80
svc=$(svc 4 80)
conf=$lab_tmp/keepalived.conf

# table: services and real servers, and their local addresses.
table() {
	in_ns "$director" ipvsadm-go -S -n
}

# keepalived_start: its checkers, by $conf.
keepalived_start() {
	start_in "$director" keepalived keepalived -n -l -D -C -f "$conf" \
		-p "$lab_tmp/keepalived.pid" -c "$lab_tmp/checkers.pid"
}

has_line() {
	table | grep -qE -- "$1"
}

lacks_line() {
	! has_line "$1"
}

# health: a virtual server on mark 80 of which no packet is ever marked,
# whose checks switch the FULLNAT real server by scripts.
health() {
	cat <<-EOC
		global_defs {
		    script_user root
		    enable_script_security
		}
		virtual_server fwmark 80 {
		    delay_loop 1
		    lvs_sched rr
		    lvs_method NAT
		    protocol TCP
		    real_server $rs1_ip4 80 {
		        notify_up "/lab/bin/ipvsadm-go -e -t $svc -r $rs1_ip4:80 -b -w 1"
		        notify_down "/lab/bin/ipvsadm-go -e -t $svc -r $rs1_ip4:80 -b -w 0"
		        TCP_CHECK {
		            connect_port 8080
		            connect_timeout 1
		            retry 0
		        }
		    }
		}
	EOC
}

before=$(table)
cat >"$conf" <<-EOC
	virtual_server $vip4 80 {
	    lvs_sched rr
	    lvs_method FNAT
	    protocol TCP
	    real_server $rs1_ip4 80 {
	    }
	}
EOC
out=$(in_ns "$director" keepalived -t -l -f "$conf" 2>&1) || true
expect_match "keepalived knows no such method" "unknown \\[FNAT\\] routing method" "$out"
expect_match "and would take NAT" "setting default NAT" "$out"
expect_eq "the table is as it was" "$before" "$(table)"

cat >"$conf" <<-EOC
	virtual_server $vip4 8080 {
	    delay_loop 1
	    lvs_sched rr
	    lvs_method NAT
	    protocol TCP
	    real_server $rs1_ip4 8080 {
	        TCP_CHECK {
	            connect_timeout 1
	        }
	    }
	}
EOC
keepalived_start
poll_until 30 "beside, its own service comes" has_line "^-A -t $vip4:8080"
expect_eq "ours is as it was" "$before" "$(table | grep -v ":8080")"
stop keepalived || true
poll_until 30 "it goes when keepalived ends" lacks_line ":8080"
expect_eq "ours stays" "$before" "$(table)"

cat >"$conf" <<-EOC
	virtual_server $vip4 80 {
	    delay_loop 1
	    lvs_sched rr
	    lvs_method NAT
	    protocol TCP
	    real_server $rs1_ip4 80 {
	        TCP_CHECK {
	            connect_timeout 1
	        }
	    }
	}
EOC
keepalived_start
wait_log keepalived "TCP connection to .* success" 60
expect_eq "the same service in keepalived: nothing changes while it runs" "$before" "$(table)"
stop keepalived || true
poll_until 30 "but the service is gone when it ends" lacks_line "-t $svc"

ipvs -C
fullnat_service -t 4 80
health >"$conf"
ipvs -e -t "$svc" -r "$rs1_ip4:80" -b -w 0
keepalived_start
poll_until 60 "a check that succeeds sets the weight" has_line "-r $rs1_ip4:80 -b -w 1"
ip netns exec "$rs1" nft -f - <<<'table inet t { chain c { type filter hook input priority 0; tcp dport 8080 reject with tcp reset; }; }'
poll_until 60 "one that fails takes it away" has_line "-r $rs1_ip4:80 -b -w 0"
ip netns exec "$rs1" nft delete table inet t
poll_until 60 "and one that succeeds again brings it back" has_line "-r $rs1_ip4:80 -b -w 1"
expect_match "the local address is there" "-P -t $vip4:80 -z $lip4" "$(table)"
stop keepalived || true
poll_until 30 "its own service goes with it" lacks_line "-f 80"
expect_eq "the FULLNAT service stays" "$before" "$(table)"
