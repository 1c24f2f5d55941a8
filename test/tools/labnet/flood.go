// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"net/netip"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

// flooder makes segments of clients that do not exist.
type flooder struct {
	rnd  *rand.Rand
	from netip.Prefix
	to   netip.AddrPort
	acks bool // ACKs of cookies that were never given, in place of SYNs
}

// floodPackets is after how many a flood comes to its first one again.
const floodPackets = 20000

type floodReport struct {
	Sent    int     `json:"sent"`
	Seconds float64 `json:"seconds"`
}

// source is any address of the prefix, with any port.
func (f *flooder) source() netip.AddrPort {
	addr := f.from.Addr().AsSlice()
	for i := range addr {
		host := 8*(i+1) - f.from.Bits()
		if host <= 0 {
			continue
		}
		addr[i] ^= byte(f.rnd.Uint32()) & byte(0xff>>(8-min(host, 8)))
	}
	a, _ := netip.AddrFromSlice(addr)
	return netip.AddrPortFrom(a, uint16(1024+f.rnd.IntN(64000)))
}

func (f *flooder) segment() *scriptSegment {
	seg := &scriptSegment{src: f.source(), dst: f.to, seq: f.rnd.Uint32(), window: 64240, flags: flagSYN,
		options: []byte{2, 4, 5, 180, 4, 2, 8, 10, 0, 1, 2, 3, 0, 0, 0, 0, 1, 3, 3, 7}}
	if f.acks {
		seg.flags, seg.ack, seg.options = flagACK, f.rnd.Uint32(), nil
	}
	return seg
}

func runFlood(args []string, out io.Writer) error {
	fs := flag.NewFlagSet("flood", flag.ContinueOnError)
	n := fs.Int("n", 0, "segments; 0: until SIGTERM")
	seed := fs.Uint64("seed", uint64(time.Now().UnixNano()), "of the random numbers")
	from := fs.String("from", "198.18.0.0/15", "where the forged sources are")
	acks := fs.Bool("acks", false, "ACKs with guessed cookies in place of SYNs")
	words, err := parseFlags(fs, args, 1)
	if err != nil {
		return err
	}
	f := flooder{rnd: rand.New(rand.NewPCG(*seed, 1)), acks: *acks}
	var errFrom, errTo error
	f.from, errFrom = netip.ParsePrefix(*from)
	f.to, errTo = netip.ParseAddrPort(words[0])
	if err := errors.Join(errFrom, errTo); err != nil {
		return err
	}
	s, err := newIPSender(f.to.Addr().Is6())
	if err != nil {
		return err
	}
	defer unix.Close(s.fd)
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	// Making them is not what is to be timed.
	packets := make([][]byte, floodPackets)
	for i := range packets {
		packets[i] = f.segment().marshal()
	}
	report := floodReport{}
	start := time.Now()
	for ctx.Err() == nil && (*n == 0 || report.Sent < *n) {
		err := s.send(packets[report.Sent%len(packets)])
		if errors.Is(err, unix.ENOBUFS) {
			continue
		}
		if err != nil {
			return err
		}
		report.Sent++
	}
	report.Seconds = time.Since(start).Seconds()
	return printJSON(out, report)
}
