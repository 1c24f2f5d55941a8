// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var bg = context.Background()

// must fails the test on an error; want compares.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want[T any](t *testing.T, wanted T) func(T, error) {
	return func(got T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if v := reflect.ValueOf(got); v.Kind() == reflect.Slice && v.Len() == 0 && reflect.ValueOf(wanted).Len() == 0 {
			return
		}
		if !reflect.DeepEqual(got, wanted) {
			t.Fatalf("got\n%#v, want\n%#v", got, wanted)
		}
	}
}

func wantErr(t *testing.T, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("error %v, want %v", err, target)
	}
}

func testService(i int) Service {
	a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 80)
	return Service{ServiceKey: TCPService(a), Scheduler: "rr"}
}

func testDest(i int) Dest {
	return Dest{DestKey: DestKey{netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 80}, FwdMethod: FullNAT, Weight: 1}
}

// addServices fills the table with n services.
func addServices(t testing.TB, c *Client, n int) {
	t.Helper()
	reqs := make([]Request, n)
	for i := range reqs {
		reqs[i] = AddServiceRequest(testService(i))
	}
	if i, err := FirstError(c.Batch(bg, reqs)); err != nil {
		t.Fatalf("request %d: %v", i, err)
	}
}

func TestClient_services(t *testing.T) {
	c := newFakeKernel().client(t)
	s := Service{ServiceKey: web, Scheduler: "rr"}
	want[[]Service](t, nil)(c.ListServices(bg))
	must(t, c.AddService(bg, s))
	wantErr(t, c.AddService(bg, s), ErrExist)
	want(t, s)(c.Service(bg, web))
	s.Scheduler, s.Flags, s.Timeout = "wlc", FlagPersistent, 30
	must(t, c.EditService(bg, s))
	want(t, []Service{s})(c.ListServices(bg))
	must(t, c.ZeroService(bg, web))
	must(t, c.Zero(bg))

	_, err := c.Service(bg, dns6)
	wantErr(t, err, ErrNoService)
	wantErr(t, c.DeleteService(bg, dns6), ErrNoService)
	wantErr(t, c.ZeroService(bg, dns6), ErrNoService)
	must(t, c.DeleteService(bg, web))
	want(t, []Service{})(c.ListServices(bg))
	must(t, c.AddService(bg, s))
	must(t, c.Flush(bg))
	want[[]Service](t, nil)(c.ListServices(bg))
}

func TestClient_dests(t *testing.T) {
	c := newFakeKernel().client(t)
	d := testDest(1)
	wantErr(t, c.AddDest(bg, web, d), ErrNoService)
	must(t, c.AddService(bg, Service{ServiceKey: web, Scheduler: "rr"}))
	must(t, c.AddDest(bg, web, d))
	wantErr(t, c.AddDest(bg, web, d), ErrExist)
	d.Weight = 0
	must(t, c.EditDest(bg, web, d))
	want(t, []Dest{d})(c.ListDests(bg, web))
	wantErr(t, c.EditDest(bg, web, testDest(2)), ErrNotExist)
	must(t, c.DeleteDest(bg, web, d.DestKey))
	wantErr(t, c.DeleteDest(bg, web, d.DestKey), ErrNotExist)
	want[[]Dest](t, nil)(c.ListDests(bg, dns6))
}

func TestClient_configuration(t *testing.T) {
	c := newFakeKernel().client(t)
	must(t, c.SetTimeouts(bg, Timeouts{900, 120, 300}))
	want(t, Timeouts{900, 120, 300})(c.Timeouts(bg))
	want(t, Info{0x10201, 4096})(c.Info(bg))
	d := Daemon{State: DaemonMaster, Interface: "eth0", SyncID: 1}
	must(t, c.StartDaemon(bg, d))
	want(t, []Daemon{d})(c.ListDaemons(bg))
	wantErr(t, c.StopDaemon(bg, DaemonBackup), syscall.ESRCH)
	must(t, c.StopDaemon(bg, DaemonMaster))
}

func TestClient_fullnat(t *testing.T) {
	c := newFakeKernel().client(t)
	lip, lip6 := netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("2001:db8::9")
	must(t, c.AddLocalAddr(bg, web, lip))
	wantErr(t, c.AddLocalAddr(bg, web, lip), ErrExist)
	must(t, c.AddLocalAddr(bg, dns6, lip6))
	onWeb := ServiceLocalAddr{web, LocalAddr{Addr: lip}}
	want(t, []ServiceLocalAddr{onWeb, {dns6, LocalAddr{Addr: lip6}}})(c.ListLocalAddrs(bg))
	want(t, []ServiceLocalAddr{onWeb})(c.ListServiceLocalAddrs(bg, web))
	must(t, c.DeleteLocalAddr(bg, web, lip))
	wantErr(t, c.DeleteLocalAddr(bg, web, lip), ErrNotExist)

	x := ServiceExt{ServiceKey: web, SynProxy: true}
	must(t, c.SetServiceExt(bg, x))
	want(t, []ServiceExt{x})(c.ListServiceExts(bg))
	must(t, c.DeleteServiceExt(bg, web))
	wantErr(t, c.DeleteServiceExt(bg, web), ErrNoService)
	must(t, c.FlushFullNAT(bg))
	want[[]ServiceLocalAddr](t, nil)(c.ListLocalAddrs(bg))

	want(t, true)(c.FullNATLoaded(bg))
	want(t, FullNATInfo{"0.1", CapFullNAT | CapDrain, 2})(c.FullNATInfo(bg))
	want(t, uint32(2))(c.DrainFullNAT(bg))
	want(t, []Counter{{"a", 1}, {"b", 2}})(c.ListCounters(bg))
	conns, err := c.ListConns(bg)
	must(t, err)
	if len(conns) != 1 || conns[0].Local.Addr().String() != "1.1.1.3" {
		t.Errorf("connections %+v", conns)
	}
}

func TestClient_zones(t *testing.T) {
	c := newFakeKernel().client(t)
	z4, z6 := netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")
	lip := netip.MustParseAddr("203.0.113.9")
	must(t, c.AddZone(bg, z4))
	must(t, c.AddZone(bg, z6))
	wantErr(t, c.AddZone(bg, z4), ErrExist)
	want(t, []netip.Prefix{z4, z6})(c.ListZones(bg))
	must(t, c.AddZoneLocalAddr(bg, z4, lip))
	l := ZoneLocalAddr{z4, LocalAddr{Addr: lip}}
	want(t, []ZoneLocalAddr{l})(c.ListZoneLocalAddrs(bg, netip.Prefix{}))
	want(t, []ZoneLocalAddr{l})(c.ListZoneLocalAddrs(bg, z4))
	want[[]ZoneLocalAddr](t, []ZoneLocalAddr{})(c.ListZoneLocalAddrs(bg, z6))
	must(t, c.DeleteZoneLocalAddr(bg, z4, lip))
	must(t, c.DeleteZone(bg, z6))
	wantErr(t, c.DeleteZone(bg, z6), ErrNotExist)
}

func TestClient_kernelError(t *testing.T) {
	k := newFakeKernel()
	c := k.client(t)
	k.extack = "LADDR is missing"
	err := c.DeleteService(bg, web)
	var ke *KernelError
	if !errors.As(err, &ke) {
		t.Fatalf("error %v is not a KernelError", err)
	}
	if *ke != (KernelError{"delete service tcp 192.0.2.1:80", syscall.ESRCH, "LADDR is missing"}) {
		t.Errorf("%+v", *ke)
	}
}

func TestClient_badRequest(t *testing.T) {
	k := newFakeKernel()
	c := k.client(t)
	sends := k.sends
	wantErr(t, c.Do(bg, Request{}), ErrInvalid)
	wantErr(t, c.AddService(bg, Service{}), ErrInvalid)
	_, err := c.ListDests(bg, ServiceKey{})
	wantErr(t, err, ErrInvalid)
	if k.sends != sends {
		t.Error("a request that could not be built was sent")
	}
}

func TestClient_noFamily(t *testing.T) {
	k := newFakeKernel()
	c := k.client(t)
	delete(k.ids, "IPVS_FULLNAT")
	_, err := c.FullNATInfo(bg)
	wantErr(t, err, ErrNoFamily)
	var fe *FamilyError
	if !errors.As(err, &fe) || fe.Name != "IPVS_FULLNAT" {
		t.Errorf("%#v", err)
	}
	_, err = c.Subscribe(bg)
	wantErr(t, err, ErrNoFamily)
	must(t, c.Zero(bg))
	want(t, false)(c.FullNATLoaded(bg))

	k2 := newFakeKernel()
	delete(k2.ids, "IPVS")
	wantErr(t, newClient(k2.dial).lookupFirst(bg), ErrNoFamily)
}

// TestClient_reloadedModule: a module that was loaded anew has another number.
func TestClient_reloadedModule(t *testing.T) {
	k := newFakeKernel()
	c := k.client(t)
	lip := netip.MustParseAddr("203.0.113.9")
	must(t, c.AddLocalAddr(bg, web, lip))
	k.ids["IPVS_FULLNAT"] = 0x30
	must(t, c.DeleteLocalAddr(bg, web, lip))
	k.ids["IPVS_FULLNAT"] = 0x31
	want(t, []ServiceLocalAddr{})(c.ListLocalAddrs(bg))
	k.ids["IPVS_FULLNAT"] = 0x32
	errs := c.Batch(bg, []Request{
		AddLocalAddrRequest(web, lip), AddServiceRequest(testService(1)), AddLocalAddrRequest(web, lip),
	})
	must(t, errs[0])
	must(t, errs[1])
	wantErr(t, errs[2], ErrExist)
	delete(k.ids, "IPVS_FULLNAT")
	wantErr(t, c.AddLocalAddr(bg, mark, netip.MustParseAddr("2001:db8::9")), ErrNoFamily)
}

func TestClient_stream(t *testing.T) {
	k := newFakeKernel()
	c := k.client(t)
	addServices(t, c, 100)
	n := 0
	for s, err := range c.Services(bg) {
		must(t, err)
		if s.ServiceKey != testService(n).ServiceKey {
			t.Fatalf("service %d is %v", n, s)
		}
		n++
	}
	if n != 100 || k.opened != 1 {
		t.Errorf("%d services over %d sockets", n, k.opened)
	}
}

// TestClient_longDump: the socket of a long dump, for which the kernel makes
// large datagrams from then on, is not kept for small answers.
func TestClient_longDump(t *testing.T) {
	k := newFakeKernel()
	k.perPacket = 10
	c := k.client(t)
	addServices(t, c, 10)
	for range 3 {
		_, err := c.ListServices(bg)
		must(t, err)
	}
	if k.opened != 1 {
		t.Errorf("%d sockets for short dumps", k.opened)
	}
	must(t, c.AddService(bg, testService(100)))
	must(t, c.AddService(bg, testService(101)))
	k.perPacket = 2
	got, err := c.ListServices(bg)
	must(t, err)
	if len(got) != 12 || k.closed != 1 || len(c.idle) != 0 {
		t.Errorf("%d services, %d sockets closed, %d idle", len(got), k.closed, len(c.idle))
	}
}

// TestClient_streamStopped: the next request must not read the rest of a dump
// that nobody wanted.
func TestClient_streamStopped(t *testing.T) {
	k := newFakeKernel()
	c := k.client(t)
	addServices(t, c, 10)
	for range c.Services(bg) {
		break
	}
	want(t, Info{0x10201, 4096})(c.Info(bg))
	if k.opened != 2 || k.closed != 1 {
		t.Errorf("%d sockets opened, %d closed; want the stopped one closed", k.opened, k.closed)
	}
}

// TestClient_nested: the body of a loop may use the Client.
func TestClient_nested(t *testing.T) {
	k := newFakeKernel()
	c := k.client(t)
	addServices(t, c, 20)
	n := 0
	for s, err := range c.Services(bg) {
		must(t, err)
		must(t, c.AddDest(bg, s.ServiceKey, testDest(n)))
		for d, err := range c.Dests(bg, s.ServiceKey) {
			must(t, err)
			want(t, s.ServiceKey)(mustKey(c.Service(bg, s.ServiceKey)))
			if d.DestKey != testDest(n).DestKey {
				t.Fatalf("server %v", d)
			}
			n++
		}
	}
	if n != 20 || k.opened != 3 {
		t.Errorf("%d servers over %d sockets, want 20 over 3", n, k.opened)
	}
}

func mustKey(s Service, err error) (ServiceKey, error) { return s.ServiceKey, err }

func TestClient_panicInLoop(t *testing.T) {
	k := newFakeKernel()
	c := k.client(t)
	addServices(t, c, 5)
	func() {
		defer func() {
			if recover() != errTest {
				t.Error("the panic did not come through")
			}
		}()
		for range c.Services(bg) {
			panic(errTest)
		}
	}()
	want(t, Info{0x10201, 4096})(c.Info(bg))
}

func TestClient_interrupted(t *testing.T) {
	k := newFakeKernel()
	k.perPacket = 50 // short, so that the socket is kept
	c := k.client(t)
	addServices(t, c, 7)

	// Once or twice: the slice is made anew.
	k.interrupt = 2
	got, err := c.ListServices(bg)
	must(t, err)
	if len(got) != 7 {
		t.Errorf("%d services", len(got))
	}

	// Always: what there was, with the error.
	k.interrupt = 1000
	got, err = c.ListServices(bg)
	wantErr(t, err, ErrInterrupted)
	if len(got) != 7 || k.interrupt != 1000-dumpAttempts {
		t.Errorf("%d services after %d attempts", len(got), 1000-k.interrupt)
	}

	// A stream says so at its end.
	k.interrupt = 1
	n, last := 0, error(nil)
	for _, err := range c.Services(bg) {
		if last = err; err == nil {
			n++
		}
	}
	wantErr(t, last, ErrInterrupted)
	if n != 7 {
		t.Errorf("%d services before the error", n)
	}
	if k.opened != 1 {
		t.Errorf("%d sockets; an interrupted dump is read to its end", k.opened)
	}
}

func TestClient_staleAnswers(t *testing.T) {
	k := newFakeKernel()
	c := k.client(t)
	k.stale = true
	addServices(t, c, 5)
	must(t, c.Zero(bg))
	got, err := c.ListServices(bg)
	must(t, err)
	if len(got) != 5 {
		t.Errorf("%d services", len(got))
	}
}

func TestClient_lost(t *testing.T) {
	k := newFakeKernel()
	c := k.client(t)
	k.recvErr = fmt.Errorf("%w: no room", ErrOverrun)
	_, err := c.ListServices(bg)
	wantErr(t, err, ErrOverrun)
	if !strings.HasPrefix(err.Error(), "list services: ") {
		t.Errorf("%q does not say what was attempted", err)
	}
	must(t, c.Zero(bg))
	if k.closed != 1 {
		t.Error("the socket that lost an answer was kept")
	}
	k.recvErr = errTest
	wantErr(t, c.Zero(bg), errTest)
}

func TestClient_malformed(t *testing.T) {
	k := newFakeKernel()
	c := k.client(t)
	addServices(t, c, 1)
	for name, mangle := range map[string]func([]byte) []byte{
		"cut":           func(b []byte) []byte { return b[:len(b)-4] },
		"empty service": func(b []byte) []byte { return appendMessage(nil, header{0x20, 0, seqOf(b), 0}, 1, 1, nil) },
		"no generic":    func(b []byte) []byte { return plainMessage(header{0x20, 0, seqOf(b), 0}, nil) },
	} {
		k.mangle = mangle
		_, err := c.Service(bg, web)
		_, listErr := c.ListServices(bg)
		k.mangle = nil
		if name == "cut" {
			wantErr(t, err, ErrMalformed)
		}
		wantErr(t, listErr, ErrMalformed)
	}
	// An acknowledgement, but no answer before it.
	k.mangle = func(b []byte) []byte { return statusMessage(seqOf(b), 0, "") }
	_, err := c.Info(bg)
	wantErr(t, err, ErrMalformed)
}

func seqOf(b []byte) (seq uint32) {
	_, _ = walkMessages(b, func(h header, _ []byte) (bool, error) { seq = h.seq; return true, nil })
	return seq
}

func TestClient_contextDone(t *testing.T) {
	k := newFakeKernel()
	c := k.client(t)
	ctx, cancel := context.WithCancel(bg)
	cancel()
	wantErr(t, c.Zero(ctx), context.Canceled)
	if k.sends != 1 {
		t.Error("a request was sent for a context that was done")
	}
}

func TestClient_contextWhileWaiting(t *testing.T) {
	k := newFakeKernel()
	c := k.client(t)
	addServices(t, c, 1)
	k.mu.Lock()
	k.silent = true
	k.mu.Unlock()
	ctx, cancel := context.WithTimeout(bg, 20*time.Millisecond)
	defer cancel()
	err := c.Zero(ctx)
	wantErr(t, err, context.DeadlineExceeded)
	_, err = c.ListServices(ctx)
	wantErr(t, err, context.DeadlineExceeded)
	errs := c.Batch(ctx, []Request{ZeroRequest(), FlushRequest()})
	wantErr(t, errs[0], context.DeadlineExceeded)
	wantErr(t, errs[1], context.DeadlineExceeded)

	k.mu.Lock()
	k.silent = false
	k.mu.Unlock()
	must(t, c.Zero(bg))
}

// TestClient_contextInLoop: a dump whose context ends yields the error once.
func TestClient_contextInLoop(t *testing.T) {
	k := newFakeKernel()
	k.perPacket = 1
	c := k.client(t)
	addServices(t, c, 10)
	ctx, cancel := context.WithCancel(bg)
	defer cancel()
	var errs []error
	n := 0
	for _, err := range c.Services(ctx) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if n++; n == 2 {
			cancel()
			waitFor(t, func() bool { s := k.sockets[0]; s.mu.Lock(); defer s.mu.Unlock(); return s.deadline })
		}
	}
	if len(errs) != 1 || n != 2 {
		t.Fatalf("%d services, errors %v", n, errs)
	}
	wantErr(t, errs[0], context.Canceled)
	must(t, c.Zero(bg))
}

// waitFor polls until the condition holds.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the condition did not come about")
		}
	}
}

func TestClient_closed(t *testing.T) {
	k := newFakeKernel()
	c := k.client(t)
	addServices(t, c, 1)
	k.mu.Lock()
	k.silent = true
	k.mu.Unlock()
	errc := make(chan error)
	go func() { errc <- c.Zero(bg) }()
	waitFor(t, func() bool { c.mu.Lock(); defer c.mu.Unlock(); return len(c.busy) == 1 })
	must(t, c.Close())
	wantErr(t, <-errc, ErrClosed)
	wantErr(t, c.Zero(bg), ErrClosed)
	_, err := c.ListServices(bg)
	wantErr(t, err, ErrClosed)
	wantErr(t, c.Batch(bg, []Request{ZeroRequest()})[0], ErrClosed)
	_, err = c.Subscribe(bg)
	wantErr(t, err, ErrClosed)
	must(t, c.Close())
}

func TestClient_concurrent(t *testing.T) {
	k := newFakeKernel()
	c := k.client(t)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 50 {
				s := testService(g*50 + i)
				if err := c.AddService(bg, s); err != nil {
					t.Error(err)
				}
				if got, err := c.Service(bg, s.ServiceKey); err != nil || got != s {
					t.Errorf("%v, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
	got, err := c.ListServices(bg)
	must(t, err)
	if len(got) != 400 {
		t.Errorf("%d services", len(got))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.idle) > maxIdle || len(c.busy) != 0 {
		t.Errorf("%d sockets idle, %d busy", len(c.idle), len(c.busy))
	}
}

func TestClient_dialFails(t *testing.T) {
	c := newClient(func() (socket, error) { return nil, errTest })
	err := c.Zero(bg)
	wantErr(t, err, errTest)
	if !strings.Contains(err.Error(), "open netlink socket") {
		t.Errorf("%q does not say what was attempted", err)
	}
}
