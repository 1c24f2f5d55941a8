# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# SYNPROXY: what does not go together is refused, with a reason, in either order;
# what is configured is kept, saved and restored.
# timeout: 120

# shellcheck source=test/lab/lib-synproxy.sh
. /lab/lib-synproxy.sh
setup_director

for family in 4 6; do
	vip=$(svc $family 80)
	check_fails "IPv$family: not for UDP" ipvs -A -u "$vip" -s rr -j enable
	expect_match "IPv$family: and why not" 'synproxy is only for TCP' "$(ipvs -A -u "$vip" -s rr -j enable 2>&1 || true)"
	ipvs -A -u "$vip" -s rr
	expect_match "IPv$family: nor by an edit" 'synproxy is only for TCP' "$(ipvs -E -u "$vip" -s rr -j enable 2>&1 || true)"
	expect_no_match "IPv$family: which changes nothing" synproxy "$(ipvs -Ln)"
	ipvs -D -u "$vip"
	synproxied $family
	for method in -m -g; do
		check_fails "IPv$family: no real server by $method" ipvs -a -t "$vip" -r "$(rs 2 $family 80)" $method
		check_fails "IPv$family: nor changed to it" ipvs -e -t "$vip" -r "$(rs 1 $family 80)" $method
	done
	expect_match "IPv$family: the reason is said" 'synproxy' "$(ipvs -a -t "$vip" -r "$(rs 2 $family 80)" -m 2>&1 || true)"
	ipvs -E -t "$vip" -s rr -j disable
	ipvs -a -t "$vip" -r "$(rs 2 $family 80)" -m
	check_fails "IPv$family: not with a NAT real server there" ipvs -E -t "$vip" -s rr -j enable
	ipvs -d -t "$vip" -r "$(rs 2 $family 80)"
	ipvs -E -t "$vip" -s rr -j enable
	ipvs -S >"$lab_tmp/saved"
	expect_match "IPv$family: -S has it" '-j enable' "$(cat "$lab_tmp/saved")"
	ipvs -C
	ipvs -R <"$lab_tmp/saved"
	expect_eq "IPv$family: -R gives it back" "$(cat "$lab_tmp/saved")" "$(ipvs -S)"
	ipvs -D -t "$vip"
	ipvs -A -t "$vip" -s rr
	expect_no_match "IPv$family: -D takes it along" synproxy "$(ipvs -Ln)"
	ipvs -C
done
