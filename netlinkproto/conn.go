// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"context"
	"errors"
	"syscall"
	"time"
)

// socket is a generic netlink socket as the protocol above it needs it.
type socket interface {
	// send sends messages that are laid end to end.
	send(b []byte) error
	// recv reads one datagram of the kernel into b and returns its length.
	recv(b []byte) (int, error)
	// setDeadline makes send and recv fail after t, or no more for the zero
	// time.
	setDeadline(t time.Time) error
	// joinGroup subscribes to a multicast group.
	joinGroup(id uint32) error
	Close() error
}

// The kernel makes the datagrams of a dump as large as the largest buffer that
// was ever used to read the socket, between one page (8 KiB at most) and 32 KiB,
// and allocates them that large even for a small answer. So reading starts with
// the small buffer and goes on with the large one when a dump turns out to be
// long; a socket that has seen that is not kept for small answers.
const (
	smallBufferLen = 8 << 10
	largeBufferLen = 32 << 10
)

// conn is a socket with the state of the requests on it. One goroutine uses it
// at a time.
type conn struct {
	sock socket
	seq  uint32
	in   []byte // small or large
	out  []byte
	// dirty says that answers may be under way.
	dirty bool
}

func newConn(s socket) *conn {
	return &conn{sock: s, in: make([]byte, smallBufferLen)}
}

// grow makes long dumps cheaper from now on.
func (n *conn) grow() {
	if !n.grown() {
		n.in = make([]byte, largeBufferLen)
	}
}

func (n *conn) grown() bool { return len(n.in) > smallBufferLen }

// watch makes the socket fail when ctx is done. The function it returns, to be
// called once, ends that and reports whether the socket was left alone.
func (n *conn) watch(ctx context.Context) (stop func() bool) {
	if ctx.Done() == nil {
		return func() bool { return true }
	}
	disturbed := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		_ = n.sock.setDeadline(time.Unix(1, 0))
		close(disturbed)
	})
	return func() bool {
		if cancel() {
			return true
		}
		<-disturbed
		return false
	}
}

// exchange sends one request and reads its answers.
func (n *conn) exchange(id uint16, r Request, flags uint16, take func([]byte) (bool, error)) error {
	n.seq++
	n.out = appendMessage(n.out[:0], header{typ: id, flags: flagRequest | flags, seq: n.seq}, r.cmd, r.family.version, r.attrs)
	n.dirty = true
	if err := n.sock.send(n.out); err != nil {
		return err
	}
	a := answers{conn: n, op: r, take: take}
	return a.read()
}

// answers reads the messages that belong to one request.
type answers struct {
	conn *conn
	op   Request
	take func([]byte) (bool, error)
	// interrupted: the kernel marked the dump as inconsistent.
	interrupted bool
	// stopped: the caller wants no more.
	stopped bool
}

func (a *answers) read() error {
	n := a.conn
	for datagrams := 1; ; datagrams++ {
		got, err := n.sock.recv(n.in)
		if err != nil {
			return err
		}
		done, err := walkMessages(n.in[:got], a.message)
		if err != nil || a.stopped {
			return err
		}
		if done {
			if a.interrupted {
				return ErrInterrupted
			}
			return nil
		}
		// One of data and one that says so is what a short dump has.
		if datagrams == 2 {
			n.grow()
		}
	}
}

// message handles one message of the kernel.
func (a *answers) message(h header, data []byte) (done bool, err error) {
	if h.seq != a.conn.seq {
		return false, nil
	}
	if h.flags&flagDumpIntr != 0 {
		a.interrupted = true
	}
	if h.typ == msgError || h.typ == msgDone {
		errno, text, err := parseStatus(h, data)
		if err != nil {
			return false, err
		}
		// The kernel has no more to say about this request.
		a.conn.dirty = false
		if errno != 0 {
			return true, &KernelError{Op: a.op.String(), Errno: errno, Msg: text}
		}
		return true, nil
	}
	if h.typ < msgMinType {
		return false, nil
	}
	_, attrs, err := genlPayload(data)
	if err != nil {
		return false, err
	}
	if a.take == nil {
		return false, nil
	}
	more, err := a.take(attrs)
	a.stopped = !more
	return a.stopped, err
}

// Numbers of generic netlink's controller (linux/genetlink.h).
const (
	msgMinType = 0x10
	ctrlID     = 0x10

	ctrlCmdGetFamily    = 3
	ctrlVersion         = 2
	ctrlAttrFamilyID    = 1
	ctrlAttrFamilyName  = 2
	ctrlAttrMcastGroups = 7
	ctrlGroupName       = 1
	ctrlGroupID         = 2

	ctrlNameMaxLen = 16
)

var ctrlFamily = &family{"nlctrl", ctrlVersion}

// lookup asks the kernel for a family. The kernel may load the module that
// provides it.
func (n *conn) lookup(name string) (familyInfo, error) {
	r := build(ctrlFamily, ctrlCmdGetFamily, namer{verb: "look up family " + name}, func(e *encoder) {
		e.str(ctrlAttrFamilyName, "family", name, ctrlNameMaxLen)
	})
	var info familyInfo
	err := n.exchange(ctrlID, r, flagAck, func(b []byte) (more bool, err error) {
		info, err = decodeFamily(b)
		return true, err
	})
	var k *KernelError
	switch {
	case errors.As(err, &k) && k.Errno == syscall.ENOENT:
		return familyInfo{}, &FamilyError{Name: name, Err: k.Errno}
	case err != nil:
		return familyInfo{}, err
	case info.id == 0:
		return familyInfo{}, malformed("family %s without a number", name)
	}
	return info, nil
}

func dumpFamiliesRequest() Request {
	return build(ctrlFamily, ctrlCmdGetFamily, namer{verb: "list generic netlink families"}, nil)
}

func decodeFamilyName(b []byte) (name string, err error) {
	err = walk(b, func(a attr) error {
		if a.typ == ctrlAttrFamilyName {
			return setString(a, &name)
		}
		return nil
	})
	return name, err
}

func decodeFamily(b []byte) (familyInfo, error) {
	info := familyInfo{groups: map[string]uint32{}}
	err := walk(b, func(a attr) error {
		switch a.typ {
		case ctrlAttrFamilyID:
			return setU16(a, &info.id)
		case ctrlAttrMcastGroups:
			return walk(a.data, info.takeGroup)
		}
		return nil
	})
	return info, err
}

// takeGroup reads one entry of the list of multicast groups.
func (f *familyInfo) takeGroup(a attr) error {
	var name string
	var id uint32
	err := walk(a.data, func(a attr) error {
		switch a.typ {
		case ctrlGroupName:
			return setString(a, &name)
		case ctrlGroupID:
			return setU32(a, &id)
		}
		return nil
	})
	f.groups[name] = id
	return err
}
