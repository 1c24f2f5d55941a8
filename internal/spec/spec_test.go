// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// fakeNames knows a host and a service, in both directions.
type fakeNames struct{}

func (fakeNames) HostAddr(name string) (netip.Addr, bool) {
	return netip.MustParseAddr("192.0.2.7"), name == "host"
}

func (fakeNames) ServicePort(name string, proto uint16) (uint16, bool) {
	return 80, name == "http" && proto == 6
}

func (fakeNames) AddrName(a netip.Addr) (string, bool) {
	return "host", a == netip.MustParseAddr("192.0.2.7")
}

func (fakeNames) PortName(port, proto uint16) (string, bool) {
	return "http", port == 80 && proto == 6
}

// The expectations follow ipvsadm 1.31; the differential test of the lab runs
// the same forms through it.
func TestParseEndpoint(t *testing.T) {
	tests := []struct {
		in   string
		want string // "" is refused; no port is "-"
	}{
		{"10.0.0.1:80", "10.0.0.1 80"},
		{"10.0.0.1", "10.0.0.1 -"},
		{"10.0.0.1:0", "10.0.0.1 0"},
		{"10.0.0.1:http", "10.0.0.1 80"},
		{"10.0.0.1:nothing", ""},
		{"10.0.0.1:", ""},
		{"10.0.0.1:65536", ""},
		{"10.0.0.1:+80", "10.0.0.1 80"},
		{"10.0.0.1:80 ", ""},
		{"host:http", "192.0.2.7 80"},
		{"nowhere:80", ""},
		{"80", ""},
		{"", ""},
		{":80", ""},
		{"10.1", "10.0.0.1 -"},
		{"0xa000001:1", "10.0.0.1 1"},
		{"[2001:db8::1]:80", "2001:db8::1 80"},
		{"2001:db8::1", "2001:db8::1 -"},
		{"[2001:db8::1]", ""},
		{"[2001:db8::1]80", ""},
		{"[2001:db8::1", ""},
		{"[2001:db8::1]:", ""},
		{"[2001:db8::1%lo]:80", ""},
		{"[10.0.0.1]:80", "10.0.0.1 -"},
		{"[host]:80", "192.0.2.7 -"},
		{"[10.0.0.1:8]:80", "10.0.0.1 8"},
	}
	for _, tt := range tests {
		e, ok := ParseEndpoint(tt.in, 6, fakeNames{})
		got := ""
		if ok {
			got = e.Addr.String() + " -"
			if e.HasPort {
				got = fmt.Sprintf("%v %d", e.Addr, e.Port)
			}
		}
		if got != tt.want {
			t.Errorf("%q is %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestAton(t *testing.T) {
	tests := map[string]string{
		"1.2.3.4": "1.2.3.4", "1.2.3": "1.2.0.3", "1.2": "1.0.0.2", "1": "0.0.0.1",
		"0x7f.1": "127.0.0.1", "0177.1": "127.0.0.1", "4294967295": "255.255.255.255",
		"1.16777215": "1.255.255.255", "1.2.65535": "1.2.255.255", "1.2.3.4 x": "1.2.3.4",
		"0": "0.0.0.0", "00": "0.0.0.0", "0X1": "0.0.0.1",
		"1.16777216": "", "1.2.65536": "", "1.2.3.256": "", "256.1": "", "4294967296": "",
		"": "", ".": "", "1.": "", "1..2": "", "1.2.3.4.5": "", "08": "", "0x": "", "x": "",
		"+1": "", "-1": "", "0x+1": "", "1_0": "", "0b1": "", " 1": "",
	}
	for in, want := range tests {
		a, ok := Aton(in)
		got := ""
		if ok {
			got = a.String()
		}
		if got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

func TestNumber(t *testing.T) {
	for _, in := range []string{"0", " 5", "+7", "010", "-0"} {
		if n, ok := Number(in, 0, 10); !ok {
			t.Errorf("%q is refused (%d)", in, n)
		}
	}
	for _, in := range []string{"", " ", "-1", "11", "5 ", "5x", "0x5", "+", "--5", "99999999999999999999"} {
		if n, ok := Number(in, 0, 10); ok {
			t.Errorf("%q is %d", in, n)
		}
	}
	for in, want := range map[string]int{"64": 64, "64x": 64, "x": 0, "": 0, "99999999999": 0} {
		if got := LeadingInt(in); got != want {
			t.Errorf("LeadingInt(%q) is %d, want %d", in, got, want)
		}
	}
}

func TestAppendAddr(t *testing.T) {
	for in, want := range map[string]string{
		"10.0.0.1": "10.0.0.1", "2001:db8:0:0:0:0:0:1": "2001:db8::1", "::1": "::1", "::": "::",
		"::ffff:10.0.0.1": "::ffff:10.0.0.1", "::a00:1": "::10.0.0.1", "::1:0": "::0.1.0.0",
		"::ffff": "::ffff", "1::": "1::", "0:1::": "0:1::",
	} {
		if got := string(AppendAddr(nil, netip.MustParseAddr(in))); got != want {
			t.Errorf("%s prints as %s, want %s", in, got, want)
		}
	}
}

func TestAppendEndpoint(t *testing.T) {
	v4, v6 := netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::1")
	for _, tt := range []struct {
		addr  netip.Addr
		port  uint16
		namer Namer
		want  string
	}{
		{v4, 80, nil, "192.0.2.7:80"},
		{v6, 80, nil, "[2001:db8::1]:80"},
		{v4, 80, fakeNames{}, "host:http"},
		{v6, 81, fakeNames{}, "[2001:db8::1]:81"},
		{v6, 80, longNames{}, "[" + strings.Repeat("n", 58)},
	} {
		if got := string(AppendEndpoint(nil, tt.addr, tt.port, 6, tt.namer)); got != tt.want {
			t.Errorf("%v port %d is %q, want %q", tt.addr, tt.port, got, tt.want)
		}
	}
}

type longNames struct{ fakeNames }

func (longNames) AddrName(netip.Addr) (string, bool) { return strings.Repeat("n", 100), true }

func TestSchedFlags(t *testing.T) {
	for _, tt := range []struct{ sched, in, list, save, err string }{
		{"sh", "sh-port,sh-fallback", "sh-fallback,sh-port", "sh-fallback,sh-port", ""},
		{"mh", "mh-port", "mh-port", "mh-port", ""},
		{"rr", "flag-1,flag-3", "flag-1,flag-3", "flag-1,flag-3", ""},
		{"sh", "flag-3", "", "flag-3", ""},
		{"sh", "flag-3,flag-2", "sh-port", "sh-port,flag-3", ""},
		{"sh", ",,", "", "", ""},
		{"rr", "sh-port", "", "", "incompatible scheduler flag `sh-port'"},
		{"", "mh-port", "", "", "incompatible scheduler flag `mh-port'"},
		{"sh", "x", "", "", "invalid scheduler flag `x'"},
	} {
		bits, err := ParseSchedFlags(tt.sched, tt.in)
		if got := errText(err); got != tt.err {
			t.Errorf("%s %q: error %q, want %q", tt.sched, tt.in, got, tt.err)
			continue
		}
		if got := FormatSchedFlags(tt.sched, bits); got != tt.list {
			t.Errorf("%s %q lists as %q, want %q", tt.sched, tt.in, got, tt.list)
		}
		if got := SaveSchedFlags(tt.sched, bits); got != tt.save {
			t.Errorf("%s %q saves as %q, want %q", tt.sched, tt.in, got, tt.save)
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestParseZone(t *testing.T) {
	for in, want := range map[string]string{
		"10.0.0.0/8": "10.0.0.0/8", "10.0.0.0/255.0.0.0": "10.0.0.0/8", "10.0.0.1": "10.0.0.1/32",
		"0.0.0.0/0": "0.0.0.0/0", "2001:db8::/32": "2001:db8::/32", "2001:db8::1": "2001:db8::1/128",
		"[2001:db8::]/32": "2001:db8::/32", "0.0.0.0/0.0.0.0": "0.0.0.0/0",
	} {
		z, err := ParseZone(in)
		if err != nil || z.String() != want {
			t.Errorf("%q is %v, %v, want %s", in, z, err, want)
		}
	}
	for in, want := range map[string]string{
		"10.0.0.1/24":          "the network is 10.0.0.0/24",
		"2001:db8::1/64":       "the network is 2001:db8::/64",
		"10.0.0.0/33":          "bad mask",
		"10.0.0.0/":            "bad mask",
		"10.0.0.0/-1":          "bad mask",
		"10.0.0.0/255.0.255.0": "bad mask",
		"2001:db8::/255.0.0.0": "bad mask",
		"10.0.0/8":             "not an address",
		"x":                    "not an address",
		"":                     "not an address",
	} {
		if z, err := ParseZone(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is %v, %v, want an error with %q", in, z, err, want)
		}
	}
	if got := FormatZone(netip.MustParsePrefix("10.0.0.0/9")); got != "10.0.0.0/255.128.0.0" {
		t.Errorf("zone prints as %s", got)
	}
	if got := FormatZone(netip.MustParsePrefix("0.0.0.0/0")); got != "0.0.0.0/0.0.0.0" {
		t.Errorf("zone prints as %s", got)
	}
}

func TestParseRange(t *testing.T) {
	for in, size := range map[string]uint64{
		"10.0.0.1": 1, "10.0.0.1-10.0.0.4": 4, "10.0.0.0-10.0.255.255": 65536,
		"2001:db8::1-2001:db8::ff": 255, "[2001:db8::1]": 1, "10.0.0.1-10.0.0.1": 1,
		"2001:db8::ffff:ffff:ffff:ffff-2001:db8:0:1::1": 3,
	} {
		first, last, err := ParseRange(in)
		if err != nil || RangeSize(first, last) != size {
			t.Errorf("%q is %v to %v, %v, want %d addresses", in, first, last, err, size)
		}
	}
	for _, in := range []string{"", "-", "10.0.0.1-", "-10.0.0.1", "10.0.0.4-10.0.0.1", "10.0.0.1-2001:db8::1",
		"10.0.0.0-10.1.0.0", "2001:db8::-2001:db9::", "10.0.0.1-10.0.0.2-10.0.0.3", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"} {
		if first, last, err := ParseRange(in); err == nil {
			t.Errorf("%q is %v to %v", in, first, last)
		}
	}
}

func TestParseGroup(t *testing.T) {
	for _, in := range []string{"224.0.0.81", "239.255.255.255", "ff02::51"} {
		if a, err := ParseGroup(in); err != nil || a.String() != in {
			t.Errorf("%q is %v, %v", in, a, err)
		}
	}
	for in, want := range map[string]string{
		"10.0.0.1": "invalid IPv4 mcast-group `10.0.0.1'", "": "invalid IPv4 mcast-group `'",
		"2001:db8::1": "invalid IPv6 mcast-group `2001:db8::1'", "ff02::1%lo": "invalid IPv6 mcast-group `ff02::1%lo'",
		"::ffff:224.0.0.1": "invalid IPv6 mcast-group `::ffff:224.0.0.1'",
	} {
		if _, err := ParseGroup(in); errText(err) != want {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}

// FuzzEndpoint holds that what is printed is read back as the same.
func FuzzEndpoint(f *testing.F) {
	for _, s := range []string{"10.0.0.1:80", "[2001:db8::1]:80", "host:http", "[::1", "0x1.2:3", "1 :2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, ok := ParseEndpoint(s, 6, fakeNames{})
		if !ok {
			return
		}
		printed := string(AppendEndpoint(nil, e.Addr, e.Port, 6, nil))
		again, ok := ParseEndpoint(printed, 6, fakeNames{})
		if !ok || again.Addr != e.Addr || again.Port != e.Port {
			t.Fatalf("%q is %v, printed %q, read as %v, %v", s, e, printed, again, ok)
		}
	})
}

// FuzzZoneAndRange holds that what is accepted is what the messages promise.
func FuzzZoneAndRange(f *testing.F) {
	for _, s := range []string{"10.0.0.0/8", "10.0.0.0/255.0.0.0", "10.0.0.1-10.0.0.9", "::-::1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if z, err := ParseZone(s); err == nil {
			if again, err := ParseZone(FormatZone(z)); err != nil || again != z {
				t.Fatalf("%q is %v, printed %q, read as %v, %v", s, z, FormatZone(z), again, err)
			}
		}
		if first, last, err := ParseRange(s); err == nil && (last.Less(first) || RangeSize(first, last) > RangeMax) {
			t.Fatalf("%q is %v to %v", s, first, last)
		}
	})
}

// FuzzAton compares with the plain form where that is one.
func FuzzAton(f *testing.F) {
	f.Add(uint32(0x0a000001))
	f.Fuzz(func(t *testing.T, n uint32) {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], n)
		want := netip.AddrFrom4(b)
		if got, ok := Aton(want.String()); !ok || got != want {
			t.Fatalf("%v is %v, %v", want, got, ok)
		}
	})
}
