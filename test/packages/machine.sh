# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A disk made from a root, and a machine that boots from it. Sourced behind
# test/vm/common.sh; $work is a folder of the caller's.

slow=${IPVS_FULLNAT_SLOW:-1}
# On a machine that is busy with other things, counted instructions keep the guest's
# clock from running ahead of it: "-accel tcg -icount shift=0,sleep=off -smp 1".
read -r -a processor <<<"${IPVS_FULLNAT_PROCESSOR:--accel tcg,thread=multi -smp 2}"
boot_seconds=$((3600 * slow))
# What packages are upgraded to.
# shellcheck disable=SC2034 # for callers
next_version=99.0.0

# All of ours.
# shellcheck disable=SC2034 # for callers
packages=(ip-vs-fullnat-dkms ipvsadm-go toa-dkms toa-ss toa-bpf)

# build_both DIR: this version in DIR/old, and one to upgrade to in DIR/new.
build_both() {
	"$top_dir/packaging/build.sh" -o "$1/old" >/dev/null
	"$top_dir/packaging/build.sh" -v "$next_version" -o "$1/new" >/dev/null
}

# make_disk ROOT STAGES: $work/disk with the root, what lies in $work/lab as /lab,
# and a unit that runs guest.sh. STAGES are words, with a "-" where the machine is
# to be booted again, and a "+" where its disk is to be changed before.
make_disk() {
	local root=$1
	echo "$2" >"$work/lab/stages"
	cp "$top_dir/test/packages/guest.sh" "$top_dir/README.md" "$build_dir/bin/labnet" "$work/lab/"
	cat >"$work/lab.service" <<-EOU
		[Unit]
		After=network-online.target systemd-modules-load.service ip-vs-fullnat.service ipvsadm-go.service
		[Service]
		Type=simple
		ExecStart=/bin/bash /lab/guest.sh
		TimeoutStopSec=10
		[Install]
		WantedBy=multi-user.target
	EOU
	rm -f "$work/disk"
	truncate -s 4G "$work/disk"
	PATH=$PATH:/sbin:/usr/sbin
	mkfs.ext4 -q -F -O ^has_journal -E lazy_itable_init=1 -d "$root" "$work/disk"
	{
		echo "mkdir /lab"
		(cd "$work/lab" && find . -mindepth 1 -type d -printf 'mkdir /lab/%P\n' -o -type f -printf "write $work/lab/%P /lab/%P\n")
		echo "write $work/lab.service /etc/systemd/system/lab.service"
		echo "symlink /etc/systemd/system/multi-user.target.wants/lab.service ../lab.service"
		echo "set_inode_field /lab/labnet mode 0100755"
	} | debugfs -w -f - "$work/disk" >"$work/debugfs.log" 2>&1
}

# boot_file NAME: a file of the disk's /boot, or of where the newest kernels keep it.
boot_file() {
	local path
	for path in "$@"; do
		rm -f "$work/${path##*/}"
		debugfs -R "dump -p $path $work/${path##*/}" "$work/disk" >/dev/null 2>&1
		if [ -s "$work/${path##*/}" ]; then
			echo "$work/${path##*/}"
			return
		fi
	done
	die "the disk has none of: $*"
}

# One machine at a time: the builds of several runs can go on beside.
machine_lock=$build_dir/machine.lock

# boot_once RELEASE: until the machine is switched off or wants to start again; what
# guest.sh reports goes to stdout.
boot_once() {
	local image initrd
	image=$(boot_file "/boot/vmlinuz-$1" "/usr/lib/modules/$1/vmlinuz")
	initrd=$(boot_file "/boot/initrd.img-$1")
	timeout --foreground "$boot_seconds" qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot \
		-cpu "$k_cpu" -m 2048 "${processor[@]}" -kernel "$image" -initrd "$initrd" \
		-append "root=/dev/vda rw console=ttyS0 loglevel=5 net.ifnames=0 panic=-1 oops=panic" \
		-drive "file=$work/disk,format=raw,if=virtio,cache=unsafe" \
		-serial "file:$work/console.log" -chardev stdio,id=result,signal=off -serial chardev:result \
		</dev/null 2>"$work/qemu.log" | sed -u 's/\r$//'
}

# result TEXT COMMAND...: as guest.sh's check, for what is done from outside.
result() {
	local text=$1 word=ok
	shift
	"$@" >"$work/outside.log" 2>&1 || word="not ok"
	echo "$word $text" | tee -a "$work/results"
	[ "$word" = ok ] || tail -n 40 "$work/outside.log" | sed 's/^/    /'
}

# from_dkms ROOT RELEASE MODULE
from_dkms() {
	in_root "$1" modinfo -k "$2" -n "$3" | grep /updates/dkms/
}

# changed_disk RELEASE: prints what change_disk does.
changed_disk() {
	local status=0
	mkdir -p "$work/mounted"
	mount -o loop "$work/disk" "$work/mounted"
	change_disk "$work/mounted" "$1" || status=$?
	umount "$work/mounted"
	return $status
}

# run_machine RELEASE: boots as often as the stages want. Every line of the guest's
# goes to $work/results and to stdout. Where they want the disk changed, the caller's
# "change_disk FOLDER RELEASE" does that, and prints which kernel is next. The emulator
# sometimes loses a kernel while that starts: such a boot is repeated.
run_machine() {
	local release=$1 last lost=0
	: >"$work/results"
	while :; do
		with_lock "$machine_lock" boot_once "$release" | tee "$work/boot" | { grep --line-buffered -v '^boot' || true; }
		cat "$work/boot" >>"$work/results"
		last=$(tail -n 1 "$work/boot")
		case $last in
		end) break ;;
		"")
			lost=$((lost + 1))
			[ $lost -lt 3 ] || {
				echo "not ok the machine starts" | tee -a "$work/results"
				break
			}
			tail -n 5 "$work/console.log" >&2
			;;
		reboot) release=$(sed -n 's/^boot //p' "$work/boot" | tail -n 1) ;;
		change)
			release=$(changed_disk "$release") || {
				echo "not ok the disk is changed" | tee -a "$work/results"
				break
			}
			;;
		*)
			tail -n 30 "$work/console.log" >&2
			echo "not ok the machine ended before its time" | tee -a "$work/results"
			break
			;;
		esac
	done
	! grep -q '^not ok' "$work/results" && grep -q '^ok' "$work/results"
}
