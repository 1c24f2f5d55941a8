// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// linuxSocket reads and writes whole datagrams on a socket that
// genetlink.Conn opened. Its own Send and Receive would allocate each message
// and hide how a dump ended: the mark of an interrupted dump can come with the
// closing message alone.
type linuxSocket struct {
	conn *genetlink.Conn
	raw  syscall.RawConn
}

func openSocket(netns int) (socket, error) {
	// Strict turns on extended acknowledgements, which carry the kernel's
	// explanation of an error.
	c, err := genetlink.Dial(&netlink.Config{NetNS: netns, Strict: true})
	if err != nil {
		return nil, err
	}
	raw, err := c.SyscallConn()
	if err == nil {
		// Errors need not carry the whole request back.
		err = c.SetOption(netlink.CapAcknowledge, true)
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return &linuxSocket{c, raw}, nil
}

func (s *linuxSocket) send(b []byte) error {
	var sysErr error
	err := s.raw.Write(func(fd uintptr) bool {
		_, sysErr = unix.Write(int(fd), b)
		return sysErr != unix.EAGAIN
	})
	if err == nil {
		err = os.NewSyscallError("send", sysErr)
	}
	return err
}

func (s *linuxSocket) recv(b []byte) (n int, err error) {
	for {
		var from unix.Sockaddr
		var sysErr error
		err = s.raw.Read(func(fd uintptr) bool {
			n, from, sysErr = unix.Recvfrom(int(fd), b, unix.MSG_TRUNC)
			return sysErr != unix.EAGAIN
		})
		switch {
		case err != nil:
			return 0, err
		case sysErr == unix.EINTR:
			continue
		case sysErr == unix.ENOBUFS:
			return 0, fmt.Errorf("%w: %w", ErrOverrun, sysErr)
		case sysErr != nil:
			return 0, os.NewSyscallError("recv", sysErr)
		case n > len(b):
			return 0, malformed("datagram of %d bytes", n)
		}
		if sa, ok := from.(*unix.SockaddrNetlink); ok && sa.Pid == 0 {
			return n, nil
		}
		// Not from the kernel: a process with CAP_NET_ADMIN may send
		// here, but we do not listen to it.
	}
}

func (s *linuxSocket) setDeadline(t time.Time) error { return s.conn.SetDeadline(t) }
func (s *linuxSocket) Close() error                  { return s.conn.Close() }

// joinGroup also asks for room for a burst of notifications, which come without
// anybody asking for them. The default must do where that is not allowed. The
// kernel is to learn of those that find no room, and counts them.
func (s *linuxSocket) joinGroup(id uint32) error {
	_ = s.conn.SetReadBuffer(notifyBufferLen)
	_ = s.conn.SetOption(netlink.BroadcastError, true)
	return s.conn.JoinGroup(id)
}

const notifyBufferLen = 4 << 20

// newDialer returns a function that opens sockets in one network namespace: the
// one of o, or that of the calling thread. The first call is to be made by that
// thread. Later sockets are opened by other threads, perhaps in another namespace,
// so the namespace is kept open. It is a plain descriptor, because os.File would
// offer it to the runtime's poller, which takes longer than all the rest.
func newDialer(o options) (dial func() (socket, error), onClose func() error, err error) {
	var ns int
	if o.netns != 0 {
		ns, err = unix.FcntlInt(uintptr(o.netns), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return nil, nil, os.NewSyscallError("fcntl", err)
		}
	} else if ns, err = unix.Open(threadNetNS, unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		// Without /proc the namespace of whatever thread it is must do.
		ns = noNetNS
	}
	first := true
	dial = func() (socket, error) {
		if first {
			first = false
			return openSocket(o.netns)
		}
		return dialIn(ns)
	}
	onClose = func() error {
		if ns == noNetNS {
			return nil
		}
		return os.NewSyscallError("close", unix.Close(ns))
	}
	return dial, onClose, nil
}

const (
	threadNetNS = "/proc/thread-self/ns/net"
	noNetNS     = -1
)

// dialIn opens a socket in the namespace ns. Entering one needs CAP_SYS_ADMIN,
// so it is not entered when the thread is in it already.
func dialIn(ns int) (socket, error) {
	if ns == noNetNS {
		return openSocket(0)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var want, have unix.Stat_t
	if err := unix.Fstat(ns, &want); err != nil {
		return nil, os.NewSyscallError("fstat", err)
	}
	if err := unix.Stat(threadNetNS, &have); err == nil && want.Dev == have.Dev && want.Ino == have.Ino {
		return openSocket(0)
	}
	return openSocket(ns)
}
