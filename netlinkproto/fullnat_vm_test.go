// SPDX-License-Identifier: Apache-2.0

//go:build vm && linux

package netlinkproto

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// refused checks that the kernel refused with an explanation.
func refused(t *testing.T, err error, errno syscall.Errno) {
	t.Helper()
	var k *KernelError
	if !errors.As(err, &k) || k.Errno != errno {
		t.Errorf("error %v, want %v", err, errno)
		return
	}
	if k.Msg == "" {
		t.Errorf("%v comes without an explanation", err)
	}
}

func TestVM_localAddrs(t *testing.T) {
	c, ctx := newLab(t), deadline(t)
	lips := []netip.Addr{netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("203.0.113.10")}
	lip6 := netip.MustParseAddr("2001:db8::9")
	want(t, []ServiceLocalAddr{})(c.ListLocalAddrs(ctx))
	refused(t, c.DeleteLocalAddr(ctx, web, lips[0]), syscall.ESRCH)
	for _, a := range lips {
		must(t, c.AddLocalAddr(ctx, web, a))
	}
	refused(t, c.AddLocalAddr(ctx, web, lips[0]), syscall.EEXIST)
	refused(t, c.AddLocalAddr(ctx, web, netip.MustParseAddr("224.0.0.1")), syscall.EADDRNOTAVAIL)
	must(t, c.AddLocalAddr(ctx, dns6, lip6))
	must(t, c.AddLocalAddr(ctx, mark, lip6))
	onWeb := []ServiceLocalAddr{{web, LocalAddr{Addr: lips[0]}}, {web, LocalAddr{Addr: lips[1]}}}
	want(t, append(onWeb, ServiceLocalAddr{dns6, LocalAddr{Addr: lip6}}, ServiceLocalAddr{mark, LocalAddr{Addr: lip6}}))(c.ListLocalAddrs(ctx))
	want(t, onWeb)(c.ListServiceLocalAddrs(ctx, web))
	must(t, c.DeleteLocalAddr(ctx, web, lips[0]))
	refused(t, c.DeleteLocalAddr(ctx, web, lips[0]), syscall.ENOENT)
	_, err := c.ListServiceLocalAddrs(ctx, TCPService(netip.MustParseAddrPort("192.0.2.1:81")))
	refused(t, err, syscall.ESRCH)

	exts, err := c.ListServiceExts(ctx)
	want(t, []ServiceExt{{web, false, 1}, {dns6, false, 1}, {mark, false, 1}})(exts, err)
	must(t, c.DeleteServiceExt(ctx, web))
	refused(t, c.DeleteServiceExt(ctx, web), syscall.ESRCH)
	must(t, c.FlushFullNAT(ctx))
	want(t, []ServiceLocalAddr{})(c.ListLocalAddrs(ctx))
}

func TestVM_fullnatRefusals(t *testing.T) {
	c, ctx := newLab(t), deadline(t)
	bad := func(cmd uint8, fill func(*encoder)) error {
		return c.Do(ctx, build(fullnatFamily, cmd, namer{verb: "bad request"}, fill))
	}
	refused(t, bad(ipvsFnatCmdNewLaddr, nil), syscall.EINVAL)
	refused(t, bad(ipvsFnatCmdNewLaddr, web.encode), syscall.EINVAL)
	refused(t, bad(ipvsFnatCmdNewLaddr, func(e *encoder) { e.u32(200, 1) }), syscall.EINVAL)
	refused(t, bad(ipvsFnatCmdDelService, func(e *encoder) {
		e.nest(ipvsFnatAttrService, func(e *encoder) { e.u16(ipvsFnatSvcAttrAf, 99) })
	}), syscall.EAFNOSUPPORT)
	refused(t, bad(ipvsFnatCmdDelService, func(e *encoder) {
		e.nest(ipvsFnatAttrService, func(e *encoder) { e.u8(ipvsFnatSvcAttrAf, 2) })
	}), syscall.EINVAL)
	wantErr(t, bad(99, nil), ErrUnsupported)
}

func TestVM_serviceExt(t *testing.T) {
	c, ctx := newLab(t), deadline(t)
	info, err := c.FullNATInfo(ctx)
	must(t, err)
	must(t, c.SetServiceExt(ctx, ServiceExt{ServiceKey: web}))
	want(t, []ServiceExt{{ServiceKey: web}})(c.ListServiceExts(ctx))
	err = c.SetServiceExt(ctx, ServiceExt{ServiceKey: web, SynProxy: true})
	if !info.Capabilities.Has(CapSynProxy) {
		refused(t, err, syscall.EOPNOTSUPP)
		return
	}
	must(t, err)
	want(t, []ServiceExt{{ServiceKey: web, SynProxy: true}})(c.ListServiceExts(ctx))
}

func TestVM_zones(t *testing.T) {
	c, ctx := newLab(t), deadline(t)
	info, err := c.FullNATInfo(ctx)
	must(t, err)
	zones := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	lips := []netip.Addr{netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("2001:db8::9")}
	if !info.Capabilities.Has(CapZone) {
		wantErr(t, c.AddZone(ctx, zones[0]), ErrUnsupported)
		_, err = c.ListZones(ctx)
		wantErr(t, err, ErrUnsupported)
		return
	}
	for i, z := range zones {
		must(t, c.AddZone(ctx, z))
		refused(t, c.AddZone(ctx, z), syscall.EEXIST)
		must(t, c.AddZoneLocalAddr(ctx, z, lips[i]))
		want(t, []ZoneLocalAddr{{z, LocalAddr{Addr: lips[i]}}})(c.ListZoneLocalAddrs(ctx, z))
	}
	want(t, zones)(c.ListZones(ctx))
	for i, z := range zones {
		must(t, c.DeleteZoneLocalAddr(ctx, z, lips[i]))
		must(t, c.DeleteZone(ctx, z))
		refused(t, c.DeleteZone(ctx, z), syscall.ENOENT)
	}
}

func TestVM_fullnatInfo(t *testing.T) {
	c, ctx := newLab(t), deadline(t)
	info, err := c.FullNATInfo(ctx)
	must(t, err)
	if info.Version == "" || !info.Capabilities.Has(CapFullNAT) || info.Conns != 0 {
		t.Errorf("%+v", info)
	}
	want(t, []Conn{})(c.ListConns(ctx))
	if info.Capabilities.Has(CapDrain) {
		want(t, uint32(0))(c.DrainFullNAT(ctx))
	}
}

// TestVM_counters: netlink and procfs name the same counters in the same order.
func TestVM_counters(t *testing.T) {
	c, ctx := newLab(t), deadline(t)
	counters, err := c.ListCounters(ctx)
	must(t, err)
	var names []string
	for _, n := range counters {
		names = append(names, n.Name)
	}
	text, err := os.ReadFile("/proc/thread-self/net/ip_vs_ext_stats")
	must(t, err)
	var wanted []string
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && strings.Contains(f[0], "_") {
			wanted = append(wanted, strings.TrimSuffix(f[0], ":"))
		}
	}
	if strings.Join(names, " ") != strings.Join(wanted, " ") {
		t.Errorf("netlink names\n%q, procfs\n%q", names, wanted)
	}
}

func TestVM_events(t *testing.T) {
	c := newLab(t)
	ctx, cancel := context.WithTimeout(bg, time.Minute)
	defer cancel()
	sub, err := c.Subscribe(ctx)
	must(t, err)
	defer sub.Close()
	lip := netip.MustParseAddr("203.0.113.9")
	must(t, c.AddLocalAddr(ctx, web, lip))
	wantErr(t, c.AddLocalAddr(ctx, web, lip), ErrExist) // no event
	must(t, c.SetServiceExt(ctx, ServiceExt{ServiceKey: mark}))
	must(t, c.DeleteLocalAddr(ctx, web, lip))
	must(t, c.DeleteServiceExt(ctx, mark))
	must(t, c.FlushFullNAT(ctx))
	onWeb, onMark := ServiceExt{ServiceKey: web}, ServiceExt{ServiceKey: mark}
	wanted := []Event{
		{Kind: EventAddLocalAddr, Service: onWeb, LocalAddr: lip},
		{Kind: EventSetService, Service: onMark},
		{Kind: EventDeleteLocalAddr, Service: onWeb, LocalAddr: lip},
		{Kind: EventDeleteService, Service: onMark},
		{Kind: EventFlush},
	}
	for e, err := range sub.Events(ctx) {
		must(t, err)
		want(t, wanted[0])(e, nil)
		if wanted = wanted[1:]; len(wanted) == 0 {
			break
		}
	}
}

// TestVM_interruptedDump: a dump that meets changes is marked, and the slice is
// whole all the same. Nothing that was there all the time is missing.
func TestVM_interruptedDump(t *testing.T) {
	c, ctx := newLab(t), deadline(t)
	const n = 2000
	reqs := make([]Request, n)
	for i := range reqs {
		reqs[i] = AddLocalAddrRequest(testService(i).ServiceKey, netip.MustParseAddr("203.0.113.9"))
	}
	for i, err := range c.Batch(ctx, reqs) {
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
	interrupted := false
	seen := 0
	for _, err := range c.LocalAddrs(ctx) {
		if errors.Is(err, ErrInterrupted) {
			interrupted = true
			continue
		}
		must(t, err)
		if seen++; seen == 5 {
			must(t, c.DeleteServiceExt(ctx, testService(0).ServiceKey))
		}
	}
	if !interrupted {
		t.Error("a change in the middle of a dump went unnoticed")
	}
	all, err := c.ListLocalAddrs(ctx)
	must(t, err)
	if len(all) != n-1 {
		t.Errorf("%d local addresses, want %d", len(all), n-1)
	}
}
