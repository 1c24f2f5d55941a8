// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestNetmask(t *testing.T) {
	mask := func(s string) Netmask { return IPv4Netmask(netip.MustParseAddr(s)) }
	tests := []struct {
		name   string
		m      Netmask
		af     AddressFamily
		format string
		bits   int
		prefix bool
	}{
		{"zero, IPv4", Netmask{}, IPv4, "255.255.255.255", 32, true},
		{"zero, IPv6", Netmask{}, IPv6, "128", 128, true},
		{"24", PrefixNetmask(IPv4, 24), IPv4, "255.255.255.0", 24, true},
		{"spelt out", mask("255.255.255.0"), IPv4, "255.255.255.0", 24, true},
		{"all", mask("0.0.0.0"), IPv4, "0.0.0.0", 0, true},
		{"with holes", mask("255.0.255.0"), IPv4, "255.0.255.0", 0, false},
		{"64", PrefixNetmask(IPv6, 64), IPv6, "64", 64, true},
		{"1", PrefixNetmask(IPv6, 1), IPv6, "1", 1, true},
		{"IPv6 too small", PrefixNetmask(IPv6, 0), IPv6, "1", 1, true},
		{"IPv6 too large", PrefixNetmask(IPv6, 129), IPv6, "128", 128, true},
		{"IPv4 too small", PrefixNetmask(IPv4, -1), IPv4, "0.0.0.0", 0, true},
		{"IPv4 too large", PrefixNetmask(IPv4, 33), IPv4, "255.255.255.255", 32, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.m.Format(tt.af); got != tt.format {
				t.Errorf("formatted %s, want %s", got, tt.format)
			}
			bits, ok := tt.m.Bits(tt.af)
			if ok != tt.prefix || (ok && bits != tt.bits) {
				t.Errorf("bits %d %v, want %d %v", bits, ok, tt.bits, tt.prefix)
			}
			wire, err := tt.m.wire(tt.af)
			if err != nil {
				t.Fatal(err)
			}
			if back, err := parseNetmask(tt.af, wire[:]); err != nil || back != tt.m {
				t.Errorf("came back as %v, %v", back, err)
			}
		})
	}
}

// TestNetmask_allPrefixes: every length of a prefix is told apart and kept.
func TestNetmask_allPrefixes(t *testing.T) {
	for af, most := range map[AddressFamily]int{IPv4: 32, IPv6: 128} {
		for n := 1; n <= most; n++ {
			m := PrefixNetmask(af, n)
			if got, ok := m.Bits(af); !ok || got != n {
				t.Errorf("%v /%d came back as %d", af, n, got)
			}
			if m.IsHost() != (n == most) {
				t.Errorf("%v /%d: IsHost is %v", af, n, m.IsHost())
			}
		}
	}
}

func TestNetmask_otherFamily(t *testing.T) {
	if _, ok := PrefixNetmask(IPv6, 64).Bits(IPv4); ok {
		t.Error("an IPv6 mask has IPv4 bits")
	}
	if _, ok := PrefixNetmask(IPv4, 24).Bits(IPv6); ok {
		t.Error("an IPv4 mask has IPv6 bits")
	}
	if a := PrefixNetmask(IPv6, 64).Addr(); a.String() != "0.0.0.0" {
		t.Errorf("address of an IPv6 mask is %v", a)
	}
	if m := IPv4Netmask(netip.MustParseAddr("::1")); !m.IsHost() {
		t.Errorf("IPv4 mask of an IPv6 address is %v", m)
	}
}

func TestStrings(t *testing.T) {
	for want, v := range map[string]fmt.Stringer{
		"IPv4": IPv4, "IPv6": IPv6, "AF(3)": AddressFamily(3),
		"tcp": TCP, "udp": UDP, "sctp": SCTP, "proto(2)": Protocol(2),
		"Masq": Masquerade, "Local": Local, "Tunnel": Tunnel, "Route": DirectRoute,
		"Bypass": Bypass, "FullNat": FullNAT, "FwdMethod(6)": FwdMethod(6),
		"master": DaemonMaster, "backup": DaemonBackup, "DaemonState(0)": DaemonState(0),
		"1.2.1":                Version(0x10201),
		"[2001:db8::1]:53":     DestKey{dns6.Addr, 53},
		"udp [2001:db8::1]:53": dns6,
		"fwmark 7 IPv6":        mark,
		"add local address":    EventAddLocalAddr,
		"EventKind(99)":        EventKind(99),
	} {
		if v.String() != want {
			t.Errorf("%T prints %q, want %q", v, v, want)
		}
	}
}

func TestFamilyOf(t *testing.T) {
	for s, want := range map[string]AddressFamily{"192.0.2.1": IPv4, "2001:db8::1": IPv6, "::ffff:192.0.2.1": IPv6} {
		if got := FamilyOf(netip.MustParseAddr(s)); got != want {
			t.Errorf("%s is %v, want %v", s, got, want)
		}
	}
	if got := FamilyOf(netip.Addr{}); got != 0 {
		t.Errorf("zero address is %v", got)
	}
	if got := inetAddr(netip.Addr{}); got != [16]byte{} {
		t.Errorf("zero address is laid out as %v", got)
	}
}

func TestCapabilities_Has(t *testing.T) {
	c := CapFullNAT | CapDrain
	if !c.Has(CapDrain) || !c.Has(CapFullNAT|CapDrain) || c.Has(CapZone) || c.Has(CapDrain|CapZone) {
		t.Errorf("%#x", uint32(c))
	}
}

func TestKernelError_Is(t *testing.T) {
	tests := []struct {
		errno syscall.Errno
		is    []error
	}{
		{syscall.ENOENT, []error{ErrNotExist, os.ErrNotExist, syscall.ENOENT}},
		{syscall.ESRCH, []error{ErrNotExist, ErrNoService, syscall.ESRCH}},
		{syscall.EEXIST, []error{ErrExist, os.ErrExist}},
		{syscall.EPERM, []error{ErrPermission, os.ErrPermission}},
		{syscall.EOPNOTSUPP, []error{ErrUnsupported, errors.ErrUnsupported}},
		{syscall.EINVAL, []error{ErrInvalid}},
		{syscall.ERANGE, []error{ErrInvalid}},
		{syscall.EAFNOSUPPORT, []error{ErrInvalid}},
		{syscall.EBUSY, []error{syscall.EBUSY}},
	}
	all := []error{ErrNotExist, ErrNoService, ErrExist, ErrPermission, ErrUnsupported, ErrInvalid, ErrNoFamily, ErrInterrupted, ErrOverrun}
	for _, tt := range tests {
		err := fmt.Errorf("outside: %w", &KernelError{Op: "op", Errno: tt.errno})
		want := map[error]bool{}
		for _, target := range tt.is {
			want[target] = true
			if !errors.Is(err, target) {
				t.Errorf("%v is not %v", tt.errno, target)
			}
		}
		for _, target := range all {
			if !want[target] && errors.Is(err, target) {
				t.Errorf("%v is %v", tt.errno, target)
			}
		}
	}
}

func TestErrors_text(t *testing.T) {
	k := &KernelError{Op: "add service tcp 192.0.2.1:80", Errno: syscall.EEXIST}
	if got := k.Error(); got != "add service tcp 192.0.2.1:80: file exists" {
		t.Errorf("%q", got)
	}
	k.Msg = "the service has this address already"
	if got := k.Error(); !strings.HasSuffix(got, ": file exists (the service has this address already)") {
		t.Errorf("%q", got)
	}
	f := &FamilyError{Name: "IPVS", Err: syscall.ENOENT}
	if !errors.Is(f, ErrNoFamily) || !errors.Is(f, syscall.ENOENT) || errors.Is(f, ErrNotExist) {
		t.Errorf("%v", f)
	}
	if !strings.Contains(f.Error(), "family IPVS:") {
		t.Errorf("%q", f)
	}
}
