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
	"sync"
	"time"

	"github.com/mdlayher/genetlink"
	"golang.org/x/sys/unix"
)

// netFuzzer makes messages for the netlink families IPVS and IPVS_FULLNAT: valid
// ones in any order, and such that are wrong in one or two places.
type netFuzzer struct {
	fuzzer
	ipvs, fullnat uint16 // numbers of the families
	addrs         []netip.Addr
	sock          int
}

type netFuzzReport struct {
	Seed    uint64         `json:"seed"`
	Sent    int            `json:"sent"`
	Refused int            `json:"refused"` // by the socket, before any family
	Replies int            `json:"replies"`
	Errors  map[string]int `json:"errors"`
}

const (
	nlHeaderLen   = unix.NLMSG_HDRLEN
	genlHeaderLen = 4
	fwdFullNAT    = 5
)

func nlAttr(typ uint16, data []byte) []byte {
	b := make([]byte, 4+(len(data)+3)&^3)
	binary.NativeEndian.PutUint16(b, uint16(4+len(data)))
	binary.NativeEndian.PutUint16(b[2:], typ)
	copy(b[4:], data)
	return b
}

func nlNest(typ uint16, parts ...[]byte) []byte {
	var data []byte
	for _, part := range parts {
		data = append(data, part...)
	}
	return nlAttr(typ|unix.NLA_F_NESTED, data)
}

func nlU16(typ, v uint16) []byte { return nlAttr(typ, binary.NativeEndian.AppendUint16(nil, v)) }
func nlU32(typ uint16, v uint32) []byte {
	return nlAttr(typ, binary.NativeEndian.AppendUint32(nil, v))
}
func nlBE16(typ, v uint16) []byte { return nlAttr(typ, binary.BigEndian.AppendUint16(nil, v)) }

func nlAddr(typ uint16, a netip.Addr) []byte {
	b := make([]byte, 16)
	copy(b, a.AsSlice())
	return nlAttr(typ, b)
}

// some returns each of the parts in 95 of 100 cases.
func (f *netFuzzer) some(parts ...[]byte) []byte {
	var data []byte
	for _, part := range parts {
		if !f.chance(5) {
			data = append(data, part...)
		}
	}
	return data
}

// service is an IPVS_CMD_ATTR_SERVICE, whose first five attributes both families
// share.
func (f *netFuzzer) service(stock bool) []byte {
	a := pick(&f.fuzzer, f.addrs)
	af := uint16(unix.AF_INET)
	if a.Is6() {
		af = unix.AF_INET6
	}
	if f.chance(2) {
		af = uint16(f.rnd.Uint32())
	}
	data := f.some(nlU16(1, af))
	if f.chance(20) {
		data = append(data, nlU32(5, pick(&f.fuzzer, []uint32{0, 1, 2, f.rnd.Uint32()}))...)
	} else {
		data = append(data, f.some(
			nlU16(2, pick(&f.fuzzer, []uint16{unix.IPPROTO_TCP, unix.IPPROTO_TCP, unix.IPPROTO_TCP, unix.IPPROTO_UDP, unix.IPPROTO_SCTP, uint16(f.rnd.Uint32())})),
			nlAddr(3, a), nlBE16(4, pick(&f.fuzzer, []uint16{80, 80, 80, 53, 0, uint16(f.rnd.Uint32())})))...)
	}
	switch {
	case stock:
		data = append(data, f.some(
			nlAttr(6, append([]byte(pick(&f.fuzzer, []string{"rr", "wrr", "wlc", "none", ""})), 0)),
			nlAttr(7, f.bytes(8)),
			nlU32(8, pick(&f.fuzzer, []uint32{0, 0, 60, f.rnd.Uint32()})), nlU32(9, 0xffffffff))...)
	case f.chance(30):
		data = append(data, nlAttr(6, append(f.bytes(4), 1, 0, 0, 0))...)
	}
	return nlAttr(1|unix.NLA_F_NESTED, data)
}

func (f *netFuzzer) dest() []byte {
	return nlAttr(2|unix.NLA_F_NESTED, f.some(nlAddr(1, pick(&f.fuzzer, f.addrs)), nlBE16(2, pick(&f.fuzzer, []uint16{0, 80, 53})),
		nlU32(3, pick(&f.fuzzer, []uint32{fwdFullNAT, fwdFullNAT, 0, 3, f.rnd.Uint32N(16)})), nlU32(4, f.rnd.Uint32N(3)),
		nlU32(5, 0), nlU32(6, 0)))
}

func (f *netFuzzer) fullnatMessage() (cmd byte, attrs []byte, dump bool) {
	laddr := nlNest(7, nlAddr(1, pick(&f.fuzzer, f.addrs)))
	zone := nlNest(8, nlAddr(1, pick(&f.fuzzer, f.addrs)), nlU32(2, pick(&f.fuzzer, []uint32{0, 0xffffffff, 0x00ffffff, f.rnd.Uint32()})))
	switch n := f.rnd.IntN(100); {
	case n < 35:
		return byte(18 + f.rnd.IntN(2)), f.some(f.service(false), laddr), false
	case n < 55: // services
		return byte(32 + f.rnd.IntN(2)), f.some(f.service(false)), false
	case n < 65: // zones
		return byte(21 + f.rnd.IntN(6)), f.some(zone, laddr), f.chance(30)
	case n < 85:
		attrs = nil
		if f.chance(50) {
			attrs = f.service(false)
		}
		return pick(&f.fuzzer, []byte{20, 34, 37, 38}), attrs, true
	case n < 90:
		return 36, nil, false
	case n < 93: // flush, drain
		return pick(&f.fuzzer, []byte{35, 39}), nil, false
	}
	return byte(f.rnd.Uint32()), f.some(f.service(false), laddr, zone), f.chance(50)
}

func (f *netFuzzer) ipvsMessage() (cmd byte, attrs []byte, dump bool) {
	switch n := f.rnd.IntN(100); {
	case n < 40:
		return byte(1 + f.rnd.IntN(3)), f.some(f.service(true)), false
	case n < 75:
		return byte(5 + f.rnd.IntN(3)), f.some(f.service(true), f.dest()), false
	case n < 90:
		return pick(&f.fuzzer, []byte{4, 8, 11}), f.some(f.service(true)), true
	case n < 92: // flush
		return 17, nil, false
	}
	// All but the daemon, whose threads would stay.
	return pick(&f.fuzzer, []byte{0, 4, 12, 13, 15, 16, 18, 40, 255}), f.some(f.service(true), f.dest()), f.chance(30)
}

// message makes one; two of five are spoilt.
func (f *netFuzzer) message() []byte {
	family, kind := f.fullnat, f.fullnatMessage
	if f.chance(30) {
		family, kind = f.ipvs, f.ipvsMessage
	}
	cmd, attrs, dump := kind()
	flags := uint16(unix.NLM_F_REQUEST | unix.NLM_F_ACK)
	if dump {
		flags = unix.NLM_F_REQUEST | unix.NLM_F_DUMP
	}
	b := make([]byte, nlHeaderLen+genlHeaderLen, 1024)
	b[nlHeaderLen], b[nlHeaderLen+1] = cmd, 1
	b = append(b, attrs...)
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	binary.NativeEndian.PutUint16(b[4:], family)
	binary.NativeEndian.PutUint16(b[6:], flags)
	binary.NativeEndian.PutUint32(b[8:], f.rnd.Uint32())
	if f.chance(40) {
		b = f.spoil(b)
	}
	return b
}

// spoil changes a message behind the family's number.
func (f *netFuzzer) spoil(b []byte) []byte {
	for range 1 + f.rnd.IntN(3) {
		switch f.rnd.IntN(6) {
		case 0: // flags, all but those that are no request
			binary.NativeEndian.PutUint16(b[6:], uint16(f.rnd.Uint32())|unix.NLM_F_REQUEST)
		case 1: // an attribute more
			b = append(b, nlAttr(uint16(f.rnd.IntN(16)), f.bytes(f.rnd.IntN(40)))...)
			binary.NativeEndian.PutUint32(b, uint32(len(b)))
		case 2: // a shorter message
			b = b[:nlHeaderLen+f.rnd.IntN(len(b)-nlHeaderLen+1)]
			binary.NativeEndian.PutUint32(b, uint32(len(b)))
		case 3: // a length that is not true
			binary.NativeEndian.PutUint32(b, f.rnd.Uint32N(uint32(2*len(b))))
		default: // a byte of the attributes, their headers mostly
			if len(b) > nlHeaderLen+genlHeaderLen {
				at := nlHeaderLen + genlHeaderLen + f.rnd.IntN(len(b)-nlHeaderLen-genlHeaderLen)
				b[at&^3] = byte(f.rnd.Uint32())
			}
		}
		if len(b) < nlHeaderLen+genlHeaderLen {
			break
		}
	}
	return b
}

func (f *netFuzzer) open() error {
	sock, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_GENERIC)
	if err != nil {
		return fmt.Errorf("open a netlink socket: %w", err)
	}
	f.sock = sock
	return errors.Join(
		unix.SetsockoptInt(sock, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1),
		unix.SetsockoptInt(sock, unix.SOL_NETLINK, unix.NETLINK_GET_STRICT_CHK, f.rnd.IntN(2)))
}

// replies reads what has come. Requests are served while they are sent, so
// nothing comes later, and nobody waits; a dump goes on with each read.
func (f *netFuzzer) replies(report *netFuzzReport) {
	buf := make([]byte, 1<<16)
	for {
		n, _, err := unix.Recvfrom(f.sock, buf, unix.MSG_DONTWAIT)
		if err != nil || n == 0 {
			return
		}
		for b := buf[:n]; len(b) >= nlHeaderLen; {
			size := int(binary.NativeEndian.Uint32(b))
			if size < nlHeaderLen || size > len(b) {
				break
			}
			report.Replies++
			f.count(b[:size], report)
			b = b[min(len(b), (size+3)&^3):]
		}
	}
}

// count notes what an answer refuses.
func (f *netFuzzer) count(msg []byte, report *netFuzzReport) {
	typ := binary.NativeEndian.Uint16(msg[4:])
	if (typ != unix.NLMSG_ERROR && typ != unix.NLMSG_DONE) || len(msg) < nlHeaderLen+4 {
		return
	}
	errno := int32(binary.NativeEndian.Uint32(msg[nlHeaderLen:]))
	if errno >= 0 {
		return
	}
	report.Errors[unix.ErrnoName(unix.Errno(-errno))]++
}

// run sends n messages. Some answers are left unread, and some sockets closed
// in the middle of a dump.
func (f *netFuzzer) run(n int, report *netFuzzReport) error {
	if err := f.open(); err != nil {
		return err
	}
	for range n {
		msg := f.message()
		if err := unix.Sendto(f.sock, msg, unix.MSG_DONTWAIT, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
			report.Refused++
		} else {
			report.Sent++
		}
		switch f.rnd.IntN(50) {
		case 0:
			unix.Close(f.sock)
			if err := f.open(); err != nil {
				return err
			}
		case 1: // one more before the answer is read
		default:
			f.replies(report)
		}
	}
	return unix.Close(f.sock)
}

// families asks for their numbers.
func families() (ipvs, fullnat uint16, err error) {
	c, err := genetlink.Dial(nil)
	if err != nil {
		return 0, 0, err
	}
	defer c.Close()
	a, errA := c.GetFamily("IPVS")
	b, errB := c.GetFamily("IPVS_FULLNAT")
	return a.ID, b.ID, errors.Join(errA, errB)
}

func runNetFuzz(args []string, out io.Writer) error {
	fs := flag.NewFlagSet("fuzz-netlink", flag.ContinueOnError)
	n := fs.Int("n", 10000, "messages")
	workers := fs.Int("workers", 1, "how many send at the same time")
	seed := fs.Uint64("seed", uint64(time.Now().UnixNano()), "of the random numbers")
	rest, err := parseFlags(fs, args, 1)
	if err != nil {
		return err
	}
	var addrs []netip.Addr
	for _, arg := range rest {
		a, err := netip.ParseAddr(arg)
		if err != nil {
			return err
		}
		addrs = append(addrs, a)
	}
	ipvs, fullnat, err := families()
	if err != nil {
		return err
	}
	if err := printJSON(out, map[string]uint64{"seed": *seed}); err != nil {
		return err
	}
	reports := make([]netFuzzReport, *workers)
	errs := make([]error, *workers)
	var wg sync.WaitGroup
	for i := range reports {
		reports[i].Errors = map[string]int{}
		wg.Go(func() {
			f := netFuzzer{fuzzer: fuzzer{rnd: rand.New(rand.NewPCG(*seed+uint64(i), 1))}, ipvs: ipvs, fullnat: fullnat, addrs: addrs}
			errs[i] = f.run(*n / *workers, &reports[i])
		})
	}
	wg.Wait()
	total := netFuzzReport{Seed: *seed, Errors: map[string]int{}}
	for _, r := range reports {
		total.Sent += r.Sent
		total.Refused += r.Refused
		total.Replies += r.Replies
		for name, n := range r.Errors {
			total.Errors[name] += n
		}
	}
	return errors.Join(errors.Join(errs...), printJSON(out, total))
}
