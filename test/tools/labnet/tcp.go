// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// tcpRun is the command "tcp": one connection by an endpoint of our own.
type tcpRun struct {
	cfg      endpointConfig
	up, down int64
	hold     time.Duration
	end      string
	clock    int64 // ns since 1970, 0: leave it
}

// request is what the client sends, and how it judges the answer's body.
func (r *tcpRun) request() (text []byte, judge func(body []byte) error) {
	closing := ""
	if r.end == "fin" {
		closing = "Connection: close\r\n"
	}
	switch {
	case r.up > 0:
		data, _ := io.ReadAll(streamReader(7, r.up))
		head := fmt.Sprintf("POST /sha256 HTTP/1.1\r\nHost: lab\r\n%sContent-Length: %d\r\n\r\n", closing, r.up)
		want := fmt.Sprintf("%x\n", sha256.Sum256(data))
		return append([]byte(head), data...), func(body []byte) error {
			if string(body) != want {
				return fmt.Errorf("the server has the hash %q of what was sent, not %q", body, want)
			}
			return nil
		}
	case r.down > 0:
		want, _ := io.ReadAll(streamReader(7, r.down))
		return fmt.Appendf(nil, "GET /bytes/%d?seed=7 HTTP/1.1\r\nHost: lab\r\n%s\r\n", r.down, closing), func(body []byte) error {
			if !bytes.Equal(body, want) {
				return fmt.Errorf("%d bytes came that are not the %d of the stream", len(body), len(want))
			}
			return nil
		}
	}
	return fmt.Appendf(nil, "GET / HTTP/1.1\r\nHost: lab\r\n%s\r\n", closing), func(body []byte) error {
		if len(body) == 0 {
			return errors.New("an empty answer")
		}
		return nil
	}
}

// answerBody returns the body of an HTTP answer once it is all there.
func answerBody(in []byte) ([]byte, bool) {
	head, body, ok := bytes.Cut(in, []byte("\r\n\r\n"))
	if !ok {
		return nil, false
	}
	for line := range strings.SplitSeq(string(head), "\r\n") {
		name, value, _ := strings.Cut(line, ": ")
		if n, err := strconv.Atoi(value); err == nil && name == "Content-Length" {
			return body, len(body) >= n
		}
	}
	return nil, false
}

// serveStream is the server's application: the stream that a GET asks for, once.
func serveStream(e *endpoint) {
	head, _, ok := bytes.Cut(e.in, []byte("\r\n\r\n"))
	if !ok || len(e.out) > 0 {
		return
	}
	word := strings.Fields(string(head) + " x")[1]
	var size, seed uint64
	status := http.StatusOK
	if _, err := fmt.Sscanf(word, "/bytes/%d?seed=%d", &size, &seed); err != nil {
		status = http.StatusNotFound
	}
	data, _ := io.ReadAll(streamReader(seed, int64(size)))
	e.out = append(fmt.Appendf(nil, "HTTP/1.1 %d labnet\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", status, len(data)), data...)
	e.closing = true
}

// client is the application of the other side; it returns when it is satisfied.
func (r *tcpRun) client(e *endpoint) (done func() bool, judge func() error) {
	text, check := r.request()
	e.out = text
	body, whole := []byte(nil), false
	e.app = func(e *endpoint) {
		if body, whole = answerBody(e.in); whole && r.end == "fin" {
			e.closing = true
		}
	}
	if r.cfg.finData {
		e.closing = true
	}
	done = func() bool {
		switch {
		case r.end == "syn" || r.end == "abort":
			return e.established
		case r.end == "fin":
			return e.over()
		}
		return whole && e.una == e.end()
	}
	return done, func() error {
		if r.end == "syn" || r.end == "abort" {
			return nil
		}
		e.report.Answer = strings.TrimSpace(string(body[:min(len(body), 80)]))
		return check(body)
	}
}

// packets reads a device until it fails.
func packets(tun io.Reader) <-chan []byte {
	ch := make(chan []byte, 1024)
	go func() {
		defer close(ch)
		for {
			buf := make([]byte, 1<<16)
			n, err := tun.Read(buf)
			if err != nil {
				return
			}
			ch <- buf[:n]
		}
	}()
	return ch
}

// drive lets the endpoint live until done says so, ctx ends or it fails.
func drive(ctx context.Context, e *endpoint, in <-chan []byte, done func() bool) error {
	tick := time.NewTicker(endpointTick)
	defer tick.Stop()
	for !done() {
		e.pump()
		select {
		case <-ctx.Done():
			return fmt.Errorf("at %d of %d bytes sent, %d received: %w", e.una, e.end(), e.rcvNxt, ctx.Err())
		case <-tick.C:
			e.tick()
		case pkt, ok := <-in:
			if !ok {
				return errors.New("the device is gone")
			}
			s, ok := parseSegment(pkt)
			if !ok || s.dst != e.local || e.peer.IsValid() && s.src != e.peer {
				continue
			}
			if err := e.receive(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// setClock sets the machine's clock; the function that it returns sets it back.
func setClock(ns int64) (func(), error) {
	before := time.Now()
	ts := unix.NsecToTimespec(ns)
	if err := unix.ClockSettime(unix.CLOCK_REALTIME, &ts); err != nil {
		return nil, fmt.Errorf("set the clock: %w", err)
	}
	return func() {
		// time.Since goes by the monotonic clock.
		ts := unix.NsecToTimespec(before.UnixNano() + time.Since(before).Nanoseconds())
		_ = unix.ClockSettime(unix.CLOCK_REALTIME, &ts)
	}, nil
}

// finish does what is to be done at the end, and waits for hold.
func (r *tcpRun) finish(ctx context.Context, e *endpoint, in <-chan []byte) error {
	if r.end == "rst" || r.end == "abort" {
		e.write(tcpSegment{seq: e.cfg.isn + uint32(e.nxt), ack: e.rcvBase + uint32(e.rcvNxt), flags: flagRST | flagACK, opts: e.options(false)})
	}
	if r.hold == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.hold)
	defer cancel()
	if err := drive(ctx, e, in, func() bool { return false }); err != nil && !e.report.RST && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

func (r *tcpRun) flags(fs *flag.FlagSet) (isn, ts *uint64, up, down, synOpts, dataOpts *string) {
	c := &r.cfg
	isn = fs.Uint64("isn", uint64(rand.Uint32()), "first sequence number")
	ts = fs.Uint64("ts", 0, "first time stamp value; 0: none")
	up = fs.String("up", "0", "bytes to send, compared by hash")
	down = fs.String("down", "0", "bytes to get, compared")
	synOpts = fs.String("syn-opts", "", "further options of the SYN, in hexadecimal")
	dataOpts = fs.String("data-opts", "", "further options of segments with data, in hexadecimal")
	fs.IntVar(&c.tsRate, "ts-rate", 1, "by how much the time stamp grows in a millisecond")
	fs.BoolVar(&c.sack, "sack", true, "selective acknowledgements")
	fs.IntVar(&c.mss, "mss", 1400, "largest segment, options included")
	fs.BoolVar(&c.synData, "syn-data", false, "data in the SYN")
	fs.BoolVar(&c.finData, "fin-data", false, "FIN on the last segment with data")
	fs.IntVar(&c.drop, "drop", 0, "lose each Nth segment, when it is sent first")
	fs.IntVar(&c.dup, "dup", 0, "send each Nth segment twice")
	fs.IntVar(&c.swap, "swap", 0, "send each Nth segment behind the next")
	fs.IntVar(&c.dropIn, "drop-in", 0, "ignore each Nth segment with data that comes")
	fs.Int64Var(&r.clock, "clock", 0, "set the machine's clock to so many ns since 1970, until the end")
	fs.StringVar(&r.end, "end", "fin", "how to end: fin, rst, none; or, behind the handshake already, abort by RST, or syn")
	fs.DurationVar(&r.hold, "hold", 0, "stay so long behind the end, or until RST")
	return isn, ts, up, down, synOpts, dataOpts
}

// parse reads the arguments; it returns where to connect to, if not listening.
func (r *tcpRun) parse(args []string, fs *flag.FlagSet, listen *bool) (netip.AddrPort, error) {
	var peer netip.AddrPort
	isn, ts, up, down, synOpts, dataOpts := r.flags(fs)
	rest, err := parseFlags(fs, args, 0)
	if err != nil {
		return peer, err
	}
	r.cfg.isn, r.cfg.ts = uint32(*isn), uint32(*ts)
	var errs [5]error
	r.up, errs[0] = parseSize(*up)
	r.down, errs[1] = parseSize(*down)
	r.cfg.synOpts, errs[2] = hex.DecodeString(*synOpts)
	r.cfg.dataOpts, errs[3] = hex.DecodeString(*dataOpts)
	if !*listen {
		if len(rest) != 1 {
			return peer, errors.New("an address to connect to is wanted")
		}
		peer, errs[4] = netip.ParseAddrPort(rest[0])
	}
	return peer, errors.Join(errs[:]...)
}

func runTCP(args []string, out io.Writer) error {
	var r tcpRun
	fs := flag.NewFlagSet("tcp", flag.ContinueOnError)
	dev := fs.String("tun", "", "TUN device that leads to the local address")
	localArg := fs.String("local", "", "local address and port")
	listen := fs.Bool("listen", false, "serve one connection")
	timeout := fs.Duration("timeout", patience(20*time.Second), "for the transfer")
	peer, err := r.parse(args, fs, listen)
	if err != nil {
		return err
	}
	local, err := netip.ParseAddrPort(*localArg)
	if err != nil {
		return fmt.Errorf("-local: %w", err)
	}
	tun, err := openTun(*dev)
	if err != nil {
		return err
	}
	defer tun.Close()
	if err := waitRunning(tun, *dev); err != nil {
		return err
	}
	stopped, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	ctx, cancel := context.WithTimeout(stopped, *timeout)
	defer cancel()
	in := packets(tun)
	e := newEndpoint(r.cfg, tun, local)
	var done func() bool
	judge := func() error { return nil }
	if *listen {
		e.app, done = serveStream, e.over
		fmt.Fprintln(out, "READY")
	} else {
		done, judge = r.client(e)
		e.peer = peer
		if r.clock != 0 {
			reset, err := setClock(r.clock)
			if err != nil {
				return err
			}
			defer reset()
		}
		e.sendSYN()
	}
	err = drive(ctx, e, in, done)
	if err == nil {
		err = r.finish(stopped, e, in)
	}
	e.report.Sent, e.report.Received = e.una, e.rcvNxt
	if err == nil {
		err = judge()
	}
	return errors.Join(err, printJSON(out, e.report))
}
