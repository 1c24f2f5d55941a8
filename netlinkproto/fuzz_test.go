// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"errors"
	"net/netip"
	"testing"
)

// fuzzDecoder checks that decode neither panics nor fails in a way that callers
// cannot recognise, and gives what it accepted to again, if there is one.
func fuzzDecoder[T any](f *testing.F, decode func([]byte) (T, error), again func(T) Request) {
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := decode(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("error %v is not ErrMalformed", err)
			}
			return
		}
		if again == nil {
			return
		}
		r := again(v)
		if r.Err() != nil {
			return // strings that are too long to be sent
		}
		first := r.attrs
		w, err := decode(first)
		if err != nil {
			t.Fatalf("%+v: decoding what was encoded: %v", v, err)
		}
		if second := again(w).attrs; string(first) != string(second) {
			t.Fatalf("%+v encodes as\n%x, then as\n%x", v, first, second)
		}
	})
}

func FuzzDecodeService(f *testing.F) {
	f.Add(AddServiceRequest(Service{ServiceKey: web, Scheduler: "rr", PEName: "sip"}).attrs)
	f.Add(AddServiceRequest(Service{ServiceKey: mark, Scheduler: "mh", Flags: FlagPersistent, Netmask: PrefixNetmask(IPv6, 64)}).attrs)
	f.Add(marshal(svc(dns6Attrs(), u32(9, 64), stats32(10, 5), stats64(12, 5))))
	fuzzDecoder(f, decodeService, AddServiceRequest)
}

func FuzzDecodeDest(f *testing.F) {
	f.Add(AddDestRequest(web, Dest{DestKey: DestKey{web.Addr, 80}, FwdMethod: Tunnel, TunnelType: TunnelGUE, TunnelPort: 6080}).attrs)
	f.Add(marshal(nest(2, raw(1, v6("2001:db8::5")...), raw(2, 0, 80), u16(11, 10), stats64(12, 9), stats32(10, 9))))
	fuzzDecoder(f, destDecoder(web), func(d Dest) Request { return AddDestRequest(web, d) })
}

func FuzzDecodeDaemon(f *testing.F) {
	f.Add(StartDaemonRequest(Daemon{DaemonMaster, "eth0", 1, 1400, netip.MustParseAddr("224.0.0.81"), 8848, 1}).attrs)
	f.Add(StartDaemonRequest(Daemon{DaemonBackup, "eth0", 1, 1400, netip.MustParseAddr("ff02::81"), 8848, 1}).attrs)
	fuzzDecoder(f, decodeDaemon, StartDaemonRequest)
}

func FuzzDecodeConfig(f *testing.F) {
	f.Add(SetTimeoutsRequest(Timeouts{1, 2, 3}).attrs)
	fuzzDecoder(f, decodeTimeouts, SetTimeoutsRequest)
}

func FuzzDecodeLocalAddr(f *testing.F) {
	f.Add(AddLocalAddrRequest(web, web.Addr).attrs)
	f.Add(marshal(svc(markAttrs()), nest(7, raw(1, v6("2001:db8::9")...), u64(2, 7), u32(3, 8))))
	fuzzDecoder(f, decodeServiceLocalAddr, func(l ServiceLocalAddr) Request { return AddLocalAddrRequest(l.Service, l.Addr) })
}

func FuzzDecodeZone(f *testing.F) {
	f.Add(AddZoneLocalAddrRequest(netip.MustParsePrefix("10.0.0.0/8"), web.Addr).attrs)
	f.Add(AddZoneLocalAddrRequest(netip.MustParsePrefix("fd00::/8"), dns6.Addr).attrs)
	fuzzDecoder(f, decodeZoneLocalAddr, func(l ZoneLocalAddr) Request { return AddZoneLocalAddrRequest(l.Zone, l.Addr) })
}

func FuzzDecodeServiceExt(f *testing.F) {
	f.Add(SetServiceExtRequest(ServiceExt{ServiceKey: web, SynProxy: true}).attrs)
	fuzzDecoder(f, decodeServiceExt, SetServiceExtRequest)
}

func FuzzDecodeConn(f *testing.F) {
	f.Add(marshal(nest(10, u16(1, 2), u16(2, 6), raw(3, v4(1, 2, 3, 4)...), raw(5, v4(1, 2, 3, 4)...),
		raw(7, v4(1, 2, 3, 4)...), raw(9, v4(1, 2, 3, 4)...), u32(12, 5))))
	fuzzDecoder(f, decodeConn, nil)
}

func FuzzDecodeEvent(f *testing.F) {
	f.Add(AddLocalAddrRequest(web, web.Addr).attrs)
	f.Add(AddZoneRequest(netip.MustParsePrefix("10.0.0.0/8")).attrs)
	fuzzDecoder(f, func(b []byte) (Event, error) { return decodeEvent(EventSetService, b) }, nil)
}

func FuzzDecodeInfo(f *testing.F) {
	f.Add(marshal(u32(1, 1), u32(2, 2), nest(9, str(1, "1"), u32(2, 3)), nest(11, str(1, "n"), u64(2, 3))))
	fuzzDecoder(f, func(b []byte) (any, error) {
		_, err1 := decodeInfo(b)
		_, err2 := decodeFullNATInfo(b)
		_, err3 := decodeCounter(b)
		_, err4 := decodeFamily(b)
		return nil, errors.Join(err1, err2, err3, err4)
	}, nil)
}

// FuzzMessages feeds datagrams to what reads the socket.
func FuzzMessages(f *testing.F) {
	f.Add(appendMessage(nil, header{typ: 0x1b, seq: 1}, 1, 1, AddServiceRequest(Service{ServiceKey: web}).attrs))
	f.Add(appendMessage(nil, header{typ: msgError, flags: flagAckTLVs, seq: 1}, 1, 1, marshal(str(1, "text"))))
	f.Add(appendMessage(nil, header{typ: msgDone, flags: flagAckTLVs | flagDumpIntr, seq: 1}, 0, 0, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		a := answers{conn: &conn{seq: 1}, take: func(b []byte) (bool, error) { _, err := decodeService(b); return true, err }}
		_, err := walkMessages(b, a.message)
		var k *KernelError
		if err != nil && !errors.Is(err, ErrMalformed) && !errors.As(err, &k) {
			t.Fatalf("error %v is neither ErrMalformed nor the kernel's", err)
		}
		bt := batch{reqs: make([]Request, 3), errs: make([]error, 3), sent: []int{0, 1, 2}, firstSeq: 1}
		if _, err := walkMessages(b, bt.answer); err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatalf("batch: error %v is not ErrMalformed", err)
		}
	})
}
