# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Checksums and sizes under offload: with segmentation and checksums left to the
# device on both sides of the director, on one, on the other, and on none. A
# wire whose sender computes checksums itself must show no wrong one.
# timeout: 240

setup_lab
serve_everywhere

# wires_of client|server on|off: both ends of the wires on that side.
wires_of() {
	case $1 in
	client)
		offload "$2" "$client" eth0
		offload "$2" "$director" cl
		;;
	server)
		offload "$2" "$rs1" eth0
		offload "$2" "$rs2" eth0
		offload "$2" "$director" rs1
		offload "$2" "$director" rs2
		;;
	esac
}

for family in 4 6; do
	fullnat_service -t $family 8080
	fullnat_service -u $family 53
done

for mode in on,on on,off off,on off,off; do
	wires_of client ${mode%,*}
	wires_of server ${mode#*,}
	name="offload $mode"
	[ ${mode%,*} = on ] || capture_start "$client" eth0 cl -Q in "tcp or udp"
	[ ${mode#*,} = on ] || capture_start "$rs1" eth0 rs -Q in "tcp or udp"
	for family in 4 6; do
		check "$name, IPv$family: transfers compare, each way" \
			in_ns "$client" labnet fetch -parallel 4 -size 150K "http://$(svc $family 8080)"
		check "$name, IPv$family: datagrams come back" \
			in_ns "$client" labnet udp-echo -size 1200 -flows 2 -count 4 "$(svc $family 53)"
	done
	if [ ${mode%,*} = off ]; then
		capture_stop cl >"$lab_tmp/cl.txt"
		expect_good_checksums "$name: no wrong checksum on the client's wire" "$lab_tmp/cl.txt"
		expect_no_match "$name: no packet larger than the wire" '[ (]length:? (1[5-9][0-9][1-9]|[2-9][0-9]{3}|[0-9]{5,})' "$(grep -E '^IP' "$lab_tmp/cl.txt")"
	fi
	if [ ${mode#*,} = off ]; then
		capture_stop rs >"$lab_tmp/rs.txt"
		expect_good_checksums "$name: no wrong checksum on the real server's wire" "$lab_tmp/rs.txt"
	fi
done
