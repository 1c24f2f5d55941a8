// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// sockAsker is the client of sockserve.
type sockAsker struct {
	target          netip.AddrPort
	localPort       int
	mptcp, tfo, tls bool
	again           string // see runSockAsk
}

func (a *sockAsker) sockaddr() (int, unix.Sockaddr) {
	if a.target.Addr().Is4() {
		return unix.AF_INET, &unix.SockaddrInet4{Addr: a.target.Addr().As4(), Port: int(a.target.Port())}
	}
	return unix.AF_INET6, &unix.SockaddrInet6{Addr: a.target.Addr().As16(), Port: int(a.target.Port())}
}

// bindPort gives the socket a port that a connection of ours may have already.
func bindPort(fd, family, port int) error {
	var sa unix.Sockaddr = &unix.SockaddrInet4{Port: port}
	if family == unix.AF_INET6 {
		sa = &unix.SockaddrInet6{Port: port}
	}
	return errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1), unix.Bind(fd, sa))
}

// connect connects, and sends the request: with the SYN, if by Fast Open.
func (a *sockAsker) connect() (int, error) {
	family, sa := a.sockaddr()
	proto := 0
	if a.mptcp {
		proto = 262
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, proto)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	if a.localPort > 0 {
		if err := bindPort(fd, family, a.localPort); err != nil {
			unix.Close(fd)
			return -1, fmt.Errorf("bind to port %d: %w", a.localPort, err)
		}
	}
	timeout := unix.Timeval{Sec: 10}
	err = errors.Join(unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &timeout))
	hello := []byte("hello\n")
	switch {
	case err != nil:
	case a.tfo:
		err = unix.Sendto(fd, hello, unix.MSG_FASTOPEN, sa)
	default:
		if err = uninterrupted(func() error { return unix.Connect(fd, sa) }); err == nil && a.tls {
			err = enableTLS(fd)
		}
		if err == nil {
			_, err = unix.Write(fd, hello)
		}
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// uninterrupted calls again what a signal ended. The kernel does that itself,
// but not for sockets with a timeout; a second connect() waits for the first.
func uninterrupted(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// ask returns our own address and the server's answer.
func (a *sockAsker) ask() (netip.AddrPort, string, error) {
	fd, err := a.connect()
	if err != nil {
		return netip.AddrPort{}, "", err
	}
	defer unix.Close(fd)
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return netip.AddrPort{}, "", err
	}
	local, err := netip.ParseAddrPort(sockaddrString(sa))
	if err != nil {
		return local, "", err
	}
	answer, err := readLine(fd)
	if err == nil && a.again != "" {
		fmt.Printf("first=%s\n", answer)
		answer, err = a.askAgain(fd)
	}
	return local, answer, err
}

// waitForFile returns when there is such a file.
func waitForFile(path string) {
	for {
		if _, err := os.Stat(path); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// askAgain asks on the same connection when the file is there.
func (a *sockAsker) askAgain(fd int) (string, error) {
	waitForFile(a.again)
	if _, err := unix.Write(fd, []byte("again\n")); err != nil {
		return "", err
	}
	return readLine(fd)
}

// readLine reads what the server answers, until it ends a line or the connection.
func readLine(fd int) (string, error) {
	var answer []byte
	buf := make([]byte, 512)
	for {
		var n int
		err := uninterrupted(func() (err error) {
			n, err = unix.Read(fd, buf)
			return err
		})
		if err != nil {
			return "", fmt.Errorf("answer: %w", err)
		}
		answer = append(answer, buf[:n]...)
		if n == 0 || buf[n-1] == '\n' {
			break
		}
	}
	if len(answer) == 0 {
		return "", io.ErrUnexpectedEOF
	}
	return strings.TrimSpace(string(answer)), nil
}

// askReport is how many of the answers named the client that was told, our own
// address, one by accept() and the other by getpeername(), as when somebody loads
// or unloads in between, or something else.
type askReport struct {
	Asked  int      `json:"asked"`
	Failed int      `json:"failed"`
	Told   int      `json:"told"`
	Wire   int      `json:"wire"`
	Mixed  int      `json:"mixed"`
	Wrong  int      `json:"wrong"`
	First  []string `json:"first_wrong,omitempty"`
}

// named says whom an address in an answer is.
func named(value string, client, wire netip.AddrPort) string {
	ap, err := netip.ParseAddrPort(value)
	if err != nil {
		return "nobody"
	}
	// The v4-mapped form is the socket's matter.
	switch netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()) {
	case client:
		return "client"
	case wire:
		return "wire"
	}
	return "other"
}

// judge compares an answer with what the inserter tells for our port.
func judge(report *askReport, local netip.AddrPort, told netip.Addr, answer string) {
	report.Asked++
	client := netip.AddrPortFrom(told.Unmap(), local.Port()^portMask)
	wire := netip.AddrPortFrom(local.Addr().Unmap(), local.Port())
	by := map[string]string{}
	for _, field := range strings.Fields(answer) {
		if call, value, ok := strings.Cut(field, "="); ok {
			by[call] = named(value, client, wire)
		}
	}
	switch by["accept"] + " " + by["peer"] {
	case "client client":
		report.Told++
	case "wire wire":
		report.Wire++
	case "client wire", "wire client":
		report.Mixed++
	default:
		report.Wrong++
		if len(report.First) < 3 {
			report.First = append(report.First, fmt.Sprintf("%v: %s", local, answer))
		}
	}
}

func (a *sockAsker) askAll(ctx context.Context, n, parallel int, until time.Time, pace time.Duration, told netip.Addr) askReport {
	var report askReport
	var mu sync.Mutex
	var wg sync.WaitGroup
	slots := make(chan struct{}, parallel)
	for i := 0; ctx.Err() == nil && (i < n || time.Now().Before(until)); i++ {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			local, answer, err := a.ask()
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				report.Failed++
				if len(report.First) < 3 {
					report.First = append(report.First, err.Error())
				}
				return
			}
			judge(&report, local, told, answer)
		})
		if pace > 0 {
			time.Sleep(pace)
		}
	}
	wg.Wait()
	return report
}

func runSockAsk(args []string, out io.Writer) error {
	fs := flag.NewFlagSet("sockask", flag.ContinueOnError)
	var a sockAsker
	n := fs.Int("n", 0, "so many times, and print how many answers named whom")
	seconds := fs.Duration("for", 0, "for so long or until SIGTERM, in place of -n")
	parallel := fs.Int("parallel", 8, "at a time, with -n or -for")
	pace := fs.Duration("pace", 0, "between two of them, with -n or -for")
	told := fs.String("told", "203.0.113.7", "the client's address that insert tells")
	fs.IntVar(&a.localPort, "local-port", 0, "of the connection")
	fs.StringVar(&a.again, "again", "", "print the answer, and ask again on the same connection when this file is there")
	fs.BoolVar(&a.mptcp, "mptcp", false, "by MPTCP")
	fs.BoolVar(&a.tfo, "tfo", false, "by Fast Open")
	fs.BoolVar(&a.tls, "tls", false, "let the kernel do TLS")
	rest, err := parseFlags(fs, args, 1)
	if err != nil {
		return err
	}
	if a.target, err = netip.ParseAddrPort(rest[0]); err != nil {
		return err
	}
	if *n > 0 || *seconds > 0 {
		addr, err := netip.ParseAddr(*told)
		if err != nil {
			return err
		}
		ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM)
		defer stop()
		return printJSON(out, a.askAll(ctx, *n, *parallel, time.Now().Add(*seconds), *pace, addr))
	}
	local, answer, err := a.ask()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "local=%v told=%d %s\n", local, local.Port()^portMask, answer)
	return nil
}
