// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"runtime/debug"
	"slices"
	"time"
)

// costRounds is how often a measurement is repeated; the median is reported.
const costRounds = 5

// costFlows is how many flows the segments of a measurement belong to at most.
const costFlows = 4096

// packetCost times segments of established TCP connections: on a machine whose
// clock counts instructions, these are instructions.
type packetCost struct {
	opener      flowOpener
	client      netip.AddrPort // of the first flow
	server      netip.AddrPort // where segments are answered from, with -blind
	flows, n    int
	size        int
	blind, once bool
	ack         bool      // each SYN of once is followed by an ACK
	profile     io.Writer // where to say what each function costs, or nil
}

type packetCostReport struct {
	Flows int `json:"flows"`
	// Nanoseconds for one connection, with all that both ends do for it.
	Open int64 `json:"open"`
	// Nanoseconds per segment; 0: not asked for.
	First   int64 `json:"first"`
	Forward int64 `json:"forward"`
	Reply   int64 `json:"reply"`
	// Segments sent by each end, all told.
	FromClient int `json:"from_client"`
	FromServer int `json:"from_server"`
}

// local is the client's end of the i-th flow: ports count up, then addresses.
func (c *packetCost) local(i int) netip.AddrPort {
	first := int(c.client.Port())
	room := 65536 - first
	addr := c.client.Addr()
	for ; i >= room; i -= room {
		addr = addr.Next()
	}
	return netip.AddrPortFrom(addr, uint16(first+i))
}

// data is what a segment carries so that its frame is as long as asked for.
func (c *packetCost) data() ([]byte, error) {
	head := ethernetHeader + 40 + 32
	if c.client.Addr().Is4() {
		head -= 20
	}
	if c.size < head {
		return nil, fmt.Errorf("a frame has at least %d bytes", head)
	}
	return make([]byte, c.size-head), nil
}

// open makes the flows that are measured, and those beside them.
func (c *packetCost) open() ([]*flow, error) {
	flows := make([]*flow, 0, min(c.flows, costFlows))
	every := (c.flows + costFlows - 1) / costFlows
	for i := range c.flows {
		var f *flow
		if c.blind {
			f = &flow{client: flowEnd{local: c.local(i), remote: c.opener.target, seq: 1, ack: 1},
				server: flowEnd{local: c.server, remote: c.local(i), seq: 1, ack: 1}}
		} else {
			var err error
			if f, err = c.opener.open(c.local(i), uint32(i)*2654435761); err != nil {
				return nil, fmt.Errorf("connection %d from %v to %v: %w", i, c.local(i), c.opener.target, err)
			}
		}
		if i%every == 0 {
			flows = append(flows, f)
		}
	}
	return flows, nil
}

// profiled says by which functions the segments of a train are handled, each of
// which costs so much when nobody samples.
func (c *packetCost) profiled(way string, t *train, cost int64) error {
	if c.profile == nil {
		return nil
	}
	counts := map[string]int{}
	for _, period := range profilePeriods {
		p, err := startProfile(period)
		if err != nil {
			return err
		}
		if err := errors.Join(t.run(c.n/len(profilePeriods)), p.stop(counts)); err != nil {
			return err
		}
	}
	printProfile(c.profile, way, counts, cost)
	return nil
}

// timed is how long a segment takes, when others have gone first.
func (c *packetCost) timed(way string, t *train) (int64, error) {
	if err := t.run(2 * len(t.frames)); err != nil {
		return 0, err
	}
	var took []int64
	for range costRounds {
		start := time.Now()
		if err := t.run(c.n); err != nil {
			return 0, err
		}
		took = append(took, time.Since(start).Nanoseconds()/int64(c.n))
	}
	slices.Sort(took)
	median := took[len(took)/2]
	return median, c.profiled(way, t, median)
}

// firsts times SYNs of flows that have not been there; nobody answers.
func (c *packetCost) firsts() (int64, error) {
	segments := func(flags byte) *train {
		var all []tcpSegment
		for i := range c.flows {
			end := flowEnd{local: c.local(i), remote: c.opener.target, seq: uint32(i) * 2654435761, clock: 1000000}
			if flags&flagSYN == 0 {
				end.seq++
			}
			all = append(all, end.segment(flags, nil))
		}
		return newTrain(c.opener.client, all)
	}
	t := segments(flagSYN)
	start := time.Now()
	err := t.run(c.flows)
	took := time.Since(start).Nanoseconds() / int64(c.flows)
	if err == nil && c.ack {
		err = segments(flagACK).run(c.flows)
	}
	return took, err
}

func (c *packetCost) measure() (packetCostReport, error) {
	report := packetCostReport{Flows: c.flows}
	var err error
	if c.once {
		c.deafen()
		report.First, err = c.firsts()
		report.FromClient = c.opener.client.sent
		return report, err
	}
	data, err := c.data()
	if err != nil {
		return report, err
	}
	c.opener.payload = data
	if c.opener.oneWay || c.n == 0 {
		c.opener.payload = nil
	}
	start := time.Now()
	flows, err := c.open()
	if err != nil {
		return report, err
	}
	report.Open = time.Since(start).Nanoseconds() / int64(c.flows)
	c.deafen()
	if c.n > 0 {
		err = c.bothWays(&report, flows, data)
	}
	report.FromClient, report.FromServer = c.opener.client.sent, c.opener.server.sent
	return report, err
}

func (c *packetCost) bothWays(report *packetCostReport, flows []*flow, data []byte) error {
	var up, down []tcpSegment
	for _, f := range flows {
		up = append(up, f.client.segment(flagACK|flagPSH, data))
		down = append(down, f.server.segment(flagACK|flagPSH, data))
	}
	var err error
	if report.Forward, err = c.timed("forward", newTrain(c.opener.client, up)); err != nil || c.opener.oneWay {
		return err
	}
	report.Reply, err = c.timed("reply", newTrain(c.opener.server, down))
	return err
}

// deafen is behind all that allocates: from here on only segments cost.
func (c *packetCost) deafen() {
	runtime.GC()
	debug.SetGCPercent(-1)
	c.opener.client.deafen()
	c.opener.server.deafen()
}

// wires opens both ends: each by its namespace and the router's address there.
func (c *packetCost) wires(clientNS, clientRouter, serverNS, serverRouter string) error {
	v6 := c.opener.target.Addr().Is6()
	toClient, errClient := net.ParseMAC(clientRouter)
	toServer, errServer := net.ParseMAC(serverRouter)
	if err := errors.Join(errClient, errServer); err != nil {
		return err
	}
	var err error
	if c.opener.client, err = openWire(clientNS, toClient, v6); err != nil {
		return err
	}
	c.opener.server, err = openWire(serverNS, toServer, v6)
	return err
}

func runPacketCost(args []string, out io.Writer) error {
	fs := flag.NewFlagSet("packetcost", flag.ContinueOnError)
	c := packetCost{}
	client := fs.String("client", "", "namespace of the client; its wire is eth0")
	server := fs.String("server", "", "namespace of the server")
	clientRouter := fs.String("client-router", "", "Ethernet address that the client sends to")
	serverRouter := fs.String("server-router", "", "Ethernet address that the server sends to")
	from := fs.String("from", "", "address and port of the first flow; others count up from there")
	answer := fs.String("answer", "", "with -blind: address and port of the server")
	fs.IntVar(&c.flows, "flows", 64, "connections")
	fs.IntVar(&c.n, "n", 4096, "segments each way, in five rounds each; 0: open them only, without data")
	fs.IntVar(&c.size, "size", 100, "bytes of a frame, with its Ethernet header")
	fs.BoolVar(&c.opener.oneWay, "one-way", false, "answers pass the director by; time the client's segments only")
	fs.BoolVar(&c.blind, "blind", false, "nothing is opened, segments go nowhere: what sending them costs")
	fs.BoolVar(&c.once, "first", false, "time one SYN of each flow in place of all that")
	fs.BoolVar(&c.ack, "ack", false, "with -first: an ACK follows each, which is not timed")
	profile := fs.Bool("profile", false, "say what each function costs a segment, first")
	words, err := parseFlags(fs, args, 1)
	if err != nil {
		return err
	}
	if *profile {
		c.profile = out
	}
	if c.flows < 1 || c.n < 0 {
		return errors.New("at least one flow, and not less than no segments")
	}
	var errFrom, errTo, errAnswer error
	c.client, errFrom = netip.ParseAddrPort(*from)
	c.opener.target, errTo = netip.ParseAddrPort(words[0])
	if c.blind {
		c.server, errAnswer = netip.ParseAddrPort(*answer)
	}
	if err := errors.Join(errFrom, errTo, errAnswer); err != nil {
		return err
	}
	runtime.LockOSThread()
	if err := c.wires(*client, *clientRouter, *server, *serverRouter); err != nil {
		return err
	}
	report, err := c.measure()
	if err != nil {
		return err
	}
	return printJSON(out, report)
}
