// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/mdlayher/netlink"
)

// Helpers that lay out attributes by the netlink package, so that the tables
// below do not depend on the encoder they test.

func u8(typ uint16, v uint8) netlink.Attribute { return netlink.Attribute{Type: typ, Data: []byte{v}} }
func u16(typ uint16, v uint16) netlink.Attribute {
	return netlink.Attribute{Type: typ, Data: binary.NativeEndian.AppendUint16(nil, v)}
}
func u32(typ uint16, v uint32) netlink.Attribute {
	return netlink.Attribute{Type: typ, Data: binary.NativeEndian.AppendUint32(nil, v)}
}
func u64(typ uint16, v uint64) netlink.Attribute {
	return netlink.Attribute{Type: typ, Data: binary.NativeEndian.AppendUint64(nil, v)}
}
func raw(typ uint16, v ...byte) netlink.Attribute { return netlink.Attribute{Type: typ, Data: v} }
func str(typ uint16, s string) netlink.Attribute {
	return netlink.Attribute{Type: typ, Data: append([]byte(s), 0)}
}
func nest(typ uint16, as ...netlink.Attribute) netlink.Attribute {
	return netlink.Attribute{Type: typ | netlink.Nested, Data: marshal(as...)}
}

func marshal(as ...netlink.Attribute) []byte {
	b, err := netlink.MarshalAttributes(as)
	if err != nil {
		panic(err)
	}
	return b
}

// v4 and v6 are union nf_inet_addr.
func v4(a, b, c, d byte) []byte { return append([]byte{a, b, c, d}, make([]byte, 12)...) }
func v6(s string) []byte        { b := netip.MustParseAddr(s).As16(); return b[:] }

var (
	web  = TCPService(netip.MustParseAddrPort("192.0.2.1:80"))
	dns6 = UDPService(netip.MustParseAddrPort("[2001:db8::1]:53"))
	mark = FWMarkService(IPv6, 7)
)

// The numbers below are written out: they are the protocol.

func webAttrs() []netlink.Attribute {
	return []netlink.Attribute{u16(1, 2), u16(2, 6), raw(3, v4(192, 0, 2, 1)...), raw(4, 0, 80)}
}

func dns6Attrs() []netlink.Attribute {
	return []netlink.Attribute{u16(1, 10), u16(2, 17), raw(3, v6("2001:db8::1")...), raw(4, 0, 53)}
}

func markAttrs() []netlink.Attribute { return []netlink.Attribute{u16(1, 10), u32(5, 7)} }

func svc(key []netlink.Attribute, more ...netlink.Attribute) netlink.Attribute {
	return nest(1, append(key, more...)...)
}

func TestRequest_bytes(t *testing.T) {
	rs := netip.MustParseAddrPort("198.51.100.7:8080")
	rsKey := DestKey{rs.Addr(), rs.Port()}
	rsAttrs := []netlink.Attribute{u16(11, 2), raw(1, v4(198, 51, 100, 7)...), raw(2, 0x1f, 0x90)}
	dest := func(more ...netlink.Attribute) netlink.Attribute { return nest(2, append(rsAttrs, more...)...) }
	lip := netip.MustParseAddr("203.0.113.9")
	allBits := []byte{0xff, 0xff, 0xff, 0xff}
	flags := func(f uint32) []byte { return append(binary.NativeEndian.AppendUint32(nil, f), allBits...) }
	zone4, zone6 := netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")

	tests := []struct {
		name string
		req  Request
		cmd  uint8
		want []netlink.Attribute
	}{
		{"add service", AddServiceRequest(Service{ServiceKey: web, Scheduler: "wlc"}), 1, []netlink.Attribute{
			svc(webAttrs(), str(6, "wlc"), raw(7, flags(0)...), u32(8, 0), raw(9, allBits...)),
		}},
		{"add service with everything", AddServiceRequest(Service{
			ServiceKey: dns6, Scheduler: "sh", Flags: FlagPersistent | FlagOnePacket | FlagSHPort | FlagHashed,
			Timeout: 300, Netmask: PrefixNetmask(IPv6, 64), PEName: "sip",
		}), 1, []netlink.Attribute{
			svc(dns6Attrs(), str(6, "sh"), str(11, "sip"), raw(7, flags(0x15)...), u32(8, 300), u32(9, 64)),
		}},
		{"edit service", EditServiceRequest(Service{ServiceKey: mark, Scheduler: "rr"}), 2, []netlink.Attribute{
			svc(markAttrs(), str(6, "rr"), raw(7, flags(0)...), u32(8, 0), u32(9, 128)),
		}},
		{"netmask", AddServiceRequest(Service{ServiceKey: web, Scheduler: "rr",
			Netmask: IPv4Netmask(netip.MustParseAddr("255.255.255.0"))}), 1, []netlink.Attribute{
			svc(webAttrs(), str(6, "rr"), raw(7, flags(0)...), u32(8, 0), raw(9, 255, 255, 255, 0)),
		}},
		{"delete service", DeleteServiceRequest(web), 3, []netlink.Attribute{svc(webAttrs())}},
		{"get service", getServiceRequest(mark), 4, []netlink.Attribute{svc(markAttrs())}},
		{"dump services", dumpServicesRequest(), 4, nil},
		{"add server", AddDestRequest(web, Dest{DestKey: rsKey, FwdMethod: FullNAT, Weight: 100,
			UpperThreshold: 10, LowerThreshold: 5}), 5, []netlink.Attribute{
			svc(webAttrs()), dest(u32(3, 5), u32(4, 100), u32(5, 10), u32(6, 5)),
		}},
		{"edit server with a tunnel", EditDestRequest(web, Dest{DestKey: rsKey, FwdMethod: Tunnel, Weight: 1,
			TunnelType: TunnelGUE, TunnelPort: 6080, TunnelFlags: TunnelRemCsum}), 6, []netlink.Attribute{
			svc(webAttrs()), dest(u32(3, 2), u32(4, 1), u32(5, 0), u32(6, 0), u8(13, 1), raw(14, 0x17, 0xc0), u16(15, 2)),
		}},
		{"delete server", DeleteDestRequest(web, rsKey), 7, []netlink.Attribute{svc(webAttrs()), dest()}},
		{"dump servers", dumpDestsRequest(dns6), 8, []netlink.Attribute{svc(dns6Attrs())}},
		{"start daemon", StartDaemonRequest(Daemon{State: DaemonMaster, Interface: "eth0", SyncID: 3}), 9, []netlink.Attribute{
			nest(3, u32(1, 1), str(2, "eth0"), u32(3, 3)),
		}},
		{"start daemon with everything", StartDaemonRequest(Daemon{State: DaemonBackup, Interface: "eth0", SyncID: 3,
			SyncMaxLen: 1400, McastGroup: netip.MustParseAddr("224.0.0.82"), McastPort: 8849, McastTTL: 4}), 9, []netlink.Attribute{
			nest(3, u32(1, 2), str(2, "eth0"), u32(3, 3), u16(4, 1400), raw(5, 224, 0, 0, 82), u16(7, 8849), u8(8, 4)),
		}},
		{"start daemon with an IPv6 group", StartDaemonRequest(Daemon{State: DaemonMaster, Interface: "eth0",
			McastGroup: netip.MustParseAddr("ff02::82")}), 9, []netlink.Attribute{
			nest(3, u32(1, 1), str(2, "eth0"), u32(3, 0), raw(6, v6("ff02::82")...)),
		}},
		{"stop daemon", StopDaemonRequest(DaemonBackup), 10, []netlink.Attribute{nest(3, u32(1, 2))}},
		{"dump daemons", dumpDaemonsRequest(), 11, nil},
		{"set timeouts", SetTimeoutsRequest(Timeouts{TCP: 900, UDP: 60}), 12, []netlink.Attribute{u32(4, 900), u32(6, 60)}},
		{"get timeouts", getTimeoutsRequest(), 13, nil},
		{"get info", getInfoRequest(), 15, nil},
		{"zero", ZeroRequest(), 16, nil},
		{"zero service", ZeroServiceRequest(web), 16, []netlink.Attribute{svc(webAttrs())}},
		{"flush", FlushRequest(), 17, nil},

		{"add local address", AddLocalAddrRequest(web, lip), 18, []netlink.Attribute{
			svc(webAttrs()), nest(7, raw(1, v4(203, 0, 113, 9)...)),
		}},
		{"delete local address", DeleteLocalAddrRequest(mark, netip.MustParseAddr("2001:db8::9")), 19, []netlink.Attribute{
			svc(markAttrs()), nest(7, raw(1, v6("2001:db8::9")...)),
		}},
		{"dump local addresses", dumpLocalAddrsRequest(ServiceKey{}), 20, nil},
		{"dump local addresses of a service", dumpLocalAddrsRequest(web), 20, []netlink.Attribute{svc(webAttrs())}},
		{"add zone", AddZoneRequest(zone4), 21, []netlink.Attribute{
			nest(8, raw(1, v4(10, 0, 0, 0)...), raw(2, 255, 0, 0, 0), u16(4, 2)),
		}},
		{"delete zone", DeleteZoneRequest(zone6), 22, []netlink.Attribute{
			nest(8, raw(1, v6("fd00::")...), u8(3, 8), u16(4, 10)),
		}},
		{"dump zones", dumpZonesRequest(), 23, nil},
		{"add local address of zone", AddZoneLocalAddrRequest(zone4, lip), 24, []netlink.Attribute{
			nest(8, raw(1, v4(10, 0, 0, 0)...), raw(2, 255, 0, 0, 0), u16(4, 2)), nest(7, raw(1, v4(203, 0, 113, 9)...)),
		}},
		{"delete local address of zone", DeleteZoneLocalAddrRequest(zone4, lip), 25, []netlink.Attribute{
			nest(8, raw(1, v4(10, 0, 0, 0)...), raw(2, 255, 0, 0, 0), u16(4, 2)), nest(7, raw(1, v4(203, 0, 113, 9)...)),
		}},
		{"dump local addresses of zones", dumpZoneLocalAddrsRequest(netip.Prefix{}), 26, nil},
		{"dump local addresses of a zone", dumpZoneLocalAddrsRequest(zone6), 26, []netlink.Attribute{
			nest(8, raw(1, v6("fd00::")...), u8(3, 8), u16(4, 10)),
		}},
		{"set extension", SetServiceExtRequest(ServiceExt{ServiceKey: web, SynProxy: true}), 32, []netlink.Attribute{
			svc(webAttrs(), raw(6, append(binary.NativeEndian.AppendUint32(nil, 1), binary.NativeEndian.AppendUint32(nil, 1)...)...)),
		}},
		{"clear extension", SetServiceExtRequest(ServiceExt{ServiceKey: web}), 32, []netlink.Attribute{
			svc(webAttrs(), raw(6, append(binary.NativeEndian.AppendUint32(nil, 0), binary.NativeEndian.AppendUint32(nil, 1)...)...)),
		}},
		{"delete extension", DeleteServiceExtRequest(web), 33, []netlink.Attribute{svc(webAttrs())}},
		{"dump extensions", dumpServiceExtsRequest(), 34, nil},
		{"flush extensions", FlushFullNATRequest(), 35, nil},
		{"get FULLNAT info", getFullNATInfoRequest(), 36, nil},
		{"dump connections", dumpConnsRequest(), 37, nil},
		{"dump counters", dumpCountersRequest(), 38, nil},
		{"drain", DrainFullNATRequest(), 39, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.req.Err() != nil {
				t.Fatal(tt.req.Err())
			}
			wantFamily := stockFamily
			if tt.cmd >= 18 {
				wantFamily = fullnatFamily
			}
			if tt.req.cmd != tt.cmd || tt.req.family != wantFamily {
				t.Errorf("command %d of %s, want %d", tt.req.cmd, tt.req.family.name, tt.cmd)
			}
			if want := marshal(tt.want...); !bytes.Equal(tt.req.attrs, want) {
				t.Errorf("attributes\n%x, want\n%x", tt.req.attrs, want)
			}
		})
	}
}

func TestRequest_refused(t *testing.T) {
	ip := netip.MustParseAddr
	tests := []struct {
		name string
		req  Request
		want string
	}{
		{"no key", AddServiceRequest(Service{Scheduler: "rr"}), "without address family"},
		{"no family for a mark", DeleteServiceRequest(ServiceKey{FWMark: 1}), "without address family"},
		{"family and address differ", DeleteServiceRequest(ServiceKey{Family: IPv6, Addr: ip("192.0.2.1")}), "with address 192.0.2.1"},
		{"long scheduler", AddServiceRequest(Service{ServiceKey: web, Scheduler: "0123456789abcdef"}), "scheduler"},
		{"long engine", AddServiceRequest(Service{ServiceKey: web, Scheduler: "rr", PEName: "0123456789abcdef"}), "persistence engine"},
		{"netmask of IPv6", AddServiceRequest(Service{ServiceKey: web, Scheduler: "rr", Netmask: PrefixNetmask(IPv6, 64)}), "netmask"},
		{"netmask of IPv4", AddServiceRequest(Service{ServiceKey: dns6, Scheduler: "rr", Netmask: PrefixNetmask(IPv4, 24)}), "netmask"},
		{"server without address", AddDestRequest(web, Dest{}), "without an address"},
		{"long interface", StartDaemonRequest(Daemon{Interface: "0123456789abcdef"}), "interface"},
		{"no local address", AddLocalAddrRequest(web, netip.Addr{}), "local address is missing"},
		{"local address of another family", AddLocalAddrRequest(dns6, ip("203.0.113.9")), "203.0.113.9 is not IPv6"},
		{"local address of another family than the zone", AddZoneLocalAddrRequest(netip.MustParsePrefix("10.0.0.0/8"), ip("::1")), "::1 is not IPv4"},
		{"no zone", AddZoneRequest(netip.Prefix{}), "zone is missing"},
		{"host bits", AddZoneRequest(netip.MustParsePrefix("10.0.0.1/8")), "its network is 10.0.0.0/8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.req.Err()
			if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want ErrInvalid with %q", err, tt.want)
			}
			if tt.req.attrs != nil {
				t.Errorf("a request that was refused has attributes")
			}
		})
	}
}

func TestRequest_String(t *testing.T) {
	lip := netip.MustParseAddr("203.0.113.9")
	for want, r := range map[string]Request{
		"add service tcp 192.0.2.1:80":                      AddServiceRequest(Service{ServiceKey: web}),
		"delete service udp [2001:db8::1]:53":               DeleteServiceRequest(dns6),
		"zero service fwmark 7 IPv6":                        ZeroServiceRequest(mark),
		"delete server 203.0.113.9:1 of tcp 192.0.2.1:80":   DeleteDestRequest(web, DestKey{lip, 1}),
		"add local address 203.0.113.9 of tcp 192.0.2.1:80": AddLocalAddrRequest(web, lip),
		"add local address 203.0.113.9 of zone 10.0.0.0/8":  AddZoneLocalAddrRequest(netip.MustParsePrefix("10.0.0.0/8"), lip),
		"start sync daemon master":                          StartDaemonRequest(Daemon{State: DaemonMaster}),
		"flush services":                                    FlushRequest(),
		"list local addresses of zone fd00::/8":             dumpZoneLocalAddrsRequest(netip.MustParsePrefix("fd00::/8")),
		"set extension of service sctp 192.0.2.1:9":         SetServiceExtRequest(ServiceExt{ServiceKey: SCTPService(netip.MustParseAddrPort("192.0.2.1:9"))}),
		"delete extension of service proto(99) 192.0.2.1:0": DeleteServiceExtRequest(ServiceKey{Protocol: 99, Addr: netip.MustParseAddr("192.0.2.1")}),
		"stop sync daemon DaemonState(7)":                   StopDaemonRequest(7),
	} {
		if r.String() != want {
			t.Errorf("%q, want %q", r, want)
		}
	}
}

// stats32 and stats64 lay out both kinds of statistics with the values from..from+9.
func stats32(typ uint16, from uint32) netlink.Attribute {
	var as []netlink.Attribute
	for i := range uint16(10) {
		if i == 3 || i == 4 {
			as = append(as, netlink.Attribute{Type: 11}, u64(i+1, uint64(from)+uint64(i)))
			continue
		}
		as = append(as, u32(i+1, from+uint32(i)))
	}
	return nest(typ, as...)
}

func stats64(typ uint16, from uint64) netlink.Attribute {
	var as []netlink.Attribute
	for i := range uint16(10) {
		as = append(as, u64(i+1, from+uint64(i)))
	}
	return nest(typ, as...)
}

func statsFrom(n uint64) Stats {
	return Stats{n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6, n + 7, n + 8, n + 9}
}

func TestDecode_answers(t *testing.T) {
	unknown := []netlink.Attribute{raw(200, 1, 2, 3), nest(201, u32(1, 1))}
	flags := append(binary.NativeEndian.AppendUint32(nil, 3), 0xff, 0xff, 0xff, 0xff)
	full := []netlink.Attribute{str(6, "wlc"), str(11, "sip"), raw(7, flags...), u32(8, 360)}
	webLaddr := marshal(svc(webAttrs()), nest(7, raw(1, v4(203, 0, 113, 9)...), u64(2, 1<<40), u32(3, 9)))

	conn := []netlink.Attribute{u16(1, 2), u16(2, 6)}
	for i := range uint16(4) {
		conn = append(conn, raw(3+2*i, v4(10, 0, 0, byte(i))...), raw(4+2*i, 0, byte(i)))
	}
	conn = append(conn, u16(11, 1), u32(12, 1500))
	at := func(i byte) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, i}), uint16(i))
	}

	tests := []struct {
		name   string
		decode func([]byte) (any, error)
		in     []byte
		want   any
	}{
		{"service", any1(decodeService), marshal(svc(webAttrs(), append(full, raw(9, 255, 255, 0, 0), stats32(10, 1), stats64(12, 1<<40))...)),
			Service{ServiceKey: web, Scheduler: "wlc", PEName: "sip", Flags: FlagPersistent | FlagHashed, Timeout: 360,
				Netmask: PrefixNetmask(IPv4, 16), Stats: statsFrom(1 << 40)}},
		{"service with old statistics", any1(decodeService), marshal(svc(dns6Attrs(), u32(9, 64), stats32(10, 5))),
			Service{ServiceKey: dns6, Netmask: PrefixNetmask(IPv6, 64), Stats: statsFrom(5)}},
		{"service by mark", any1(decodeService), marshal(svc(markAttrs(), u32(9, 128))), Service{ServiceKey: mark}},
		{"service in another order", any1(decodeService),
			marshal(nest(1, raw(9, 255, 255, 255, 255), raw(4, 0, 80), raw(3, v4(192, 0, 2, 1)...), u16(2, 6), u16(1, 2))),
			Service{ServiceKey: web}},
		{"service with unknown attributes", any1(decodeService),
			marshal(append(unknown, svc(webAttrs(), unknown...))...), Service{ServiceKey: web}},

		{"server", any1(destDecoder(web)), marshal(nest(2, raw(1, v6("2001:db8::5")...), raw(2, 0x1f, 0x90), u32(3, 5), u32(4, 7),
			u8(13, 1), raw(14, 0x17, 0xc0), u16(15, 1), u32(5, 10), u32(6, 5), u32(7, 1), u32(8, 2), u32(9, 3), u16(11, 10), stats64(12, 9))),
			Dest{DestKey: DestKey{netip.MustParseAddr("2001:db8::5"), 8080}, FwdMethod: FullNAT, Weight: 7, UpperThreshold: 10,
				LowerThreshold: 5, TunnelType: TunnelGUE, TunnelPort: 6080, TunnelFlags: TunnelCsum,
				ActiveConns: 1, InactiveConns: 2, PersistentConns: 3, Stats: statsFrom(9)}},
		{"server without family", any1(destDecoder(web)), marshal(nest(2, raw(1, v4(10, 0, 0, 1)...), stats32(10, 3))),
			Dest{DestKey: DestKey{netip.MustParseAddr("10.0.0.1"), 0}, Stats: statsFrom(3)}},

		{"timeouts", any1(decodeTimeouts), marshal(u32(4, 900), u32(5, 120), u32(6, 300)), Timeouts{900, 120, 300}},
		{"timeouts without UDP", any1(decodeTimeouts), marshal(u32(4, 900), u32(5, 120)), Timeouts{TCP: 900, TCPFin: 120}},
		{"info", any1(decodeInfo), marshal(u32(1, 0x10201), u32(2, 4096)), Info{0x10201, 4096}},
		{"daemon", any1(decodeDaemon), marshal(nest(3, u32(1, 2), str(2, "eth0"), u32(3, 9), u16(4, 1472), u16(7, 8848), u8(8, 1), raw(5, 224, 0, 0, 81))),
			Daemon{DaemonBackup, "eth0", 9, 1472, netip.MustParseAddr("224.0.0.81"), 8848, 1}},
		{"daemon with an IPv6 group", any1(decodeDaemon), marshal(nest(3, u32(1, 1), raw(6, v6("ff02::81")...))),
			Daemon{State: DaemonMaster, McastGroup: netip.MustParseAddr("ff02::81")}},

		{"local address", any1(decodeServiceLocalAddr), webLaddr,
			ServiceLocalAddr{web, LocalAddr{netip.MustParseAddr("203.0.113.9"), 1 << 40, 9}}},
		{"local address of a mark", any1(decodeServiceLocalAddr), marshal(svc(markAttrs()), nest(7, raw(1, v6("2001:db8::9")...))),
			ServiceLocalAddr{mark, LocalAddr{Addr: netip.MustParseAddr("2001:db8::9")}}},
		{"zone by mask", any1(decodeZone), marshal(nest(8, raw(1, v4(10, 0, 0, 0)...), raw(2, 255, 128, 0, 0))), netip.MustParsePrefix("10.0.0.0/9")},
		{"zone of all", any1(decodeZone), marshal(nest(8, raw(1, v4(0, 0, 0, 0)...), raw(2, 0, 0, 0, 0), u16(4, 2))), netip.MustParsePrefix("0.0.0.0/0")},
		{"zone by length", any1(decodeZone), marshal(nest(8, raw(1, v6("fd00::")...), u8(3, 8), u16(4, 10))), netip.MustParsePrefix("fd00::/8")},
		{"local address of a zone", any1(decodeZoneLocalAddr), marshal(nest(8, raw(1, v6("fd00::")...), u8(3, 8), u16(4, 10)), nest(7, raw(1, v6("2001:db8::9")...), u32(3, 4))),
			ZoneLocalAddr{netip.MustParsePrefix("fd00::/8"), LocalAddr{Addr: netip.MustParseAddr("2001:db8::9"), Conns: 4}}},
		{"extension", any1(decodeServiceExt), marshal(svc(webAttrs(), raw(6, append(binary.NativeEndian.AppendUint32(nil, 1), 1, 0, 0, 0)...), u32(7, 3))),
			ServiceExt{web, true, 3}},
		{"FULLNAT info", any1(decodeFullNATInfo), marshal(nest(9, str(1, "0.1"), u32(2, 0x11), u32(3, 8))),
			FullNATInfo{"0.1", CapFullNAT | CapDrain, 8}},
		{"connection", any1(decodeConn), marshal(nest(10, conn...)), Conn{TCP, at(0), at(1), at(2), at(3), 1, 1500e6}},
		{"counter", any1(decodeCounter), marshal(nest(11, str(1, "fullnat_add_toa_ok"), u64(2, 1<<33))), Counter{"fullnat_add_toa_ok", 1 << 33}},
		{"event", any1(func(b []byte) (Event, error) { return decodeEvent(EventAddLocalAddr, b) }), webLaddr,
			Event{Kind: EventAddLocalAddr, Service: ServiceExt{ServiceKey: web}, LocalAddr: netip.MustParseAddr("203.0.113.9")}},
		{"event of a zone", any1(func(b []byte) (Event, error) { return decodeEvent(EventAddZone, b) }),
			marshal(nest(8, raw(1, v4(10, 0, 0, 0)...), raw(2, 255, 0, 0, 0))), Event{Kind: EventAddZone, Zone: netip.MustParsePrefix("10.0.0.0/8")}},
		{"event of everything", any1(func(b []byte) (Event, error) { return decodeEvent(EventFlush, b) }), nil, Event{Kind: EventFlush}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.decode(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("decoded\n%#v, want\n%#v", got, tt.want)
			}
		})
	}
}

// any1 lets decoders of different types share a table.
func any1[T any](f func([]byte) (T, error)) func([]byte) (any, error) {
	return func(b []byte) (any, error) { v, err := f(b); return v, err }
}

func TestDecode_malformed(t *testing.T) {
	for name, err := range map[string]error{
		"nothing":                    second(decodeService(nil)),
		"no address":                 second(decodeService(marshal(nest(1, u16(1, 2))))),
		"short address":              second(decodeService(marshal(nest(1, u16(1, 10), raw(3, 1, 2, 3, 4))))),
		"unknown family":             second(decodeService(marshal(nest(1, u16(1, 3), raw(3, v4(1, 2, 3, 4)...))))),
		"long port":                  second(decodeService(marshal(nest(1, u32(4, 1))))),
		"short flags":                second(decodeService(marshal(svc(webAttrs(), raw(7, 1))))),
		"short netmask":              second(decodeService(marshal(svc(webAttrs(), raw(9, 1))))),
		"IPv6 netmask of 129":        second(decodeService(marshal(svc(dns6Attrs(), u32(9, 129))))),
		"broken statistics":          second(decodeService(marshal(svc(webAttrs(), raw(12, 1, 2))))),
		"short counter":              second(decodeService(marshal(svc(webAttrs(), nest(12, u16(1, 1)))))),
		"server without address":     second(destDecoder(web)(marshal(nest(2, raw(2, 0, 80))))),
		"server with broken stats":   second(destDecoder(web)(marshal(nest(2, raw(1, v4(1, 2, 3, 4)...), raw(12, 1))))),
		"server with a short weight": second(destDecoder(web)(marshal(nest(2, u8(4, 1))))),
		"daemon with a short group":  second(decodeDaemon(marshal(nest(3, raw(5, 1))))),
		"zone with a hole":           second(decodeZone(marshal(nest(8, raw(1, v4(1, 2, 3, 4)...), raw(2, 255, 0, 255, 0))))),
		"zone without length":        second(decodeZone(marshal(nest(8, raw(1, v4(1, 2, 3, 4)...))))),
		"zone of length 33":          second(decodeZone(marshal(nest(8, raw(1, v4(1, 2, 3, 4)...), u8(3, 33))))),
		"zone without address":       second(decodeZone(marshal(nest(8, u8(3, 33))))),
		"zone with a long length":    second(decodeZone(marshal(nest(8, u32(3, 33))))),
		"zone with a short mask":     second(decodeZone(marshal(nest(8, u8(2, 33))))),
		"only a service":             second(decodeServiceLocalAddr(marshal(svc(webAttrs())))),
		"only a local address":       second(decodeServiceLocalAddr(marshal(nest(7, raw(1, v4(1, 2, 3, 4)...))))),
		"local address missing":      second(decodeServiceLocalAddr(marshal(svc(webAttrs()), nest(7)))),
		"local address broken":       second(decodeServiceLocalAddr(marshal(svc(webAttrs()), raw(7, 1)))),
		"zone's local address only":  second(decodeZoneLocalAddr(marshal(nest(7, raw(1, v4(1, 2, 3, 4)...))))),
		"extension with short flags": second(decodeServiceExt(marshal(svc(webAttrs(), u32(6, 1))))),
		"extension without key":      second(decodeServiceExt(marshal(nest(1)))),
		"connection without address": second(decodeConn(marshal(nest(10, u16(1, 2))))),
		"connection broken":          second(decodeConn(marshal(nest(10, u8(1, 2))))),
		"event with a broken zone":   second(decodeEvent(EventAddZone, marshal(nest(8)))),
		"event with no family":       second(decodeEvent(EventAddLocalAddr, marshal(nest(7, raw(1, v4(1, 2, 3, 4)...))))),
		"key broken":                 second(decodeKeyAttr([]byte{1})),
	} {
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: error %v, want ErrMalformed", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// The property tests: what is encoded comes back.

func randomAddr(r *rand.Rand, af AddressFamily) netip.Addr {
	if af == IPv4 {
		return netip.AddrFrom4([4]byte{byte(r.IntN(256)), byte(r.IntN(256)), 0, byte(r.IntN(256))})
	}
	var b [16]byte
	for i := range b {
		b[i] = byte(r.IntN(256))
	}
	return netip.AddrFrom16(b)
}

func randomFamily(r *rand.Rand) AddressFamily { return []AddressFamily{IPv4, IPv6}[r.IntN(2)] }

func randomKey(r *rand.Rand) ServiceKey {
	af := randomFamily(r)
	if r.IntN(3) == 0 {
		return FWMarkService(af, 1+r.Uint32N(1<<32-1))
	}
	return ServiceKey{af, []Protocol{TCP, UDP, SCTP}[r.IntN(3)], randomAddr(r, af), uint16(r.Uint32()), 0}
}

func randomName(r *rand.Rand) string {
	return "abcdefghijklmno"[:r.IntN(16)]
}

func randomNetmask(r *rand.Rand, af AddressFamily) Netmask {
	if af == IPv4 && r.IntN(2) == 0 {
		return IPv4Netmask(randomAddr(r, IPv4))
	}
	return PrefixNetmask(af, r.IntN(130))
}

func randomService(r *rand.Rand) Service {
	k := randomKey(r)
	return Service{ServiceKey: k, Scheduler: randomName(r), Flags: ServiceFlags(r.Uint32()) &^ FlagHashed,
		Timeout: r.Uint32(), Netmask: randomNetmask(r, k.Family), PEName: randomName(r)}
}

func randomDest(r *rand.Rand) Dest {
	d := Dest{DestKey: DestKey{randomAddr(r, randomFamily(r)), uint16(r.Uint32())}, FwdMethod: FwdMethod(r.IntN(6)),
		Weight: int32(r.Uint32()), UpperThreshold: r.Uint32(), LowerThreshold: r.Uint32()}
	if d.FwdMethod == Tunnel {
		d.TunnelType, d.TunnelPort, d.TunnelFlags = TunnelType(r.IntN(3)), uint16(r.Uint32()), TunnelFlags(r.IntN(4))
	}
	return d
}

func randomPrefix(r *rand.Rand) netip.Prefix {
	a := randomAddr(r, randomFamily(r))
	return netip.PrefixFrom(a, r.IntN(a.BitLen()+1)).Masked()
}

// roundTrip encodes v's request, checks that it is the same a second time, and
// decodes it.
func roundTrip[T any](t *testing.T, v T, req func() Request, decode func([]byte) (T, error)) {
	t.Helper()
	a, b := req(), req()
	if a.Err() != nil {
		t.Fatalf("%+v: %v", v, a.Err())
	}
	if !bytes.Equal(a.attrs, b.attrs) {
		t.Fatalf("%+v: encoded differently the second time", v)
	}
	got, err := decode(a.attrs)
	if err != nil {
		t.Fatalf("%+v: %v", v, err)
	}
	if !reflect.DeepEqual(got, v) {
		t.Fatalf("came back as\n%#v, was\n%#v", got, v)
	}
}

func TestRoundTrip(t *testing.T) {
	r := newRand(t)
	for range 3000 {
		s := randomService(r)
		roundTrip(t, s, func() Request { return AddServiceRequest(s) }, decodeService)
		d := randomDest(r)
		roundTrip(t, d, func() Request { return AddDestRequest(s.ServiceKey, d) }, destDecoder(s.ServiceKey))
		m := Daemon{DaemonState(r.IntN(3)), randomName(r), r.Uint32(), uint16(r.Uint32()), randomAddr(r, randomFamily(r)), uint16(r.Uint32()), uint8(r.Uint32())}
		roundTrip(t, m, func() Request { return StartDaemonRequest(m) }, decodeDaemon)
		to := Timeouts{r.Uint32(), r.Uint32(), r.Uint32()}
		roundTrip(t, to, func() Request { return SetTimeoutsRequest(to) }, decodeTimeouts)
		l := ServiceLocalAddr{s.ServiceKey, LocalAddr{Addr: randomAddr(r, s.Family)}}
		roundTrip(t, l, func() Request { return AddLocalAddrRequest(l.Service, l.Addr) }, decodeServiceLocalAddr)
		z := randomPrefix(r)
		roundTrip(t, z, func() Request { return AddZoneRequest(z) }, decodeZone)
		zl := ZoneLocalAddr{z, LocalAddr{Addr: randomAddr(r, FamilyOf(z.Addr()))}}
		roundTrip(t, zl, func() Request { return AddZoneLocalAddrRequest(zl.Zone, zl.Addr) }, decodeZoneLocalAddr)
		x := ServiceExt{ServiceKey: s.ServiceKey, SynProxy: r.IntN(2) == 0}
		roundTrip(t, x, func() Request { return SetServiceExtRequest(x) }, decodeServiceExt)
	}
}
