// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// startServer starts a server on loopback, on ports the kernel chooses, and
// returns its TCP and UDP address.
func startServer(t *testing.T) (tcp, udp string) {
	t.Helper()
	s := newServer("rs1")
	listeners, conns, err := s.listen(context.Background(), []uint16{0}, []uint16{0})
	if err != nil {
		t.Fatal(err)
	}
	hs := &http.Server{Handler: s.mux}
	go hs.Serve(listeners[0])
	go s.serveUDP(conns[0])
	t.Cleanup(func() {
		hs.Close()
		conns[0].Close()
	})
	port := func(a net.Addr) string {
		_, p, err := net.SplitHostPort(a.String())
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	return "127.0.0.1:" + port(listeners[0].Addr()), "127.0.0.1:" + port(conns[0].LocalAddr())
}

// run runs a sub-command and returns what it printed.
func run(t *testing.T, f func([]string, io.Writer) error, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := f(args, &out)
	return out.String(), err
}

func decode[T any](t *testing.T, s string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatalf("report %q: %v", s, err)
	}
	return v
}

func TestStream_sameHoweverRead(t *testing.T) {
	whole := make([]byte, 1001)
	_, _ = newStream(7).Read(whole)
	bit, err := io.ReadAll(iotest.OneByteReader(streamReader(7, 1001)))
	if err != nil || !bytes.Equal(whole, bit) {
		t.Errorf("reading by single bytes gives another stream (err %v)", err)
	}
	other := make([]byte, 1001)
	_, _ = newStream(8).Read(other)
	if bytes.Equal(whole, other) {
		t.Error("two seeds give the same stream")
	}
}

func TestPeer(t *testing.T) {
	tcp, _ := startServer(t)
	out, err := run(t, runPeer, "-bind", "127.0.0.1", tcp)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out, "rs1 peer=127.0.0.1:") || !strings.HasSuffix(out, " local="+tcp+"\n") {
		t.Errorf("got %q", out)
	}
}

func TestFetch_bothWays(t *testing.T) {
	tcp, _ := startServer(t)
	out, err := run(t, runFetch, "-parallel", "4", "-size", "300K", "http://"+tcp)
	if err != nil {
		t.Fatal(err)
	}
	report := decode[fetchReport](t, out)
	if report.OK != 8 || report.Bytes != 8*300<<10 {
		t.Errorf("got %+v", report)
	}
}

// TestFetch_damage has a server that changes one byte on the way.
func TestFetch_damage(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	hs := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		data, _ := io.ReadAll(streamReader(1, 1000))
		data[500] ^= 1
		_, _ = w.Write(data)
	})}
	go hs.Serve(l)
	t.Cleanup(func() { hs.Close() })
	out, err := run(t, runFetch, "-size", "1000", "http://"+l.Addr().String())
	if err == nil {
		t.Error("damage was not noticed")
	}
	if report := decode[fetchReport](t, out); report.Failed != 2 || len(report.Errors) != 2 {
		t.Errorf("got %+v", report)
	}
}

func TestUDPEcho(t *testing.T) {
	_, udp := startServer(t)
	for _, size := range []string{"0", "9000", "65507"} {
		out, err := run(t, runUDPEcho, "-size", size, "-count", "3", "-flows", "2", udp)
		if err != nil {
			t.Fatalf("size %s: %v", size, err)
		}
		if report := decode[echoReport](t, out); report.Received != 6 {
			t.Errorf("size %s: got %+v", size, report)
		}
	}
}

func TestUDPEcho_lost(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	out, err := run(t, runUDPEcho, "-timeout", "20ms", silent.LocalAddr().String())
	if err == nil {
		t.Error("a lost datagram was not noticed")
	}
	if report := decode[echoReport](t, out); report.Lost != 1 {
		t.Errorf("got %+v", report)
	}
}

func TestConns(t *testing.T) {
	tcp, _ := startServer(t)
	start := time.Now()
	out, err := run(t, runConns, "-n", "50", "-parallel", "10", "-request", "-reset", "-hold", "50ms", tcp)
	if err != nil {
		t.Fatal(err)
	}
	if report := decode[connsReport](t, out); report.Opened != 50 || report.Names["rs1"] != 50 {
		t.Errorf("got %+v", report)
	}
	if held := time.Since(start); held < 50*time.Millisecond {
		t.Errorf("held for %v only", held)
	}
}

func TestConns_refused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target := l.Addr().String()
	l.Close()
	out, err := run(t, runConns, "-n", "3", target)
	if err == nil {
		t.Error("refused connections were not noticed")
	}
	report := decode[connsReport](t, out)
	if report.Failed != 3 || report.Errors["connection refused"] != 3 {
		t.Errorf("got %+v", report)
	}
}

// TestKeep_toldToEnd: also who is told to end at once has used each connection.
func TestKeep_toldToEnd(t *testing.T) {
	tcp, _ := startServer(t)
	o := opener{target: tcp, timeout: 5 * time.Second, request: true}
	conns, _ := o.openAll(context.Background(), 3, 3, true)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	report := keepAll(ctx, conns, time.Hour, o.timeout)
	for _, conn := range conns {
		conn.Close()
	}
	if report.Requests != 3 || report.Failed != 0 {
		t.Errorf("got %+v", report)
	}
}

func TestPatience(t *testing.T) {
	for slow, want := range map[string]time.Duration{"": time.Second, "1": time.Second, "12": 12 * time.Second, "x": time.Second} {
		t.Setenv("LAB_SLOW", slow)
		if got := patience(time.Second); got != want {
			t.Errorf("LAB_SLOW=%q: %v, want %v", slow, got, want)
		}
	}
}

func TestParsePackets(t *testing.T) {
	packets, err := parsePackets([]string{"45 00:00", "ff"})
	if err != nil || len(packets) != 2 || !bytes.Equal(packets[0], []byte{0x45, 0, 0}) {
		t.Errorf("got %x, %v", packets, err)
	}
	for _, bad := range []string{"4", "xy", ""} {
		if _, err := parsePackets([]string{bad}); err == nil {
			t.Errorf("%q is no packet", bad)
		}
	}
	for _, short := range [][]byte{{0x45}, {0x60, 1}, {0x12}} {
		if _, err := ipDest(short); err == nil {
			t.Errorf("% x is no IP packet", short)
		}
	}
}

func TestParseSize(t *testing.T) {
	for in, want := range map[string]int64{"0": 0, "12": 12, "3K": 3 << 10, "20M": 20 << 20, "2G": 2 << 30} {
		if got, err := parseSize(in); err != nil || got != want {
			t.Errorf("%q: got %d, %v", in, got, err)
		}
	}
	for _, bad := range []string{"", "K", "-1", "1T", "9999999999999999G"} {
		if _, err := parseSize(bad); err == nil {
			t.Errorf("%q is no size", bad)
		}
	}
}

func TestParseBind(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1":        "192.0.2.1:0",
		"192.0.2.1:5000":   "192.0.2.1:5000",
		"2001:db8::1":      "[2001:db8::1]:0",
		"[2001:db8::1]:53": "[2001:db8::1]:53",
	} {
		if got, err := parseBind(in); err != nil || got.String() != want {
			t.Errorf("%q: got %v, %v", in, got, err)
		}
	}
	if got, err := parseBind(""); err != nil || got.IsValid() {
		t.Errorf("empty: got %v, %v", got, err)
	}
	if _, err := parseBind("somewhere"); err == nil {
		t.Error("a name is no address")
	}
}
