// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
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
	"unsafe"

	"golang.org/x/sys/unix"
)

// batch is how many connections are timed together: few enough for most batches to
// be without a tick of the clock, which the median leaves out then.
const batch = 10

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
	listener uintptr
	to       unix.RawSockaddrInet4
}

// lifeCost is how long each part of a connection's life took, both ends together.
type lifeCost struct {
	connect, name, end time.Duration
}

func (c *lifeCost) add(other lifeCost) {
	c.connect += other.connect
	c.name += other.name
	c.end += other.end
}

// fdOf is what a raw call has returned. Go's scheduler does not hear of those: it
// would take the longer ones of its own calls for a reason to wake other threads,
// which would be in the figure.
func fdOf(what string, r uintptr, errno unix.Errno) (uintptr, error) {
	if errno != 0 {
		return 0, fmt.Errorf("%s: %w", what, errno)
	}
	return r, nil
}

// connect makes one connection and takes it.
func (c *acceptCost) connect() (client, server uintptr, err error) {
	var peer unix.RawSockaddrAny
	size := uint32(unix.SizeofSockaddrAny)
	r, _, errno := unix.RawSyscall(unix.SYS_SOCKET, unix.AF_INET, unix.SOCK_STREAM, 0)
	if client, err = fdOf("socket", r, errno); err != nil {
		return 0, 0, err
	}
	r, _, errno = unix.RawSyscall(unix.SYS_CONNECT, client, uintptr(unsafe.Pointer(&c.to)), unix.SizeofSockaddrInet4)
	if _, err := fdOf("connect", r, errno); err != nil {
		return 0, 0, err
	}
	r, _, errno = unix.RawSyscall6(unix.SYS_ACCEPT4, c.listener, uintptr(unsafe.Pointer(&peer)), uintptr(unsafe.Pointer(&size)), 0, 0, 0)
	server, err = fdOf("accept", r, errno)
	return client, server, err
}

func askName(fd uintptr) error {
	var peer unix.RawSockaddrAny
	size := uint32(unix.SizeofSockaddrAny)
	r, _, errno := unix.RawSyscall(unix.SYS_GETPEERNAME, fd, uintptr(unsafe.Pointer(&peer)), uintptr(unsafe.Pointer(&size)))
	_, err := fdOf("getpeername", r, errno)
	return err
}

// round is the life of one connection, with one question for the peer. The first
// that does not go well ends the program, and what it has open with it.
func (c *acceptCost) round() (lifeCost, error) {
	start := time.Now()
	client, server, err := c.connect()
	if err != nil {
		return lifeCost{}, err
	}
	connected := time.Now()
	if err := askName(server); err != nil {
		return lifeCost{}, err
	}
	asked := time.Now()
	// The client goes by RST: no state stays behind.
	if err := unix.SetsockoptLinger(int(client), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
		return lifeCost{}, err
	}
	ending := time.Now()
	unix.RawSyscall(unix.SYS_CLOSE, client, 0, 0)
	unix.RawSyscall(unix.SYS_CLOSE, server, 0, 0)
	return lifeCost{connected.Sub(start), asked.Sub(connected), time.Since(ending)}, nil
}

// rawAddress is target as the kernel has it.
func rawAddress(target netip.AddrPort) unix.RawSockaddrInet4 {
	to := unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: target.Addr().As4()}
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&to.Port))[:], target.Port())
	return to
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
	n := fs.Int("n", 100, "batches")
	port := fs.Int("port", 80, "to accept on")
	profile := fs.Bool("profile", false, "say what each function costs a connection")
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
	c := acceptCost{uintptr(fd), rawAddress(target)}
	if *profile {
		return c.profiled(*n, out)
	}
	var connects, names, ends []time.Duration
	for range *n {
		var sum lifeCost
		for range batch {
			cost, err := c.round()
			if err != nil {
				return err
			}
			sum.add(cost)
		}
		connects = append(connects, sum.connect/batch)
		names = append(names, sum.name/batch)
		ends = append(ends, sum.end/batch)
	}
	return printJSON(out, map[string]int64{
		"connection":  median(connects).Nanoseconds(),
		"getpeername": median(names).Nanoseconds(),
		"end":         median(ends).Nanoseconds(),
	})
}

// profiled says by which functions connections are made, asked about and ended.
func (c *acceptCost) profiled(batches int, out io.Writer) error {
	counts := map[string]int{}
	var took time.Duration
	rounds := batches * batch
	for range rounds {
		cost, err := c.round()
		if err != nil {
			return err
		}
		took += cost.connect + cost.name + cost.end
	}
	for _, period := range profilePeriods {
		p, err := startProfile(period)
		if err != nil {
			return err
		}
		for range rounds {
			if _, err := c.round(); err != nil {
				return err
			}
		}
		if err := p.stop(counts); err != nil {
			return err
		}
	}
	printProfile(out, "connection", counts, took.Nanoseconds()/int64(rounds))
	return nil
}
