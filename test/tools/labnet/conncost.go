// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// connCost is a client and a server in one thread: whatever a packet sets off on
// a machine with one CPU is over before the next call.
type connCost struct {
	listener int
	family   int
	to       unix.Sockaddr
	buf      []byte
	file     int           // what bulk data is lent from
	waited   time.Duration // for the other end, which is no cost
}

// The sizes of what is said in a connection of conncost: a short page.
const (
	requestSize = 100
	answerSize  = 1000
)

// bulkFile is how much is lent at a time.
const bulkFile = 1 << 18

func sockaddrOf(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
	}
	return &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
}

// dial opens a connection; both of its ends.
func (c *connCost) dial() (client, server int, err error) {
	client, err = unix.Socket(c.family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, -1, fmt.Errorf("socket: %w", err)
	}
	if err := unix.Connect(client, c.to); err != nil {
		unix.Close(client)
		return -1, -1, fmt.Errorf("connect: %w", err)
	}
	server, err = c.accept()
	if err != nil {
		unix.Close(client)
	}
	return client, server, err
}

func (c *connCost) accept() (int, error) {
	for {
		fd, _, err := unix.Accept4(c.listener, unix.SOCK_CLOEXEC)
		switch {
		case err == nil:
			return fd, nil
		case !errors.Is(err, unix.EAGAIN):
			return -1, fmt.Errorf("accept: %w", err)
		}
		if err := c.wait(c.listener, unix.POLLIN); err != nil {
			return -1, fmt.Errorf("accept: %w", err)
		}
	}
}

// wait is for the other end. The time is not counted: nobody works then, or
// somebody else does.
func (c *connCost) wait(fd int, events int16) error {
	start := time.Now()
	defer func() { c.waited += time.Since(start) }()
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: events}}, 5000)
	if errors.Is(err, unix.EINTR) {
		return nil
	}
	if err == nil && n == 0 {
		err = errors.New("nothing within five seconds")
	}
	return err
}

// write puts up to n bytes into a socket that does not wait.
func (c *connCost) write(fd, n int) (int, error) {
	return unix.SendmsgN(fd, c.buf[:min(n, len(c.buf))], nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
}

// lend puts up to n bytes of the file's memory there, without a copy: it would be
// nearly all of what is counted.
func (c *connCost) lend(fd, n int) (int, error) {
	var offset int64
	return unix.Sendfile(fd, c.file, &offset, min(n, bulkFile))
}

// pass writes n bytes at one end by put and takes them at the other, where they
// are not copied, either (MSG_TRUNC).
func (c *connCost) pass(from, to, n int, put func(fd, n int) (int, error)) error {
	for sent, got := 0, 0; got < n; {
		wrote, errWrite := 0, error(nil)
		if sent < n {
			wrote, errWrite = put(from, n-sent)
			sent += max(wrote, 0)
		}
		read, _, errRead := unix.Recvfrom(to, c.buf, unix.MSG_DONTWAIT|unix.MSG_TRUNC)
		got += max(read, 0)
		for _, err := range []error{errWrite, errRead} {
			if err != nil && !errors.Is(err, unix.EAGAIN) {
				return err
			}
		}
		if read == 0 {
			return errors.New("the other end has closed")
		}
		if wrote <= 0 && read <= 0 {
			if err := c.wait(to, unix.POLLIN); err != nil {
				return err
			}
		}
	}
	return nil
}

// whole is a connection from its first to its last segment; the client ends it.
func (c *connCost) whole() error {
	client, server, err := c.dial()
	if err != nil {
		return err
	}
	err = errors.Join(c.pass(client, server, requestSize, c.write), c.pass(server, client, answerSize, c.write))
	err = errors.Join(err, unix.Close(client))
	if n, _, errEnd := unix.Recvfrom(server, c.buf, 0); n != 0 || errEnd != nil {
		err = errors.Join(err, fmt.Errorf("the client's end did not come: %d bytes, %w", n, errEnd))
	}
	return errors.Join(err, unix.Close(server))
}

// counted is how long f takes, without waiting, divided by per.
func (c *connCost) counted(per int, f func() error) (int64, error) {
	c.waited = 0
	start := time.Now()
	err := f()
	return (time.Since(start) - c.waited).Nanoseconds() / int64(per), err
}

// medianOf runs f several times, after once.
func medianOf(f func() (int64, error)) (int64, error) {
	var all []int64
	for i := range costRounds + 1 {
		cost, err := f()
		if err != nil {
			return 0, err
		}
		if i > 0 {
			all = append(all, cost)
		}
	}
	slices.Sort(all)
	return all[len(all)/2], nil
}

// connections is what one of n costs.
func (c *connCost) connections(n int) (int64, error) {
	return medianOf(func() (int64, error) {
		return c.counted(n, func() error {
			for range n {
				if err := c.whole(); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// memoryFile has n bytes.
func memoryFile(n int) (int, error) {
	fd, err := unix.MemfdCreate("bulk", unix.MFD_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("file in memory: %w", err)
	}
	if _, err := unix.Write(fd, make([]byte, n)); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("fill a file in memory: %w", err)
	}
	return fd, nil
}

// bulk is what a megabyte costs, to the server and back, n at a time.
func (c *connCost) bulk(n int) (up, down int64, err error) {
	client, server, err := c.dial()
	if err != nil {
		return 0, 0, err
	}
	defer unix.Close(client)
	defer unix.Close(server)
	err = errors.Join(unix.SetNonblock(client, true), unix.SetNonblock(server, true))
	if err != nil {
		return 0, 0, err
	}
	if c.file, err = memoryFile(bulkFile); err != nil {
		return 0, 0, err
	}
	defer unix.Close(c.file)
	up, err = medianOf(func() (int64, error) {
		return c.counted(n, func() error { return c.pass(client, server, n<<20, c.lend) })
	})
	if err != nil {
		return 0, 0, err
	}
	down, err = medianOf(func() (int64, error) {
		return c.counted(n, func() error { return c.pass(server, client, n<<20, c.lend) })
	})
	return up, down, err
}

// runConnCost times what real TCP ends do with each other: on a machine whose
// clock counts instructions, these are instructions, both ends included.
func runConnCost(args []string, out io.Writer) error {
	fs := flag.NewFlagSet("conncost", flag.ContinueOnError)
	server := fs.String("server", "", "namespace of the server")
	client := fs.String("client", "", "namespace of the client")
	port := fs.Int("port", 80, "to listen on")
	n := fs.Int("n", 50, "connections in a round")
	megabytes := fs.Int("mb", 0, "in place of that: one connection, and so many megabytes each way in a round")
	rest, err := parseFlags(fs, args, 1)
	if err != nil {
		return err
	}
	target, err := netip.ParseAddrPort(rest[0])
	if err != nil {
		return err
	}
	c := connCost{family: unix.AF_INET, to: sockaddrOf(target), buf: make([]byte, 1<<20)}
	if target.Addr().Is6() {
		c.family = unix.AF_INET6
	}
	if c.listener, err = bothEnds(*server, *client, c.family, *port); err != nil {
		return err
	}
	if err := unix.SetNonblock(c.listener, true); err != nil {
		return err
	}
	report := map[string]int64{}
	if *megabytes > 0 {
		report["up"], report["down"], err = c.bulk(*megabytes)
	} else {
		report["connection"], err = c.connections(*n)
	}
	if err != nil {
		return err
	}
	return printJSON(out, report)
}
