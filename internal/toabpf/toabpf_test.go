// SPDX-License-Identifier: Apache-2.0

package toabpf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

func TestKinds(t *testing.T) {
	for list, want := range map[string]string{
		"254,253,200": "254,253,200",
		"200 254\t9,": "254,200,9",
		"":            "",
	} {
		k, err := ParseKinds(list)
		if err != nil || k.String() != want {
			t.Errorf("%q: %q, %v; want %q", list, k, err, want)
		}
	}
	for _, list := range []string{"8", "30", "34", "19", "29", "256", "300", "x", "-1", "254,30", "0x10"} {
		if _, err := ParseKinds(list); err == nil {
			t.Errorf("%q was taken", list)
		}
	}
	if got := DefaultConfig().Kinds.String(); got != "254,253,200" {
		t.Errorf("default kinds are %s", got)
	}
}

func TestTrusted(t *testing.T) {
	for list, want := range map[string]string{
		"10.0.0.0/24,2001:db8::/64": "10.0.0.0/24,2001:db8::/64",
		"10.0.0.9/24 10.0.0.0/24":   "10.0.0.0/24",
		"192.0.2.1,::1":             "192.0.2.1/32,::1/128",
		"::ffff:10.0.0.0/104":       "10.0.0.0/8",
		"":                          "",
	} {
		p, err := ParseTrusted(list)
		if err != nil || FormatTrusted(p) != want {
			t.Errorf("%q: %q, %v; want %q", list, FormatTrusted(p), err, want)
		}
	}
	many := ""
	for i := range trustedMax + 1 {
		many += netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}).String() + ","
	}
	for _, list := range []string{"10.0.0.0/33", "300.0.0.0/8", "2001:db8::/129", "x", "10.0.0.0/24,x", "fe80::1%eth0", many} {
		if _, err := ParseTrusted(list); err == nil {
			t.Errorf("%q was taken", list)
		}
	}
}

func TestTrustedKey(t *testing.T) {
	for _, s := range []string{"0.0.0.0/0", "::/0", "10.1.2.0/23", "2001:db8:1::/48", "192.0.2.1/32"} {
		p := netip.MustParsePrefix(s)
		if got := newTrustedKey(p).prefix(); got != p {
			t.Errorf("%v became %v", p, got)
		}
	}
}

// The object's maps have the sizes of our types.
func TestObject(t *testing.T) {
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(object))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][2]uint32{
		"settings": {4, uint32(binary.Size(mapSettings{}))},
		"trusted":  {uint32(binary.Size(trustedKey{})), 1},
		"counters": {4, uint32(8 * len(statNames))},
		"conns":    {4, 36},
		"msks":     {4, 36},
	} {
		m := spec.Maps[name]
		if m == nil || m.KeySize != want[0] || m.ValueSize != want[1] {
			t.Errorf("map %s: %v, want key and value of %v bytes", name, m, want)
		}
	}
	if m := spec.Maps["trusted"]; m.MaxEntries < 2*trustedMax {
		t.Errorf("%d networks do not fit beside %d others", trustedMax, m.MaxEntries)
	}
	var objs objects
	for _, p := range []string{"toa_sockops", "toa_peername4", "toa_peername6", "toa_getsockopt", "toa_list"} {
		if spec.Programs[p] == nil {
			t.Errorf("no program %s", p)
		}
	}
	if n := reflect.TypeOf(objs.coreObjects).NumField(); n != 9 {
		t.Errorf("%d objects", n)
	}
}

func TestDecodeConns(t *testing.T) {
	line := make([]byte, listedSize)
	put := func(at int, addr string) {
		a := netip.MustParseAddr(addr).As16()
		copy(line[at:], a[:])
	}
	put(0, "10.0.1.11")
	put(16, "10.0.0.1")
	put(32, "2001:db8::7")
	binary.LittleEndian.PutUint16(line[48:], 80)
	binary.BigEndian.PutUint16(line[50:], 5000)
	binary.BigEndian.PutUint16(line[52:], 40004)
	binary.LittleEndian.PutUint32(line[56:], 4026531840)
	want := Conn{netip.MustParseAddrPort("10.0.1.11:80"), netip.MustParseAddrPort("10.0.0.1:5000"),
		netip.MustParseAddrPort("[2001:db8::7]:40004"), 4026531840}
	var got []Conn
	collect := func(c Conn) error {
		got = append(got, c)
		return nil
	}
	if err := decodeConns(bytes.NewReader(append(line, line...)), collect); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, []Conn{want, want}) {
		t.Errorf("got %v, want %v twice", got, want)
	}
	if err := decodeConns(bytes.NewReader(line[:40]), collect); err == nil {
		t.Error("half a line was taken")
	}
}

func TestFindCgroup2(t *testing.T) {
	const hybrid = `31 30 0:28 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755
32 31 0:29 /inner /srv/c\040d rw - cgroup2 cgroup2 rw
33 31 0:30 / /sys/fs/cgroup/unified rw,nosuid shared:10 - cgroup2 cgroup2 rw
34 31 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
`
	mounts, err := parseMounts(strings.NewReader(hybrid))
	if err != nil || len(mounts) != 4 || mounts[1].point != "/srv/c d" {
		t.Fatalf("%v, %v", mounts, err)
	}
	if got, err := findCgroup2(mounts); err != nil || got != "/sys/fs/cgroup/unified" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := findCgroup2(mounts[:2]); !errors.Is(err, errNoCgroup2) {
		t.Errorf("without: %v", err)
	}
}

func TestMissingCapabilities(t *testing.T) {
	all := uint64(1)<<unix.CAP_BPF | 1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_PERFMON
	for caps, want := range map[uint64]string{
		all:                        "",
		0:                          "CAP_BPF CAP_NET_ADMIN CAP_PERFMON",
		all &^ (1 << unix.CAP_BPF): "CAP_BPF",
		1 << unix.CAP_SYS_ADMIN:    "CAP_NET_ADMIN",
		1<<unix.CAP_SYS_ADMIN | 1<<unix.CAP_NET_ADMIN: "",
	} {
		if got := strings.Join(missingCapabilities(caps), " "); got != want {
			t.Errorf("%#x: %q, want %q", caps, got, want)
		}
	}
}

func TestOlderThan(t *testing.T) {
	for release, want := range map[string]bool{
		"5.4.0-26-generic": true, "4.19.0": true, "5.10.0-46-cloud-amd64": false, "5.9.16": true,
		"6.1.0-56-amd64": false, "7.2.12+deb14": false, "2.6.70": true,
	} {
		if got := olderThan(release, oldest); got != want {
			t.Errorf("%s: %v", release, got)
		}
	}
}

func TestParseListening(t *testing.T) {
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1234 1 0 100 0 0 10 0
   1: 0100007F:0016 0100007F:A000 01 00000000:00000000 00:00000000 00000000     0        0 1235 1 0 20 4 30 10 -1
   2: 00000000:0017 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 0 1 0 100 0 0 10 0
`
	got := map[string]bool{}
	parseListening(strings.NewReader(table), got)
	if want := map[string]bool{"socket:[1234]": true}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Counters have the names of the module's.
func TestStatNames(t *testing.T) {
	module, err := os.ReadFile("../../kernel/toa/stats.c")
	if err != nil {
		t.Fatal(err)
	}
	names := append([]string{"getname_unhooked"}, statNames[:]...)
	for _, free := range ended {
		names = append(names, free)
	}
	for _, name := range names {
		if !strings.Contains(string(module), `"`+name+`"`) {
			t.Errorf("the module has no counter %s", name)
		}
	}
}

func TestEndedCounter(t *testing.T) {
	came := Counter{"toa_entry_alloc", []uint64{3, 4}}
	if got := endedCounter("toa_entry_free", came, 2); got.Sum() != 5 {
		t.Errorf("7 came, 2 are there: %v", got)
	}
	// More are seen than were counted a moment ago.
	if got := endedCounter("toa_entry_free", came, 8); got.Sum() != 0 {
		t.Errorf("7 came, 8 are there: %v", got)
	}
}
