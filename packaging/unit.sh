# shellcheck shell=sh
# What debhelper would write for a unit; @UNIT@ is enabled once, and what the
# administrator does to it afterwards is kept.
unit_enable() {
	deb-systemd-helper unmask @UNIT@ >/dev/null || true
	if deb-systemd-helper --quiet was-enabled @UNIT@; then
		deb-systemd-helper enable @UNIT@ >/dev/null || true
		unit_reload
	else
		unit_record
	fi
}

# unit_record: the administrator enables @UNIT@, if at all; purge takes that back.
unit_record() {
	deb-systemd-helper update-state @UNIT@ >/dev/null || true
	unit_reload
}

unit_reload() {
	if [ -d /run/systemd/system ]; then systemctl --system daemon-reload >/dev/null || true; fi
}

unit_invoke() {
	if [ -d /run/systemd/system ]; then deb-systemd-invoke "$1" @UNIT@ || true; fi
}

unit_forget() {
	unit_reload
	if [ "$1" = purge ] && command -v deb-systemd-helper >/dev/null; then
		deb-systemd-helper purge @UNIT@ >/dev/null || true
		deb-systemd-helper unmask @UNIT@ >/dev/null || true
	fi
}
