// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// fuzzFlow is a pair of ends whose packets are made up: the client's side
// (client to vip) or the real server's (real server to local address).
type fuzzFlow struct {
	src, dst         netip.Addr
	srcPort, dstPort []uint16
}

// fuzzer makes packets that are mostly right, so that they get far, and wrong
// in one or two places.
type fuzzer struct {
	rnd   *rand.Rand
	flows []fuzzFlow
}

type fuzzReport struct {
	Seed    uint64         `json:"seed"`
	Sent    int            `json:"sent"`
	Refused int            `json:"refused"`
	Kinds   map[string]int `json:"kinds"`
}

// chance is true in percent of all cases.
func (f *fuzzer) chance(percent int) bool { return f.rnd.IntN(100) < percent }

func (f *fuzzer) bytes(n int) []byte {
	b := make([]byte, n, n+8)
	for i := 0; i < n; i += 8 {
		binary.NativeEndian.PutUint64(b[i:i+8], f.rnd.Uint64())
	}
	return b
}

func pick[T any](f *fuzzer, of []T) T { return of[f.rnd.IntN(len(of))] }

// option makes one TCP option, known or not, its length right or not.
func (f *fuzzer) option() []byte {
	kind := pick(f, []byte{0, 1, 2, 3, 4, 5, 8, 19, 30, 34, 200, 253, 254, byte(f.rnd.Uint32())})
	size := map[byte]int{2: 4, 3: 3, 4: 2, 5: 10, 8: 10, 200: 8, 253: 20, 254: 8}[kind]
	switch {
	case kind <= 1:
		return []byte{kind}
	case size == 0 || f.chance(20):
		size = 2 + f.rnd.IntN(20)
	}
	opt := append([]byte{kind, byte(size)}, f.bytes(size-2)...)
	if f.chance(10) {
		opt[1] = byte(f.rnd.Uint32())
	}
	return opt
}

func (f *fuzzer) tcp(flow fuzzFlow) []byte {
	var opts []byte
	for f.chance(60) {
		opts = append(opts, f.option()...)
	}
	opts = opts[:min(len(opts), 40)]
	for len(opts)%4 != 0 {
		opts = append(opts, 1)
	}
	h := make([]byte, 20, 60)
	binary.BigEndian.PutUint16(h[0:], pick(f, flow.srcPort))
	binary.BigEndian.PutUint16(h[2:], pick(f, flow.dstPort))
	binary.BigEndian.PutUint32(h[4:], pick(f, []uint32{0, 1, 0xffffffff, 0x7fffffff, f.rnd.Uint32()}))
	binary.BigEndian.PutUint32(h[8:], pick(f, []uint32{0, 1, 0xffffffff, f.rnd.Uint32()}))
	h[12] = byte(5+len(opts)/4) << 4
	if f.chance(5) {
		h[12] = byte(f.rnd.Uint32())
	}
	h[13] = pick(f, []byte{0x02, 0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x14, byte(f.rnd.Uint32())})
	copy(h[14:], f.bytes(6))
	t := append(append(h, opts...), f.payload()...)
	// Where it is looked at, a wrong one ends the matter.
	if f.chance(70) {
		t[16], t[17] = 0, 0
		pseudo := sum(sum(uint32(len(t))+unix.IPPROTO_TCP, flow.src.AsSlice()), flow.dst.AsSlice())
		binary.BigEndian.PutUint16(t[16:], ^fold(sum(pseudo, t)))
	}
	return t
}

func (f *fuzzer) udp(flow fuzzFlow) []byte {
	payload := f.payload()
	h := make([]byte, 8, 8+len(payload))
	binary.BigEndian.PutUint16(h[0:], pick(f, flow.srcPort))
	binary.BigEndian.PutUint16(h[2:], pick(f, flow.dstPort))
	binary.BigEndian.PutUint16(h[4:], uint16(8+len(payload)))
	if f.chance(80) {
		copy(h[6:], f.bytes(2))
	}
	return append(h, payload...)
}

func (f *fuzzer) payload() []byte {
	return f.bytes(pick(f, []int{0, 0, 1, 7, 64, f.rnd.IntN(1400)}))
}

// quote is the packet inside an ICMP error: what went from this flow's
// destination to its source.
func (f *fuzzer) quote(flow fuzzFlow) []byte {
	back := fuzzFlow{flow.dst, flow.src, flow.dstPort, flow.srcPort}
	inner := f.ip(back, unix.IPPROTO_TCP, f.tcp(back))
	if f.chance(40) {
		inner = f.ip(back, unix.IPPROTO_UDP, f.udp(back))
	}
	if f.chance(50) {
		inner = inner[:f.rnd.IntN(len(inner)+1)]
	}
	return inner
}

func (f *fuzzer) icmp(flow fuzzFlow) []byte {
	h := make([]byte, 8, 64)
	if flow.src.Is4() {
		h[0] = pick(f, []byte{3, 3, 3, 4, 5, 11, 12, 8, 0, byte(f.rnd.Uint32())})
		h[1] = pick(f, []byte{0, 1, 3, 4, byte(f.rnd.Uint32())})
	} else {
		h[0] = pick(f, []byte{1, 2, 2, 3, 4, 128, byte(f.rnd.Uint32())})
	}
	copy(h[4:], pick(f, [][]byte{{0, 0, 5, 0}, {0, 0, 0, 68}, {0, 0, 0, 0}, f.bytes(4)}))
	b := append(h, f.quote(flow)...)
	if f.chance(90) {
		var pseudo uint32
		if flow.src.Is6() {
			pseudo = pseudo6(flow, unix.IPPROTO_ICMPV6, len(b))
		}
		binary.BigEndian.PutUint16(b[2:], ^fold(sum(pseudo, b)))
	}
	return b
}

func (f *fuzzer) ip(flow fuzzFlow, proto byte, l4 []byte) []byte {
	if flow.src.Is6() {
		return f.ip6(flow, proto, l4)
	}
	var opts []byte
	if f.chance(5) {
		opts = f.bytes(4 * (1 + f.rnd.IntN(10)))
	}
	h := make([]byte, 20, 60)
	h[0] = 0x45 + byte(len(opts)/4)
	binary.BigEndian.PutUint16(h[2:], uint16(20+len(opts)+len(l4)))
	copy(h[4:], f.bytes(2))
	h[6] = pick(f, []byte{0x40, 0x40, 0x40, 0})
	if f.chance(8) {
		h[6], h[7] = pick(f, []byte{0x20, 0x00, 0x1f, 0x3f}), byte(f.rnd.Uint32())
	}
	h[8] = pick(f, []byte{64, 64, 64, 255, 2, 1, 0})
	h[9] = proto
	s, d := flow.src.As4(), flow.dst.As4()
	copy(h[12:], s[:])
	copy(h[16:], d[:])
	h = append(h, opts...)
	binary.BigEndian.PutUint16(h[10:], ^fold(sum(0, h)))
	return append(h, l4...)
}

// ip6 puts extension headers in front of some packets.
func (f *fuzzer) ip6(flow fuzzFlow, proto byte, l4 []byte) []byte {
	next := proto
	for f.chance(10) {
		ext := pick(f, []byte{0, 43, 44, 60})
		h := append([]byte{next, 0}, f.bytes(6)...)
		if ext != 44 && f.chance(20) {
			h[1] = byte(f.rnd.IntN(3))
		}
		l4, next = append(h, l4...), ext
	}
	h := make([]byte, 40, 40+len(l4))
	h[0] = 0x60
	binary.BigEndian.PutUint16(h[4:], uint16(len(l4)))
	h[6] = next
	h[7] = pick(f, []byte{64, 64, 64, 255, 2, 1, 0})
	s, d := flow.src.As16(), flow.dst.As16()
	copy(h[8:], s[:])
	copy(h[24:], d[:])
	return append(h, l4...)
}

// packet makes one and says what it is.
func (f *fuzzer) packet() (string, []byte) {
	flow := pick(f, f.flows)
	var kind string
	var pkt []byte
	switch n := f.rnd.IntN(100); {
	case n < 50:
		kind, pkt = "tcp", f.ip(flow, unix.IPPROTO_TCP, f.tcp(flow))
	case n < 70:
		kind, pkt = "udp", f.ip(flow, unix.IPPROTO_UDP, f.udp(flow))
	case n < 95:
		proto := byte(unix.IPPROTO_ICMP)
		if flow.src.Is6() {
			proto = unix.IPPROTO_ICMPV6
		}
		kind, pkt = "icmp", f.ip(flow, proto, f.icmp(flow))
	default:
		kind, pkt = "other", f.ip(flow, byte(f.rnd.Uint32()), f.payload())
	}
	// A blow anywhere, and a cut.
	if f.chance(5) {
		pkt[f.rnd.IntN(len(pkt))] ^= byte(1 << f.rnd.IntN(8))
	}
	if f.chance(3) {
		pkt = pkt[:f.rnd.IntN(len(pkt))+1]
	}
	return kind, pkt
}

func sum(s uint32, b []byte) uint32 {
	for ; len(b) > 1; b = b[2:] {
		s += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		s += uint32(b[0]) << 8
	}
	return s
}

func fold(s uint32) uint16 {
	for s>>16 != 0 {
		s = s&0xffff + s>>16
	}
	return uint16(s)
}

func pseudo6(flow fuzzFlow, proto byte, length int) uint32 {
	s, d := flow.src.As16(), flow.dst.As16()
	return sum(sum(uint32(length)+uint32(proto), s[:]), d[:])
}

// parseFlow reads SRC=PORT,PORT-DST=PORT,PORT; "lo..hi" is a range of ports.
func parseFlow(text string) (fuzzFlow, error) {
	var flow fuzzFlow
	from, to, ok := strings.Cut(text, "-")
	if !ok {
		return flow, fmt.Errorf("flow %q: not SRC=PORTS-DST=PORTS", text)
	}
	var err error
	if flow.src, flow.srcPort, err = parseEnd(from); err != nil {
		return flow, err
	}
	if flow.dst, flow.dstPort, err = parseEnd(to); err != nil {
		return flow, err
	}
	if flow.src.Is4() != flow.dst.Is4() {
		return flow, fmt.Errorf("flow %q: two address families", text)
	}
	return flow, nil
}

func parseEnd(text string) (netip.Addr, []uint16, error) {
	host, list, _ := strings.Cut(text, "=")
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return addr, nil, err
	}
	var ports []uint16
	for _, word := range strings.Split(list, ",") {
		low, high, isRange := strings.Cut(word, "..")
		if !isRange {
			high = low
		}
		a, errA := strconv.ParseUint(low, 10, 16)
		b, errB := strconv.ParseUint(high, 10, 16)
		if err := errors.Join(errA, errB); err != nil {
			return addr, nil, fmt.Errorf("ports of %q: %w", text, err)
		}
		for p := a; p <= b; p++ {
			ports = append(ports, uint16(p))
		}
	}
	if len(ports) == 0 {
		return addr, nil, fmt.Errorf("%q has no port", text)
	}
	return addr, ports, nil
}

// send makes n packets and writes them to the device.
func (f *fuzzer) send(tun io.Writer, n int, report *fuzzReport) {
	for range n {
		kind, pkt := f.packet()
		report.Kinds[kind]++
		// The device refuses what is not IP at all.
		if _, err := tun.Write(pkt); err != nil {
			report.Refused++
			continue
		}
		report.Sent++
	}
}

// fuzzTun sends n packets by several workers at once, so that they meet on the
// same connections; worker i has the seed plus i.
func fuzzTun(dev string, flows []fuzzFlow, n, workers int, seed uint64) (fuzzReport, error) {
	reports := make([]fuzzReport, workers)
	total := fuzzReport{Seed: seed, Kinds: map[string]int{}}
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for i := range reports {
		reports[i].Kinds = map[string]int{}
		wg.Go(func() {
			tun, err := openTun(dev)
			if err != nil {
				errs[i] = err
				return
			}
			f := fuzzer{rnd: rand.New(rand.NewPCG(seed+uint64(i), 0)), flows: flows}
			f.send(tun, n/workers, &reports[i])
			errs[i] = tun.Close()
		})
	}
	wg.Wait()
	for _, r := range reports {
		total.add(r)
	}
	return total, errors.Join(errs...)
}

func (r *fuzzReport) add(o fuzzReport) {
	r.Sent += o.Sent
	r.Refused += o.Refused
	for kind, n := range o.Kinds {
		r.Kinds[kind] += n
	}
}

func runFuzz(args []string, out io.Writer) error {
	fs := flag.NewFlagSet("fuzz", flag.ContinueOnError)
	n := fs.Int("n", 10000, "packets")
	workers := fs.Int("workers", 1, "how many send at the same time")
	seed := fs.Uint64("seed", uint64(time.Now().UnixNano()), "of the random numbers")
	dev := fs.String("tun", "", "TUN device through which they arrive")
	if err := fs.Parse(args); err != nil {
		return err
	}
	var flows []fuzzFlow
	for _, arg := range fs.Args() {
		flow, err := parseFlow(arg)
		if err != nil {
			return err
		}
		flows = append(flows, flow)
	}
	if len(flows) == 0 || *dev == "" || *workers < 1 {
		return errors.New("usage: labnet fuzz -tun DEV [-n N] [-workers N] [-seed N] FLOW [FLOW ...], where FLOW is SRC=PORTS-DST=PORTS")
	}
	report, err := fuzzTun(*dev, flows, *n, *workers, *seed)
	return errors.Join(err, printJSON(out, report))
}
