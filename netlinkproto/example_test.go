// SPDX-License-Identifier: Apache-2.0

package netlinkproto_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/netip"
	"time"

	"github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"
)

// A TCP service with one FULLNAT real server and one local address.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()

	c, err := netlinkproto.Dial(ctx)
	if errors.Is(err, netlinkproto.ErrNoFamily) {
		log.Fatal("IPVS is not loaded: modprobe ip_vs")
	} else if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	web := netlinkproto.TCPService(netip.MustParseAddrPort("192.0.2.1:80"))
	err = c.AddService(ctx, netlinkproto.Service{ServiceKey: web, Scheduler: "wlc"})
	if err != nil && !errors.Is(err, netlinkproto.ErrExist) {
		log.Fatal(err)
	}
	err = c.AddDest(ctx, web, netlinkproto.Dest{
		DestKey:   netlinkproto.DestKey{Addr: netip.MustParseAddr("10.0.0.7"), Port: 8080},
		FwdMethod: netlinkproto.FullNAT,
		Weight:    100,
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := c.AddLocalAddr(ctx, web, netip.MustParseAddr("10.0.0.2")); err != nil {
		log.Fatal(err)
	}
}

// All services with their real servers. The inner dump runs while the outer one
// is under way; neither is held in memory.
func ExampleClient_Services() {
	ctx := context.Background()
	c, err := netlinkproto.Dial(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	for svc, err := range c.Services(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(svc.ServiceKey, svc.Scheduler)
		for rs, err := range c.Dests(ctx, svc.ServiceKey) {
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println("  ->", rs.DestKey, rs.FwdMethod, rs.Weight, rs.ActiveConns)
		}
	}
}

// A thousand services in a few system calls.
func ExampleClient_Batch() {
	ctx := context.Background()
	c, err := netlinkproto.Dial(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	var reqs []netlinkproto.Request
	for port := range uint16(1000) {
		key := netlinkproto.UDPService(netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), 1+port))
		reqs = append(reqs, netlinkproto.AddServiceRequest(netlinkproto.Service{ServiceKey: key, Scheduler: "rr"}))
	}
	for i, err := range c.Batch(ctx, reqs) {
		if err != nil {
			fmt.Println(reqs[i], "failed:", err)
		}
	}
}

// Changes that others make.
func ExampleClient_Subscribe() {
	ctx := context.Background()
	c, err := netlinkproto.Dial(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	sub, err := c.Subscribe(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer sub.Close()
	for ev, err := range sub.Events(ctx) {
		switch {
		case errors.Is(err, netlinkproto.ErrOverrun):
			fmt.Println("events were lost: dump everything")
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println(ev.Kind, ev.Service.ServiceKey, ev.LocalAddr)
		}
	}
}
