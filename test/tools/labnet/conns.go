// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// opener opens connections to one target.
type opener struct {
	target  string
	bind    netip.AddrPort
	timeout time.Duration
	request bool // make one HTTP request on each, to be sure the server has it
	reset   bool // end them by RST in place of FIN
	last    bool // the request asks the server to close: TIME_WAIT is its
}

type connsReport struct {
	Opened int `json:"opened"`
	Failed int `json:"failed"`
	// Milliseconds until a connection was open and, if asked for, had an answer.
	Median float64 `json:"median_ms"`
	Most   float64 `json:"max_ms"`

	Errors map[string]int `json:"errors,omitempty"`
	Names  map[string]int `json:"servers,omitempty"`
}

// local is the i-th connection's local address: with a port, ports count up from
// there.
func (o *opener) local(i int) net.Addr {
	if !o.bind.IsValid() || o.bind.Port() == 0 {
		return tcpBind(o.bind)
	}
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(o.bind.Addr(), o.bind.Port()+uint16(i)))
}

// open opens the i-th connection and returns the name of the server, if asked.
func (o *opener) open(ctx context.Context, i int) (net.Conn, string, error) {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	// A fixed local port may still be in TIME_WAIT from the last run.
	d := net.Dialer{LocalAddr: o.local(i), Control: reuseAddr, KeepAlive: noKeepAlive}
	conn, err := d.DialContext(ctx, "tcp", o.target)
	if err != nil {
		return nil, "", err
	}
	if o.reset {
		_ = conn.(*net.TCPConn).SetLinger(0)
	}
	if !o.request {
		return conn, "", nil
	}
	name, err := greet(conn, o.timeout, o.last)
	if err != nil {
		conn.Close()
		return nil, "", err
	}
	return conn, name, nil
}

// greet makes one request on conn; it returns the first word of the answer, the
// server's name. Unless it is the last request, conn stays open.
func greet(conn net.Conn, timeout time.Duration, last bool) (string, error) {
	_ = conn.SetDeadline(time.Now().Add(timeout))
	request := "GET / HTTP/1.1\r\nHost: lab\r\n"
	if last {
		request += "Connection: close\r\n"
	}
	if _, err := io.WriteString(conn, request+"\r\n"); err != nil {
		return "", err
	}
	r := bufio.NewReader(conn)
	for inBody := false; ; {
		line, err := r.ReadString('\n')
		if err != nil {
			return "", fmt.Errorf("answer: %w", err)
		}
		if inBody {
			name, _, _ := strings.Cut(line, " ")
			if last {
				_, err = io.Copy(io.Discard, r)
				return name, err
			}
			return name, conn.SetDeadline(time.Time{})
		}
		inBody = line == "\r\n"
	}
}

func reuseAddr(_, _ string, c syscall.RawConn) error {
	var setErr error
	err := c.Control(func(fd uintptr) {
		setErr = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	})
	return errors.Join(err, setErr)
}

// rootCause shortens an error to what can be counted: without addresses.
func rootCause(err error) string {
	var errno unix.Errno
	switch {
	case errors.As(err, &errno):
		return errno.Error()
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	}
	return err.Error()
}

// openAll opens n connections, at most parallel at a time.
func (o *opener) openAll(ctx context.Context, n, parallel int, keep bool) ([]net.Conn, connsReport) {
	var (
		mu     sync.Mutex
		wg     sync.WaitGroup
		conns  []net.Conn
		report = connsReport{Errors: map[string]int{}, Names: map[string]int{}}
		slots  = make(chan struct{}, parallel)
		took   []time.Duration
	)
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			start := time.Now()
			conn, name, err := o.open(ctx, i)
			mu.Lock()
			defer mu.Unlock()
			took = append(took, time.Since(start))
			if err != nil {
				report.Failed++
				report.Errors[rootCause(err)]++
				return
			}
			report.Opened++
			if name != "" {
				report.Names[name]++
			}
			if keep {
				conns = append(conns, conn)
			} else {
				conn.Close()
			}
		})
	}
	wg.Wait()
	if slices.Sort(took); len(took) > 0 {
		report.Median = float64(took[len(took)/2].Microseconds()) / 1000
		report.Most = float64(took[len(took)-1].Microseconds()) / 1000
	}
	return conns, report
}

func runConns(args []string, out io.Writer) error {
	fs := flag.NewFlagSet("conns", flag.ContinueOnError)
	var o opener
	n := fs.Int("n", 100, "connections")
	parallel := fs.Int("parallel", 50, "how many are being opened at a time")
	hold := fs.Duration("hold", 0, "keep them open so long, or until SIGTERM; 0: close each at once")
	bind := fs.String("bind", "", "local address; with a port: count up from it")
	fs.DurationVar(&o.timeout, "timeout", 20*time.Second, "for each connection")
	fs.BoolVar(&o.request, "request", false, "make an HTTP request on each")
	fs.BoolVar(&o.last, "server-closes", false, "with -request: let the server close first")
	fs.BoolVar(&o.reset, "reset", false, "end them by RST")
	rest, err := parseFlags(fs, args, 1)
	if err != nil {
		return err
	}
	if o.bind, err = parseBind(*bind); err != nil {
		return err
	}
	if *parallel < 1 {
		return errors.New("at least one has to be opened at a time")
	}
	o.target = rest[0]
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	conns, report := o.openAll(ctx, *n, *parallel, *hold > 0)
	if err := printJSON(out, report); err != nil {
		return err
	}
	if *hold > 0 {
		select {
		case <-ctx.Done():
		case <-time.After(*hold):
		}
	}
	for _, conn := range conns {
		conn.Close()
	}
	if report.Failed > 0 {
		return fmt.Errorf("%d of %d connections failed", report.Failed, *n)
	}
	return nil
}
