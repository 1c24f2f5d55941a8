// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// echoReport counts datagrams. Errors are those that the socket reports, such as
// a refused port or a datagram that is too large for the path.
type echoReport struct {
	Sent     int      `json:"sent"`
	Received int      `json:"received"`
	Mismatch int      `json:"mismatch"`
	Lost     int      `json:"lost"`
	Errors   []string `json:"errors,omitempty"`
}

// echoDatagram sends the i-th datagram and waits for it to come back; late and
// doubled ones of earlier rounds are told apart by their content.
func echoDatagram(conn *net.UDPConn, i, size int, timeout time.Duration, report *echoReport) {
	sent := make([]byte, size)
	_, _ = newStream(uint64(i)).Read(sent)
	buf := make([]byte, 1<<16)

	report.Sent++
	if _, err := conn.Write(sent); err != nil {
		report.Errors = append(report.Errors, err.Error())
		return
	}
	_ = conn.SetReadDeadline(time.Now().Add(timeout))
	for {
		n, err := conn.Read(buf)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			report.Lost++
			return
		case err != nil:
			report.Errors = append(report.Errors, err.Error())
			return
		case bytes.Equal(buf[:n], sent):
			report.Received++
			return
		default:
			report.Mismatch++
		}
	}
}

// sendInARow sends one datagram behind the other.
func sendInARow(conn *net.UDPConn, datagrams [][]byte) error {
	var errs []error
	for _, datagram := range datagrams {
		_, err := conn.Write(datagram)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// sendAtOnce sends each datagram in a thread of its own, and all at the same time.
// Write would let them wait for each other.
func sendAtOnce(conn *net.UDPConn, datagrams [][]byte) error {
	var (
		wg      sync.WaitGroup
		waiting atomic.Int32
		errs    = make([]error, len(datagrams))
	)
	rc, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	waiting.Store(int32(len(datagrams)))
	err = rc.Control(func(fd uintptr) {
		for i, datagram := range datagrams {
			wg.Go(func() {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				waiting.Add(-1)
				for waiting.Load() > 0 {
				}
				_, errs[i] = unix.Write(int(fd), datagram)
			})
		}
		wg.Wait()
	})
	return errors.Join(append(errs, err)...)
}

// echoBurst lets send have count datagrams and then waits for all of them, in any
// order.
func echoBurst(conn *net.UDPConn, send func(*net.UDPConn, [][]byte) error, first, count, size int, timeout time.Duration, report *echoReport) {
	want := map[string]bool{}
	datagrams := make([][]byte, count)
	for i := range datagrams {
		datagrams[i] = make([]byte, size)
		_, _ = newStream(uint64(first + i)).Read(datagrams[i])
		want[string(datagrams[i])] = true
	}
	report.Sent += count
	if err := send(conn, datagrams); err != nil {
		report.Errors = append(report.Errors, err.Error())
	}
	buf := make([]byte, 1<<16)
	_ = conn.SetReadDeadline(time.Now().Add(timeout))
	for len(want) > 0 {
		n, err := conn.Read(buf)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			report.Lost += len(want)
			return
		case err != nil:
			report.Errors = append(report.Errors, err.Error())
			return
		case want[string(buf[:n])]:
			delete(want, string(buf[:n]))
			report.Received++
		default:
			report.Mismatch++
		}
	}
}

// setDontFragment makes the socket send with DF, so that a path MTU error comes
// back to it, in place of fragments.
func setDontFragment(conn *net.UDPConn, v6 bool) error {
	rc, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var setErr error
	err = rc.Control(func(fd uintptr) {
		if v6 {
			setErr = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_DO)
			return
		}
		setErr = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO)
	})
	return errors.Join(err, setErr)
}

func dialUDP(target, bind string, dontFragment bool) (*net.UDPConn, error) {
	remote, err := netip.ParseAddrPort(target)
	if err != nil {
		return nil, fmt.Errorf("where to send: %w", err)
	}
	local, err := parseBind(bind)
	if err != nil {
		return nil, err
	}
	var laddr *net.UDPAddr
	if local.IsValid() {
		laddr = net.UDPAddrFromAddrPort(local)
	}
	conn, err := net.DialUDP("udp", laddr, net.UDPAddrFromAddrPort(remote))
	if err != nil {
		return nil, err
	}
	if dontFragment {
		if err := setDontFragment(conn, remote.Addr().Is6()); err != nil {
			conn.Close()
			return nil, fmt.Errorf("forbid fragments: %w", err)
		}
	}
	return conn, nil
}

func runUDPEcho(args []string, out io.Writer) error {
	fs := flag.NewFlagSet("udp-echo", flag.ContinueOnError)
	size := fs.Int("size", 64, "bytes of a datagram")
	count := fs.Int("count", 1, "datagrams, one after the other")
	flows := fs.Int("flows", 1, "sockets, each sending count datagrams; 0: one behind the other, until a signal ends it")
	burst := fs.Bool("burst", false, "send the datagrams of a socket in a row, before any answer")
	atOnce := fs.Bool("at-once", false, "send the datagrams of a socket by as many threads at the same time, before any answer")
	timeout := fs.Duration("timeout", 10*time.Second, "for each answer")
	bind := fs.String("bind", "", "local address, with or without a port")
	df := fs.Bool("df", false, "forbid fragments")
	rest, err := parseFlags(fs, args, 1)
	if err != nil {
		return err
	}
	if *size < 0 || *size > 65507 {
		return fmt.Errorf("no datagram has %d bytes", *size)
	}
	var report echoReport
	for flow := 0; flow < *flows || *flows == 0; flow++ {
		conn, err := dialUDP(rest[0], *bind, *df)
		if err != nil {
			return err
		}
		switch {
		case *atOnce:
			echoBurst(conn, sendAtOnce, flow**count, *count, *size, *timeout, &report)
		case *burst:
			echoBurst(conn, sendInARow, flow**count, *count, *size, *timeout, &report)
		default:
			for i := range *count {
				echoDatagram(conn, flow**count+i, *size, *timeout, &report)
			}
		}
		if *flows == 0 {
			conn.Close()
			continue
		}
		// Open until the end: no two flows have the same port.
		defer conn.Close()
	}
	if err := printJSON(out, report); err != nil {
		return err
	}
	if report.Received != report.Sent || report.Mismatch > 0 {
		return fmt.Errorf("%d of %d datagrams came back, %d wrong", report.Received, report.Sent, report.Mismatch)
	}
	return nil
}
