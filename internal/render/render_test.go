// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"

	"github.com/ipvs-fullnat/ipvs-fullnat/internal/procfs"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func tcp(s string) np.ServiceKey { return np.TCPService(netip.MustParseAddrPort(s)) }

func server(s string, m np.FwdMethod, weight int32) np.Dest {
	ap := netip.MustParseAddrPort(s)
	return np.Dest{DestKey: np.DestKey{Addr: ap.Addr(), Port: ap.Port()}, FwdMethod: m, Weight: weight}
}

// entry is a service with its real servers.
type entry struct {
	svc   Service
	dests []np.Dest
}

// sample has every setting once.
func sample() []entry {
	big := np.Stats{Conns: 99999999, InPkts: 100000000, OutPkts: 1000000000,
		InBytes: 100000000000, OutBytes: 100000000000000,
		CPS: 1, InPPS: 123456789, OutPPS: 3, InBPS: 999999999, OutBPS: 5}
	gue := server("10.1.0.4:80", np.Tunnel, 4)
	gue.TunnelType, gue.TunnelPort, gue.TunnelFlags = np.TunnelGUE, 6080, np.TunnelRemCsum
	gre := server("10.1.0.5:80", np.Tunnel, 5)
	gre.TunnelType, gre.TunnelFlags = np.TunnelGRE, np.TunnelCsum
	full := server("10.1.0.6:8080", np.FullNAT, 65535)
	full.UpperThreshold, full.LowerThreshold = 2147483647, 5
	full.ActiveConns, full.InactiveConns, full.PersistentConns = 1, 22, 333
	full.Stats = big
	udp := np.UDPService(netip.MustParseAddrPort("[2001:db8::1]:53"))
	return []entry{
		{Service{Service: np.Service{ServiceKey: tcp("10.0.0.1:80"), Scheduler: "sh",
			Flags: np.FlagPersistent | np.FlagHashed | np.FlagSched1 | np.FlagSched2, Timeout: 300,
			Netmask: np.IPv4Netmask(addr("255.255.0.0")), PEName: "sip", Stats: big}, SynProxy: true},
			[]np.Dest{server("10.1.0.1:80", np.Masquerade, 1), server("10.1.0.2:80", np.DirectRoute, 0),
				server("10.1.0.3:80", np.Tunnel, 3), gue, gre, full, server("10.1.0.7:80", np.Local, 1),
				server("10.1.0.8:80", np.Bypass, 1), server("[2001:db8::9]:80", np.Tunnel, 1)}},
		{Service{Service: np.Service{ServiceKey: udp, Scheduler: "rr", Flags: np.FlagPersistent | np.FlagOnePacket,
			Timeout: 1, Netmask: np.PrefixNetmask(np.IPv6, 64)}}, []np.Dest{server("[2001:db8::2]:53", np.FullNAT, 1)}},
		{Service{Service: np.Service{ServiceKey: np.FWMarkService(np.IPv4, 4294967295), Scheduler: "rr",
			Flags: np.FlagSched3}}, nil},
		{Service{Service: np.Service{ServiceKey: np.FWMarkService(np.IPv6, 7), Scheduler: "wlc"}},
			[]np.Dest{server("[2001:db8::2]:0", np.Masquerade, 1)}},
		{Service{Service: np.Service{ServiceKey: np.SCTPService(netip.MustParseAddrPort("10.0.0.1:9900")),
			Scheduler: "wlc"}}, nil},
	}
}

// names gives everything a long name.
type names struct{}

func (names) AddrName(netip.Addr) (string, bool) {
	return "a-host-with-a-name-that-is-too-long-for-the-columns.example.net", true
}
func (names) PortName(uint16, uint16) (string, bool) { return "http", true }

// golden compares with a file below testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; got:\n%s", file, got)
	}
}

func TestPrinter(t *testing.T) {
	for name, f := range map[string]Format{
		"list": {}, "stats": {Stats: true}, "stats-exact": {Stats: true, Exact: true}, "rate": {Rate: true},
		"thresholds": {Thresholds: true}, "persistent-conn": {PersistentConn: true},
		"tun-info": {TunInfo: true}, "save": {Rule: true},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			p := New(&b, f, nil)
			if !f.Rule {
				p.Version(np.Info{Version: 0x010201, ConnTableSize: 4096})
			}
			p.Title()
			for _, e := range sample() {
				p.Service(e.svc)
				for _, d := range e.dests {
					p.Dest(d)
				}
			}
			if err := p.Flush(); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".golden", b.Bytes())
		})
	}
}

func TestPrinter_names(t *testing.T) {
	var b bytes.Buffer
	p := New(&b, Format{}, names{})
	for _, e := range sample()[:2] {
		p.Service(e.svc)
		p.Dest(e.dests[0])
	}
	p.Flush()
	golden(t, "names.golden", b.Bytes())
}

func TestPrinter_fullnat(t *testing.T) {
	var b bytes.Buffer
	p := New(&b, Format{}, nil)
	local := []np.LocalAddr{{Addr: addr("10.0.0.1"), PortConflicts: 1 << 40, Conns: 7}, {Addr: addr("10.0.0.2")}}
	p.ZoneTitle()
	p.ZoneLocalAddrs(np.Zone{Prefix: netip.MustParsePrefix("192.168.0.0/16")}, local)
	p.ZoneLocalAddrs(np.Zone{Prefix: netip.MustParsePrefix("2001:db8::/32")}, nil)
	p.LocalAddrTitle()
	p.ServiceLocalAddrs(tcp("10.0.0.1:80"), local)
	p.ServiceLocalAddrs(np.FWMarkService(np.IPv6, 7), nil)
	p.LocalAddrRule(tcp("10.0.0.1:80"), addr("10.0.0.1"))
	p.ZoneRule(np.Zone{Prefix: netip.MustParsePrefix("192.168.0.0/16"), ZoneSettings: np.ZoneSettings{Select: np.SelectSH, Limit: 100}})
	p.ZoneLocalAddrRule(netip.MustParsePrefix("192.168.0.0/16"), addr("10.0.0.1"))
	p.Flush()
	golden(t, "fullnat.golden", b.Bytes())
}

func conns() []procfs.Conn {
	return []procfs.Conn{
		{Protocol: "TCP", Client: procfs.AddrPort{Addr: addr("192.0.2.10"), Port: 41394},
			Virtual: procfs.AddrPort{Addr: addr("198.51.100.10"), Port: 80},
			Dest:    procfs.AddrPort{Addr: addr("10.0.1.11"), Port: 8080},
			Local:   procfs.AddrPort{Addr: addr("10.0.0.1"), Port: 5001}, State: "ESTABLISHED", Expires: 899},
		{Protocol: "UDP", Client: procfs.AddrPort{Addr: addr("2001:db8::10"), Port: 53},
			Virtual: procfs.AddrPort{Addr: addr("2001:db8::1"), Port: 53},
			Dest:    procfs.AddrPort{Addr: addr("2001:db8::2"), Port: 5353}, State: "UDP", Expires: 6000,
			PEName: "sip", PEData: "call-1"},
	}
}

func TestPrinter_state(t *testing.T) {
	for name, f := range map[string]Format{"state": {}, "state-persistent": {PersistentConn: true}, "state-local": {Local: true}} {
		var b bytes.Buffer
		p := New(&b, f, nil)
		p.ConnTitle()
		for _, c := range conns() {
			p.Conn(&c)
		}
		p.Timeouts(np.Timeouts{TCP: 900, TCPFin: 120, UDP: 300})
		p.DaemonTitle()
		p.Daemon(np.Daemon{State: np.DaemonMaster, Interface: "eth0", SyncID: 255, SyncMaxLen: 1472,
			McastGroup: addr("224.0.0.81"), McastPort: 8848, McastTTL: 1})
		p.Daemon(np.Daemon{State: np.DaemonBackup, Interface: "eth1"})
		p.Flush()
		golden(t, name+".golden", b.Bytes())
	}
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	j := NewJSON(&b)
	j.Version(np.Info{Version: 0x010201, ConnTableSize: 4096})
	j.Title()
	for _, e := range sample() {
		j.Service(e.svc)
		for _, d := range e.dests {
			j.Dest(d)
		}
	}
	j.ConnTitle()
	for _, c := range conns() {
		j.Conn(&c)
	}
	j.ZoneTitle()
	j.ZoneLocalAddrs(np.Zone{Prefix: netip.MustParsePrefix("192.168.0.0/16"),
		ZoneSettings: np.ZoneSettings{Select: np.SelectSH, Limit: 100}}, []np.LocalAddr{{Addr: addr("10.0.0.1"), Conns: 3}})
	j.Timeouts(np.Timeouts{TCP: 900, TCPFin: 120, UDP: 300})
	j.DaemonTitle()
	j.Daemon(np.Daemon{State: np.DaemonMaster, Interface: "eth0", McastGroup: addr("224.0.0.81")})
	if err := j.Flush(); err != nil {
		t.Fatal(err)
	}
	if !json.Valid(b.Bytes()) {
		t.Errorf("no JSON:\n%s", b.Bytes())
	}
	golden(t, "json.golden", b.Bytes())
}

func TestJSON_empty(t *testing.T) {
	var b bytes.Buffer
	j := NewJSON(&b)
	j.LocalAddrTitle()
	j.ServiceLocalAddrs(tcp("10.0.0.1:80"), nil)
	j.DaemonTitle()
	j.Flush()
	want := `{"services":[
{"protocol":"tcp","address":"10.0.0.1","port":80,"family":"ipv4","local_addresses":[]}],"daemons":[]}
`
	if b.String() != want {
		t.Errorf("got %s", b.String())
	}
}

// badWriter is a full disk.
type badWriter struct{}

func (badWriter) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestFlush_error(t *testing.T) {
	p := New(badWriter{}, Format{}, nil)
	p.Timeouts(np.Timeouts{})
	if p.Flush() == nil {
		t.Error("a Printer hides that nothing was written")
	}
	j := NewJSON(badWriter{})
	j.Timeouts(np.Timeouts{})
	if j.Flush() == nil {
		t.Error("a JSON hides that nothing was written")
	}
}

// The order is what ipvsadm 1.31 prints on Debian 12; the differential test has
// the same services.
func TestSortServices(t *testing.T) {
	in := []string{"10.0.0.1:80", "192.168.0.1:80", "130.0.0.1:80", "223.0.0.1:80", "1.0.0.1:80", "172.16.0.1:8"}
	services := make([]np.Service, len(in))
	for i, s := range in {
		services[i].ServiceKey = tcp(s)
	}
	services = append(services,
		np.Service{ServiceKey: np.UDPService(netip.MustParseAddrPort("1.0.0.1:1"))},
		np.Service{ServiceKey: np.FWMarkService(np.IPv4, 3)},
		np.Service{ServiceKey: tcp("[2001:db8::1]:80")})
	SortServices(services)
	var got []string
	for _, s := range services {
		got = append(got, s.String())
	}
	first := diff(0x0a000001, 0xc0a80001)
	if first <= 0 {
		t.Error("10.0.0.1 does not come behind 192.168.0.1")
	}
	if got[len(got)-1] != "fwmark 3 IPv4" || got[len(got)-2] != "tcp [2001:db8::1]:80" {
		t.Errorf("got %s", strings.Join(got, ", "))
	}
}

func TestSortDests(t *testing.T) {
	var dests []np.Dest
	for i := range 100 {
		a := netip.AddrFrom4([4]byte{10, 0, byte(i * 37 % 100), 1})
		dests = append(dests, np.Dest{DestKey: np.DestKey{Addr: a, Port: uint16(i % 3)}})
	}
	SortDests(dests)
	for i := 1; i < len(dests); i++ {
		if !dests[i-1].Addr.Less(dests[i].Addr) {
			t.Fatalf("%v before %v", dests[i-1].DestKey, dests[i].DestKey)
		}
	}
}
