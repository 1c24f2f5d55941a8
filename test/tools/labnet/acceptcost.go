// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// batch is how many connections are timed together.
const batch = 50

// enterNetns makes sockets of this thread belong to a named namespace.
func enterNetns(name string) error {
	f, err := os.Open("/run/netns/" + name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter namespace %s: %w", name, err)
	}
	return nil
}

type acceptCost struct {
	listener int
	to       unix.Sockaddr
}

// round makes one connection and returns how long making and taking it took,
// and how long one question for the peer.
func (c *acceptCost) round() (connect, name time.Duration, err error) {
	start := time.Now()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return 0, 0, err
	}
	defer unix.Close(fd)
	if err := unix.Connect(fd, c.to); err != nil {
		return 0, 0, fmt.Errorf("connect: %w", err)
	}
	accepted, _, err := unix.Accept(c.listener)
	if err != nil {
		return 0, 0, fmt.Errorf("accept: %w", err)
	}
	defer unix.Close(accepted)
	middle := time.Now()
	if _, err := unix.Getpeername(accepted); err != nil {
		return 0, 0, fmt.Errorf("getpeername: %w", err)
	}
	end := time.Now()
	// The client goes by RST: no state stays behind.
	err = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	return middle.Sub(start), end.Sub(middle), err
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// bothEnds makes this thread, which nothing interrupts from then on, both ends of
// what is timed: it listens in one namespace and is in the other afterwards.
func bothEnds(server, client string, family, port int) (listener int, err error) {
	runtime.LockOSThread()
	debug.SetGCPercent(-1)
	if err := enterNetns(server); err != nil {
		return 0, err
	}
	listener, err = (&sockServer{}).listen(family, port)
	if err != nil {
		return 0, err
	}
	return listener, enterNetns(client)
}

// runAcceptCost times connections that one thread makes and accepts: on a
// machine whose clock counts instructions, these are instructions.
func runAcceptCost(args []string, out io.Writer) error {
	fs := flag.NewFlagSet("acceptcost", flag.ContinueOnError)
	server := fs.String("server", "", "namespace that accepts")
	client := fs.String("client", "", "namespace that connects")
	n := fs.Int("n", 40, "batches")
	port := fs.Int("port", 80, "to accept on")
	rest, err := parseFlags(fs, args, 1)
	if err != nil {
		return err
	}
	target, err := netip.ParseAddrPort(rest[0])
	if err != nil || !target.Addr().Is4() {
		return errors.New("an IPv4 address with a port is wanted")
	}
	fd, err := bothEnds(*server, *client, unix.AF_INET, *port)
	if err != nil {
		return err
	}
	c := acceptCost{fd, &unix.SockaddrInet4{Addr: target.Addr().As4(), Port: int(target.Port())}}
	var connects, names []time.Duration
	for range *n {
		var connect, name time.Duration
		for range batch {
			dc, dn, err := c.round()
			if err != nil {
				return err
			}
			connect += dc
			name += dn
		}
		connects = append(connects, connect/batch)
		names = append(names, name/batch)
	}
	return printJSON(out, map[string]int64{
		"connection":  median(connects).Nanoseconds(),
		"getpeername": median(names).Nanoseconds(),
	})
}
