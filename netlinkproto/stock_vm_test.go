// SPDX-License-Identifier: Apache-2.0

//go:build vm && linux

package netlinkproto

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// liveServices returns random services that the kernel accepts, with keys that
// differ.
func liveServices(r *rand.Rand, n int) []Service {
	seen := map[ServiceKey]bool{}
	var out []Service
	for len(out) < n {
		s := Service{ServiceKey: randomKey(r), Scheduler: []string{"rr", "wlc", "sh", "mh"}[r.IntN(4)]}
		if seen[s.ServiceKey] || s.Addr.IsMulticast() {
			continue
		}
		if s.Port == 0 && s.FWMark == 0 {
			s.Port = 1
		}
		seen[s.ServiceKey] = true
		s.Flags = []ServiceFlags{0, FlagOnePacket, FlagSched1, FlagSched2, FlagSched1 | FlagSched2}[r.IntN(5)]
		if s.Protocol != UDP {
			s.Flags &^= FlagOnePacket
		}
		if r.IntN(2) == 0 {
			s.Flags |= FlagPersistent
			s.Timeout = 1 + r.Uint32N(86400)
			s.Netmask = randomNetmask(r, s.Family)
		}
		if s.Protocol == UDP && s.Flags&FlagPersistent != 0 && r.IntN(2) == 0 {
			s.PEName = "sip"
		}
		out = append(out, s)
	}
	return out
}

// liveDests returns random real servers of a service.
func liveDests(r *rand.Rand, k ServiceKey, n int) []Dest {
	var out []Dest
	for i := range n {
		d := randomDest(r)
		d.Addr, d.Port = randomAddr(r, k.Family), uint16(1+i)
		if d.FwdMethod == Tunnel && r.IntN(2) == 0 {
			d.Addr = randomAddr(r, randomFamily(r))
		}
		d.Weight = int32(r.IntN(65536))
		d.UpperThreshold = r.Uint32N(1000)
		d.LowerThreshold = r.Uint32N(d.UpperThreshold + 1)
		if d.TunnelType != TunnelGUE {
			d.TunnelPort = 0
		} else {
			d.TunnelPort |= 1
		}
		if d.Addr.Is4() {
			// Unicast, not local to the namespace.
			b := d.Addr.As4()
			d.Addr = netip.AddrFrom4([4]byte{10, b[1], b[2], b[3]})
		} else {
			b := d.Addr.As16()
			b[0], b[1] = 0x20, 0x01
			d.Addr = netip.AddrFrom16(b)
		}
		out = append(out, d)
	}
	return out
}

// onlySettings takes off what the kernel adds.
func onlySettings(s Service) Service {
	s.Flags &^= FlagHashed
	s.Stats = Stats{}
	return s
}

func byText[T any](a, b T) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }

func sorted[T any](in []T) []T {
	out := slices.Clone(in)
	slices.SortFunc(out, byText)
	return out
}

// TestVM_tables: random tables come back from the kernel as they were sent.
func TestVM_tables(t *testing.T) {
	c, ctx, r := newLab(t), deadline(t), newRand(t)
	services := liveServices(r, 200)
	dests := map[ServiceKey][]Dest{}
	var reqs []Request
	for _, s := range services {
		reqs = append(reqs, AddServiceRequest(s))
		dests[s.ServiceKey] = liveDests(r, s.ServiceKey, r.IntN(4))
		for _, d := range dests[s.ServiceKey] {
			reqs = append(reqs, AddDestRequest(s.ServiceKey, d))
		}
	}
	for i, err := range c.Batch(ctx, reqs) {
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
	var got []Service
	for s, err := range c.Services(ctx) {
		must(t, err)
		if s.Flags&FlagHashed == 0 {
			t.Errorf("%v is not hashed", s.ServiceKey)
		}
		got = append(got, onlySettings(s))
		var servers []Dest
		for d, err := range c.Dests(ctx, s.ServiceKey) {
			must(t, err)
			servers = append(servers, d)
		}
		want(t, sorted(dests[s.ServiceKey]))(sorted(servers), nil)
		one, err := c.Service(ctx, s.ServiceKey)
		must(t, err)
		want(t, onlySettings(s))(onlySettings(one), nil)
	}
	want(t, sorted(services))(sorted(got), nil)
	must(t, c.Flush(ctx))
	if out := run(t, "", "ipvsadm", "-Sn"); out != "" {
		t.Errorf("after flush ipvsadm -Sn prints %q", out)
	}
}

// TestVM_asStockWrites: what ipvsadm set up is read as it was meant.
func TestVM_asStockWrites(t *testing.T) {
	c, ctx := newLab(t), deadline(t)
	run(t, `-A -t 192.0.2.1:80 -s wlc -p 300 -M 255.255.255.0
-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 5 -x 100 -y 50
-a -t 192.0.2.1:80 -r 10.0.0.2:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum
-A -u [2001:db8::1]:53 -s sh -b sh-fallback,sh-port
-a -u [2001:db8::1]:53 -r [2001:db8::2]:53 -g -w 0
-A -f 7 -s rr -o
`, "ipvsadm", "-R")
	ip := netip.MustParseAddr
	web := TCPService(netip.MustParseAddrPort("192.0.2.1:80"))
	dns := UDPService(netip.MustParseAddrPort("[2001:db8::1]:53"))
	fw := FWMarkService(IPv4, 7)
	services, err := c.ListServices(ctx)
	must(t, err)
	for i := range services {
		services[i] = onlySettings(services[i])
	}
	want(t, sorted([]Service{
		{ServiceKey: web, Scheduler: "wlc", Flags: FlagPersistent, Timeout: 300, Netmask: PrefixNetmask(IPv4, 24)},
		{ServiceKey: dns, Scheduler: "sh", Flags: FlagSHFallback | FlagSHPort},
		{ServiceKey: fw, Scheduler: "rr", Flags: FlagOnePacket},
	}))(sorted(services), nil)
	dests, err := c.ListDests(ctx, web)
	must(t, err)
	want(t, sorted([]Dest{
		{DestKey: DestKey{ip("10.0.0.1"), 8080}, FwdMethod: Masquerade, Weight: 5, UpperThreshold: 100, LowerThreshold: 50},
		{DestKey: DestKey{ip("10.0.0.2"), 80}, FwdMethod: Tunnel, Weight: 1, TunnelType: TunnelGUE, TunnelPort: 6080, TunnelFlags: TunnelCsum},
	}))(sorted(dests), nil)
	want(t, []Dest{{DestKey: DestKey{ip("2001:db8::2"), 53}, FwdMethod: DirectRoute}})(c.ListDests(ctx, dns))
}

func TestVM_errors(t *testing.T) {
	c, ctx := newLab(t), deadline(t)
	s := Service{ServiceKey: web, Scheduler: "rr"}
	d := testDest(1)
	wantErr(t, c.DeleteService(ctx, web), ErrNoService)
	wantErr(t, c.EditService(ctx, s), ErrNoService)
	wantErr(t, c.AddDest(ctx, web, d), ErrNoService)
	_, err := c.Service(ctx, web)
	wantErr(t, err, ErrNoService)
	wantErr(t, c.AddService(ctx, Service{ServiceKey: web, Scheduler: "nonsense"}), ErrNotExist)
	must(t, c.AddService(ctx, s))
	wantErr(t, c.AddService(ctx, s), ErrExist)
	wantErr(t, c.EditDest(ctx, web, d), ErrNotExist)
	wantErr(t, c.DeleteDest(ctx, web, d.DestKey), ErrNotExist)
	must(t, c.AddDest(ctx, web, d))
	wantErr(t, c.AddDest(ctx, web, d), ErrExist)
	d.Weight = -1
	wantErr(t, c.EditDest(ctx, web, d), ErrInvalid)
	wantErr(t, c.SetTimeouts(ctx, Timeouts{TCP: 1 << 31}), ErrInvalid)
	wantErr(t, c.Do(ctx, build(stockFamily, 99, namer{verb: "unknown"}, nil)), ErrUnsupported)
	wantErr(t, c.StopDaemon(ctx, DaemonMaster), syscall.ESRCH)
	got, err := c.ListDests(ctx, dns6)
	want(t, []Dest{})(got, err)
}

// TestVM_permission: without CAP_NET_ADMIN the kernel's refusal comes through.
func TestVM_permission(t *testing.T) {
	c, ctx := newLab(t), deadline(t)
	must(t, dropNetAdmin())
	// A socket that is opened now has no privilege; the one of newLab keeps
	// the opener's.
	unprivileged := newClient(c.dial)
	defer unprivileged.Close()
	wantErr(t, unprivileged.Zero(ctx), ErrPermission)
	_, err := unprivileged.ListServices(ctx)
	wantErr(t, err, ErrPermission)
	errs := unprivileged.Batch(ctx, []Request{ZeroRequest(), FlushRequest()})
	wantErr(t, errs[0], ErrPermission)
	wantErr(t, errs[1], ErrPermission)
}

// dropNetAdmin takes CAP_NET_ADMIN from the calling thread, which must be
// locked and end.
func dropNetAdmin() error {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return err
	}
	data[0].Effective &^= 1 << unix.CAP_NET_ADMIN
	return unix.Capset(&hdr, &data[0])
}

func TestVM_editAndZero(t *testing.T) {
	c, ctx := newLab(t), deadline(t)
	s := Service{ServiceKey: dns6, Scheduler: "rr", Flags: FlagOnePacket}
	must(t, c.AddService(ctx, s))
	s.Scheduler, s.Flags, s.Timeout, s.Netmask = "wlc", FlagPersistent, 60, PrefixNetmask(IPv6, 64)
	must(t, c.EditService(ctx, s))
	got, err := c.Service(ctx, dns6)
	must(t, err)
	want(t, s)(onlySettings(got), nil)
	must(t, c.Zero(ctx))
	must(t, c.ZeroService(ctx, dns6))
	must(t, c.DeleteService(ctx, dns6))
}

func TestVM_configuration(t *testing.T) {
	c, ctx := newLab(t), deadline(t)
	info, err := c.Info(ctx)
	must(t, err)
	if info.Version.String() != "1.2.1" || info.ConnTableSize == 0 {
		t.Errorf("%+v", info)
	}
	must(t, c.SetTimeouts(ctx, Timeouts{TCP: 1000, TCPFin: 50}))
	want(t, Timeouts{1000, 50, 300})(c.Timeouts(ctx))
	must(t, c.SetTimeouts(ctx, Timeouts{UDP: 77}))
	want(t, Timeouts{1000, 50, 77})(c.Timeouts(ctx))
}

func TestVM_daemon(t *testing.T) {
	c, ctx := newLab(t), deadline(t)
	run(t, "", "ip", "link", "add", "sync0", "type", "dummy")
	run(t, "", "ip", "addr", "add", "192.0.2.9/24", "dev", "sync0")
	run(t, "", "ip", "link", "set", "sync0", "multicast", "on", "up")
	master := Daemon{State: DaemonMaster, Interface: "sync0", SyncID: 5, SyncMaxLen: 1000,
		McastGroup: netip.MustParseAddr("224.0.0.99"), McastPort: 9000, McastTTL: 3}
	must(t, c.StartDaemon(ctx, master))
	wantErr(t, c.StartDaemon(ctx, master), ErrExist)
	must(t, c.StartDaemon(ctx, Daemon{State: DaemonBackup, Interface: "sync0"}))
	got, err := c.ListDaemons(ctx)
	must(t, err)
	if len(got) != 2 || got[0] != master || got[1].State != DaemonBackup || got[1].McastPort != 8848 {
		t.Errorf("%+v", got)
	}
	must(t, c.StopDaemon(ctx, DaemonMaster))
	must(t, c.StopDaemon(ctx, DaemonBackup))
	want(t, []Daemon{})(c.ListDaemons(ctx))
}

// TestVM_bigTable: 20 000 services with two real servers each go in by batch
// and come out by stream, in memory that does not grow with the table.
func TestVM_bigTable(t *testing.T) {
	c, ctx := newLab(t), deadline(t)
	const n = 20000
	reqs := make([]Request, 0, 3*n)
	for i := range n {
		s := testService(i)
		reqs = append(reqs, AddServiceRequest(s))
		for j := range 2 {
			d := testDest(2*i + j)
			d.FwdMethod = Masquerade
			reqs = append(reqs, AddDestRequest(s.ServiceKey, d))
		}
	}
	start := time.Now()
	for i, err := range c.Batch(ctx, reqs) {
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
	t.Logf("batch of %d: %v", len(reqs), time.Since(start))
	reqs = nil

	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	var most uint64
	start = time.Now()
	services, dests := 0, 0
	for s, err := range c.Services(ctx) {
		must(t, err)
		services++
		if services%10 != 0 {
			continue // a dump for each takes half a minute under emulation
		}
		for _, err := range c.Dests(ctx, s.ServiceKey) {
			must(t, err)
			dests++
		}
		if services%2000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapInuse)
		}
	}
	t.Logf("stream: %v, heap before %d KiB, at most %d KiB", time.Since(start), before.HeapInuse>>10, most>>10)
	if services != n || dests != 2*n/10 {
		t.Errorf("%d services, %d servers", services, dests)
	}
	if most > before.HeapInuse+(2<<20) {
		t.Errorf("the heap grew from %d to %d bytes while streaming", before.HeapInuse, most)
	}
	start = time.Now()
	must(t, c.Flush(ctx))
	t.Logf("flush: %v", time.Since(start))
}

// TestVM_closedSocketEndsDump: sockets whose dump was given up leave nothing
// behind in the kernel.
func TestVM_closedSocketEndsDump(t *testing.T) {
	c, ctx := newLab(t), deadline(t)
	addServices(t, c, 500)
	for range 200 {
		for _, err := range c.Services(ctx) {
			must(t, err)
			break
		}
	}
	fds, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	if len(fds) > 40 {
		t.Errorf("%d files open", len(fds))
	}
	must(t, c.Flush(ctx))
}

// TestVM_concurrent: several goroutines change and list at once.
func TestVM_concurrent(t *testing.T) {
	c, ctx := newLab(t), deadline(t)
	errc := make(chan error)
	const workers = 4
	for g := range workers {
		go func() {
			var errs []error
			for i := range 100 {
				s := testService(g<<8 + i)
				errs = append(errs, c.AddService(ctx, s))
				_, err := c.ListServices(ctx)
				errs = append(errs, err, c.DeleteService(ctx, s.ServiceKey))
			}
			errc <- errors.Join(errs...)
		}()
	}
	for range workers {
		must(t, <-errc)
	}
	want(t, []Service{})(c.ListServices(ctx))
}
