// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// portMask is what a client's port is told as: another one than it is on the
// wire, that whoever knows one can tell the other.
const portMask = 0x5555

// inserter is a director that puts options of any kind into the segments that
// go through it, and touches nothing else. What it does is read from a file for
// every segment, so that it can be changed at any time.
type inserter struct {
	rules string // path; see readRules
	isn   map[netip.AddrPort]uint32
}

// insertRule is one line: stages, "last" or "first", and options.
type insertRule struct {
	stages  []string // syn, ack, data (the first), late (behind it)
	last    bool     // behind the options that are there, not in front
	options []string // see optionBytes
}

func readRules(path string) ([]insertRule, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var rules []insertRule
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) >= 2 {
			rules = append(rules, insertRule{strings.Split(words[0], ","), words[1] == "last", words[2:]})
		}
	}
	return rules, nil
}

// ruleFor is the first one for a stage. Without one, nothing is inserted.
func ruleFor(rules []insertRule, stage string) insertRule {
	for _, r := range rules {
		if slices.Contains(r.stages, stage) {
			return r
		}
	}
	return insertRule{}
}

// optionBytes makes an option of "v4:KIND:ADDR", "v6:KIND:ADDR", which get the
// port that the mask makes of the segment's, or "hex:BYTES".
func optionBytes(spec string, port uint16) ([]byte, error) {
	form, rest, _ := strings.Cut(spec, ":")
	if form == "hex" {
		return hex.DecodeString(rest)
	}
	word, host, _ := strings.Cut(rest, ":")
	kind, err := strconv.ParseUint(word, 10, 8)
	if err != nil {
		return nil, fmt.Errorf("option %q: kind: %w", spec, err)
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return nil, fmt.Errorf("option %q: %w", spec, err)
	}
	if (form == "v4") != addr.Is4() || form != "v4" && form != "v6" {
		return nil, fmt.Errorf("option %q: neither v4:KIND:ADDR nor v6:KIND:ADDR", spec)
	}
	ip := addr.AsSlice()
	opt := []byte{byte(kind), byte(4 + len(ip))}
	opt = binary.BigEndian.AppendUint16(opt, port^portMask)
	return append(opt, ip...), nil
}

// block is all options for a segment, padded.
func (r insertRule) block(port uint16) ([]byte, error) {
	var all []byte
	for _, spec := range r.options {
		opt, err := optionBytes(spec, port)
		if err != nil {
			return nil, err
		}
		all = append(all, opt...)
	}
	for len(all)%4 != 0 {
		all = append(all, 1)
	}
	return all, nil
}

// stage says where in its connection a segment is, by the sequence number.
func (ins *inserter) stage(from netip.AddrPort, tcp []byte) string {
	seq := binary.BigEndian.Uint32(tcp[4:])
	flags := tcp[13]
	switch {
	case flags&0x02 != 0:
		ins.isn[from] = seq
		return "syn"
	case flags&0x04 != 0:
		return ""
	case seq != ins.isn[from]+1:
		return "late"
	case len(tcp) > int(tcp[12]>>4)*4:
		return "data"
	}
	return "ack"
}

// tcpOf finds the TCP header of a packet without extension headers.
func tcpOf(pkt []byte) (src, dst netip.Addr, tcp []byte, ok bool) {
	switch {
	case len(pkt) >= 20 && pkt[0]>>4 == 4 && pkt[9] == unix.IPPROTO_TCP:
		head := int(pkt[0]&15) * 4
		if len(pkt) < head+20 {
			return
		}
		return netip.AddrFrom4([4]byte(pkt[12:])), netip.AddrFrom4([4]byte(pkt[16:])), pkt[head:], true
	case len(pkt) >= 60 && pkt[0]>>4 == 6 && pkt[6] == unix.IPPROTO_TCP:
		return netip.AddrFrom16([16]byte(pkt[8:])), netip.AddrFrom16([16]byte(pkt[24:])), pkt[40:], true
	}
	return
}

// insert gives back the packet as it goes on.
func (ins *inserter) insert(pkt []byte) ([]byte, error) {
	src, dst, tcp, ok := tcpOf(pkt)
	if !ok {
		return pkt, nil
	}
	port := binary.BigEndian.Uint16(tcp)
	head := int(tcp[12]>>4) * 4
	stage := ins.stage(netip.AddrPortFrom(src, port), tcp)
	rules, err := readRules(ins.rules)
	if err != nil {
		return nil, err
	}
	rule := ruleFor(rules, stage)
	if rule.options == nil || head > len(tcp) {
		return pkt, nil
	}
	block, err := rule.block(port)
	if err != nil {
		return nil, err
	}
	if head+len(block) > 60 {
		return pkt, nil
	}
	at := len(pkt) - len(tcp) + 20
	if rule.last {
		at = len(pkt) - len(tcp) + head
	}
	grown := make([]byte, 0, len(pkt)+len(block))
	grown = append(append(append(grown, pkt[:at]...), block...), pkt[at:]...)
	finish(grown, len(pkt)-len(tcp), src, dst, len(block))
	return grown, nil
}

// finish sets lengths and checksums of a packet whose TCP header, at off, grew.
func finish(pkt []byte, off int, src, dst netip.Addr, by int) {
	if src.Is4() {
		binary.BigEndian.PutUint16(pkt[2:], uint16(len(pkt)))
		pkt[10], pkt[11] = 0, 0
		binary.BigEndian.PutUint16(pkt[10:], ^fold(sum(0, pkt[:off])))
	} else {
		binary.BigEndian.PutUint16(pkt[4:], uint16(len(pkt)-40))
	}
	tcp := pkt[off:]
	tcp[12] += byte(by / 4 << 4)
	tcp[16], tcp[17] = 0, 0
	pseudo := sum(sum(uint32(len(tcp))+unix.IPPROTO_TCP, src.AsSlice()), dst.AsSlice())
	binary.BigEndian.PutUint16(tcp[16:], ^fold(sum(pseudo, tcp)))
}

func runInsert(args []string, out io.Writer) error {
	fs := flag.NewFlagSet("insert", flag.ContinueOnError)
	dev := fs.String("tun", "", "TUN device that packets are routed to, and come back from")
	rules := fs.String("rules", "", "file with lines: STAGE,... first|last OPTION...; the first one for a stage counts")
	if _, err := parseFlags(fs, args, 0); err != nil {
		return err
	}
	if _, err := readRules(*rules); err != nil {
		return err
	}
	ins := &inserter{rules: *rules, isn: map[netip.AddrPort]uint32{}}
	tun, err := openTun(*dev)
	if err != nil {
		return err
	}
	if err := waitRunning(tun, *dev); err != nil {
		return err
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, unix.SIGTERM, unix.SIGINT)
	fmt.Fprintln(out, "READY")
	failed := make(chan error, 1)
	go func() { failed <- ins.pump(tun) }()
	select {
	case <-stop:
		return nil
	case err := <-failed:
		return err
	}
}

func (ins *inserter) pump(tun *os.File) error {
	buf := make([]byte, 1<<16)
	for {
		n, err := tun.Read(buf)
		if err != nil {
			return err
		}
		pkt, err := ins.insert(buf[:n])
		if err != nil {
			return err
		}
		if _, err := tun.Write(pkt); err != nil && !errors.Is(err, unix.EINVAL) {
			return err
		}
	}
}
