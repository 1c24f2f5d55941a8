// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// scriptTimeout is how long a step waits for a segment.
const scriptTimeout = 20 * time.Second

// errNothing says that no segment came in time.
var errNothing = errors.New("nothing came")

// scripted is a TCP client that does what it is told, segment by segment, over
// a TUN device. It keeps its own ends of the sequence numbers and nothing else.
type scripted struct {
	tun      io.Writer
	segments chan *scriptSegment
	out      io.Writer

	local, remote  netip.AddrPort
	seq, ack       uint32
	window         uint16
	ts             bool
	tsval, tsecr   uint32
	first          *scriptSegment // the ACK of the handshake
	received       []byte
	gotFIN, gotRST bool
}

// step is one word of a script: NAME or NAME=ARGUMENT.
type step func(s *scripted, arg string) error

var steps = map[string]step{
	"isn":     (*scripted).stepISN,
	"window":  (*scripted).stepWindow,
	"syn":     (*scripted).stepSYN,
	"synack":  (*scripted).stepSYNACK,
	"ack":     func(s *scripted, _ string) error { return s.sendACK() },
	"badack":  (*scripted).stepBadACK,
	"replay":  func(s *scripted, _ string) error { return s.write(s.first) },
	"data":    (*scripted).stepData,
	"ahead":   (*scripted).stepAhead,
	"fin":     func(s *scripted, _ string) error { err := s.send(flagFIN|flagACK, nil, nil); s.seq++; return err },
	"rst":     func(s *scripted, _ string) error { return s.send(flagRST, nil, nil) },
	"get":     (*scripted).stepGet,
	"gotrst":  (*scripted).stepGotRST,
	"gotfin":  (*scripted).stepGotFIN,
	"gotack":  (*scripted).stepGotACK,
	"quiet":   (*scripted).stepQuiet,
	"wait":    (*scripted).stepWait,
	"options": (*scripted).stepOptions,
}

func (s *scripted) write(seg *scriptSegment) error {
	fmt.Fprintf(s.out, "> %v\n", seg)
	_, err := s.tun.Write(seg.marshal())
	return err
}

func (s *scripted) timestamps() []byte {
	if !s.ts {
		return nil
	}
	s.tsval++
	o := []byte{1, 1, 8, 10}
	o = binary.BigEndian.AppendUint32(o, s.tsval)
	return binary.BigEndian.AppendUint32(o, s.tsecr)
}

func (s *scripted) make(flags byte, options, payload []byte) *scriptSegment {
	seg := &scriptSegment{src: s.local, dst: s.remote, seq: s.seq, flags: flags,
		window: s.window, options: options, payload: payload}
	if flags&flagACK != 0 {
		seg.ack = s.ack
	}
	if options == nil {
		seg.options = s.timestamps()
	}
	return seg
}

func (s *scripted) send(flags byte, options, payload []byte) error {
	return s.write(s.make(flags, options, payload))
}

func (s *scripted) sendACK() error {
	seg := s.make(flagACK, nil, nil)
	if s.first == nil {
		s.first = seg
	}
	return s.write(seg)
}

// next is the next segment, or errNothing.
func (s *scripted) next(timeout time.Duration) (*scriptSegment, error) {
	select {
	case seg := <-s.segments:
		fmt.Fprintf(s.out, "< %v\n", seg)
		s.gotRST = s.gotRST || seg.flags&flagRST != 0
		if o, ok := seg.option(8); ok && len(o) == 8 && seg.seq == s.ack {
			s.tsecr = binary.BigEndian.Uint32(o)
		}
		return seg, nil
	case <-time.After(timeout):
		return nil, errNothing
	}
}

// expect waits for a segment that the function takes.
func (s *scripted) expect(what string, takes func(*scriptSegment) bool) error {
	deadline := time.Now().Add(scriptTimeout)
	for {
		seg, err := s.next(time.Until(deadline))
		if err != nil {
			return fmt.Errorf("no %s: %w", what, err)
		}
		if takes(seg) {
			return nil
		}
	}
}

func (s *scripted) stepISN(arg string) error {
	n, err := strconv.ParseUint(arg, 10, 32)
	s.seq = uint32(n)
	return err
}

func (s *scripted) stepWindow(arg string) error {
	n, err := strconv.ParseUint(arg, 10, 16)
	s.window = uint16(n)
	return err
}

// synOptions reads "mss1460,ws7,sack,ts" or hexadecimal behind a colon.
func (s *scripted) synOptions(arg string) ([]byte, error) {
	var o []byte
	for word := range strings.SplitSeq(arg, ",") {
		name := strings.TrimRight(word, "0123456789")
		n, _ := strconv.ParseUint(word[len(name):], 10, 16)
		switch name {
		case "":
		case "mss":
			o = append(o, 2, 4, byte(n>>8), byte(n))
		case "ws":
			o = append(o, 3, 3, byte(n))
		case "sack":
			o = append(o, 4, 2)
		case "ts":
			s.ts = true
			o = binary.BigEndian.AppendUint32(append(o, 8, 10), s.tsval)
			o = append(o, 0, 0, 0, 0)
		case "junk":
			o = append(o, 77, 6, 1, 2, 3, 4)
		case "cut":
			// A length beyond the end.
			o = append(o, 77, 40)
		default:
			return nil, fmt.Errorf("option %q is not known", word)
		}
	}
	for len(o)%4 != 0 {
		o = append(o, 1)
	}
	return o, nil
}

func (s *scripted) stepSYN(arg string) error {
	o, err := s.synOptions(arg)
	if err != nil {
		return err
	}
	s.first, s.received, s.gotFIN, s.gotRST = nil, nil, false, false
	if o == nil {
		o = []byte{}
	}
	err = s.send(flagSYN, o, nil)
	s.seq++
	return err
}

func (s *scripted) stepSYNACK(string) error {
	return s.expect("SYN-ACK", func(seg *scriptSegment) bool {
		if seg.flags&(flagSYN|flagACK) != flagSYN|flagACK || seg.ack != s.seq {
			return false
		}
		s.ack = seg.seq + 1
		o, ok := seg.option(8)
		s.ts = s.ts && ok
		if s.ts {
			s.tsecr = binary.BigEndian.Uint32(o)
		}
		return true
	})
}

func (s *scripted) stepBadACK(arg string) error {
	n, err := strconv.ParseUint(arg, 10, 32)
	seg := s.make(flagACK, nil, nil)
	seg.ack += uint32(n)
	return errors.Join(err, s.write(seg))
}

func unescape(text string) []byte {
	return []byte(strings.NewReplacer(`\r`, "\r", `\n`, "\n").Replace(text))
}

func (s *scripted) stepData(arg string) error {
	payload := unescape(arg)
	err := s.send(flagACK|flagPSH, nil, payload)
	s.seq += uint32(len(payload))
	return err
}

// stepAhead sends data that begin N bytes further on; the gap is for data=.
func (s *scripted) stepAhead(arg string) error {
	offset, text, _ := strings.Cut(arg, ":")
	n, err := strconv.ParseUint(offset, 10, 32)
	seg := s.make(flagACK|flagPSH, nil, unescape(text))
	seg.seq += uint32(n)
	return errors.Join(err, s.write(seg))
}

// take appends what is next in order and acknowledges it.
func (s *scripted) take(seg *scriptSegment) error {
	if len(seg.payload) == 0 && seg.flags&flagFIN == 0 {
		return nil
	}
	if seg.seq == s.ack {
		s.received = append(s.received, seg.payload...)
		s.ack += uint32(len(seg.payload))
		if seg.flags&flagFIN != 0 {
			s.gotFIN = true
			s.ack++
		}
	}
	return s.sendACK()
}

func (s *scripted) stepGet(arg string) error {
	var err error
	want := unescape(arg)
	expectErr := s.expect(fmt.Sprintf("%q", want), func(seg *scriptSegment) bool {
		err = errors.Join(err, s.take(seg))
		return bytes.Contains(s.received, want)
	})
	return errors.Join(err, expectErr)
}

// stepGotRST: a RST that this client would accept.
func (s *scripted) stepGotRST(string) error {
	return s.expect("RST", func(seg *scriptSegment) bool {
		return seg.flags&flagRST != 0 && seg.seq == s.ack
	})
}

// stepGotFIN: the server's end of the connection, which it may have sent already.
func (s *scripted) stepGotFIN(string) error {
	if s.gotFIN {
		return nil
	}
	var err error
	expectErr := s.expect("FIN", func(seg *scriptSegment) bool {
		err = errors.Join(err, s.take(seg))
		return s.gotFIN
	})
	return errors.Join(err, expectErr)
}

// stepGotACK: one without data; with an argument, of that window.
func (s *scripted) stepGotACK(arg string) error {
	return s.expect("ACK", func(seg *scriptSegment) bool {
		return seg.flags&(flagSYN|flagRST|flagACK) == flagACK && len(seg.payload) == 0 &&
			(arg == "" || arg == strconv.Itoa(int(seg.window)))
	})
}

func (s *scripted) stepQuiet(arg string) error {
	d, err := time.ParseDuration(arg)
	if err != nil {
		return err
	}
	if seg, err := s.next(d); err == nil {
		return fmt.Errorf("something came: %v", seg)
	}
	return nil
}

// stepWait takes what comes meanwhile.
func (s *scripted) stepWait(arg string) error {
	d, err := time.ParseDuration(arg)
	for deadline := time.Now().Add(d); err == nil && time.Now().Before(deadline); {
		seg, none := s.next(time.Until(deadline))
		if none == nil {
			err = s.take(seg)
		}
	}
	return err
}

// stepOptions switches time stamps off: a client that forgets them.
func (s *scripted) stepOptions(arg string) error {
	s.ts = arg == "ts"
	return nil
}

// read hands on what comes for the client.
func (s *scripted) read(tun io.Reader) {
	buf := make([]byte, 1<<16)
	for {
		n, err := tun.Read(buf)
		if err != nil {
			return
		}
		seg, err := parseTCPSegment(bytes.Clone(buf[:n]))
		if err != nil {
			if err.Error() == "a wrong checksum" {
				fmt.Fprintf(s.out, "< %v: %x\n", err, buf[:n])
			}
			continue
		}
		if seg.dst == s.local && seg.src == s.remote {
			s.segments <- seg
		}
	}
}

// tidy leaves nobody waiting: a server's socket that is not let go of keeps its
// namespace alive.
func (s *scripted) tidy() error {
	if s.first == nil {
		return nil
	}
	for {
		seg, err := s.next(50 * time.Millisecond)
		if err != nil {
			break
		}
		if err := s.take(seg); err != nil {
			return err
		}
	}
	if s.gotRST {
		return nil
	}
	return s.send(flagRST, nil, nil)
}

func (s *scripted) run(words []string) error {
	for i, word := range words {
		name, arg, _ := strings.Cut(word, "=")
		f, ok := steps[name]
		if !ok {
			return fmt.Errorf("step %d: %q is not known", i+1, word)
		}
		if err := f(s, arg); err != nil {
			return fmt.Errorf("step %d, %s: %w", i+1, word, err)
		}
	}
	return nil
}

func runScript(args []string, out io.Writer) error {
	fs := flag.NewFlagSet("script", flag.ContinueOnError)
	dev := fs.String("tun", "", "TUN device that the client is behind")
	words, err := parseFlags(fs, args, 3)
	if err != nil {
		return err
	}
	s := &scripted{out: out, segments: make(chan *scriptSegment, 1024), seq: 1000, window: 65535, tsval: 100000}
	if s.local, err = netip.ParseAddrPort(words[0]); err != nil {
		return err
	}
	if s.remote, err = netip.ParseAddrPort(words[1]); err != nil {
		return err
	}
	tun, err := openTun(*dev)
	if err != nil {
		return err
	}
	if err := waitRunning(tun, *dev); err != nil {
		return err
	}
	s.tun = tun
	go s.read(tun)
	return errors.Join(s.run(words[2:]), s.tidy())
}
