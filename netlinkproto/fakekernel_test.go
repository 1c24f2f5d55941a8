// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// fakeKernel stands in for the kernel where a test needs what a real one does
// not do when it is told to: interrupt a dump, lose an answer, go silent. It
// keeps services, real servers and local addresses by their encoded keys. The
// tests with the tag vm run the same calls against a real one.
type fakeKernel struct {
	mu     sync.Mutex
	ids    map[string]uint16
	tables map[string]*fakeTable // by family and noun

	opened, closed int      // sockets
	requests       []uint8  // commands of the last send
	sends          int      // system calls that sent something
	groups         []uint32 // groups that were joined
	sockets        []*fakeSocket

	interrupt int    // mark that many dumps as interrupted
	perPacket int    // objects in one datagram of a dump
	silent    bool   // answer nothing
	extack    string // explanation that goes with every error
	stale     bool   // precede answers by one for another request
	recvErr   error  // fail the next recv
	mangle    func([]byte) []byte
}

// fakeTable is a table of objects in the order in which they were added.
type fakeTable struct {
	keys   []string
	values map[string][]byte
}

func newFakeKernel() *fakeKernel {
	return &fakeKernel{
		ids:       map[string]uint16{"IPVS": 0x20, "IPVS_FULLNAT": 0x21},
		tables:    map[string]*fakeTable{},
		perPacket: 3,
	}
}

// client returns a Client of the fake kernel.
func (k *fakeKernel) client(t testing.TB) *Client {
	t.Helper()
	var mine []*fakeSocket
	c := newClient(func() (socket, error) {
		s, err := k.dial()
		k.mu.Lock()
		defer k.mu.Unlock()
		mine = append(mine, s.(*fakeSocket))
		return s, err
	})
	if err := c.lookupFirst(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		for i, s := range mine {
			if !s.closed {
				t.Errorf("socket %d of %d was left open", i, len(mine))
			}
		}
	})
	return c
}

func (k *fakeKernel) dial() (socket, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.opened++
	s := &fakeSocket{k: k}
	s.cond = sync.NewCond(&s.mu)
	k.sockets = append(k.sockets, s)
	return s, nil
}

func (k *fakeKernel) table(name string) *fakeTable {
	t, ok := k.tables[name]
	if !ok {
		t = &fakeTable{values: map[string][]byte{}}
		k.tables[name] = t
	}
	return t
}

func (t *fakeTable) add(key string, v []byte) syscall.Errno {
	if _, ok := t.values[key]; ok {
		return syscall.EEXIST
	}
	t.keys, t.values[key] = append(t.keys, key), v
	return 0
}

func (t *fakeTable) del(key string, missing syscall.Errno) syscall.Errno {
	if _, ok := t.values[key]; !ok {
		return missing
	}
	delete(t.values, key)
	t.keys = slices.DeleteFunc(t.keys, func(s string) bool { return s == key })
	return 0
}

// fakeSocket is a socket of the fake kernel.
type fakeSocket struct {
	k        *fakeKernel
	mu       sync.Mutex
	cond     *sync.Cond
	queue    [][]byte
	closed   bool
	deadline bool
}

func (s *fakeSocket) push(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, b)
	s.cond.Broadcast()
}

func (s *fakeSocket) recv(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.closed:
			return 0, os.ErrClosed
		case s.deadline:
			return 0, os.ErrDeadlineExceeded
		}
		if err := s.k.takeRecvErr(); err != nil {
			return 0, err
		}
		if len(s.queue) > 0 {
			n := copy(b, s.queue[0])
			s.queue = s.queue[1:]
			return n, nil
		}
		s.cond.Wait()
	}
}

func (k *fakeKernel) takeRecvErr() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	err := k.recvErr
	k.recvErr = nil
	return err
}

func (s *fakeSocket) setDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = !t.IsZero()
	s.cond.Broadcast()
	return nil
}

func (s *fakeSocket) joinGroup(id uint32) error {
	s.k.mu.Lock()
	defer s.k.mu.Unlock()
	s.k.groups = append(s.k.groups, id)
	return nil
}

func (s *fakeSocket) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return os.ErrClosed
	}
	s.closed = true
	s.cond.Broadcast()
	s.k.mu.Lock()
	defer s.k.mu.Unlock()
	s.k.closed++
	return nil
}

// send carries out requests as the kernel does: at once, in order.
func (s *fakeSocket) send(b []byte) error {
	s.k.mu.Lock()
	var out [][]byte
	s.k.requests = s.k.requests[:0]
	s.k.sends++
	_, err := walkMessages(b, func(h header, data []byte) (bool, error) {
		cmd, attrs, err := genlPayload(data)
		if err == nil && !s.k.silent {
			s.k.requests = append(s.k.requests, cmd)
			out = append(out, s.k.answer(h, cmd, slices.Clone(attrs))...)
		}
		return false, err
	})
	s.k.mu.Unlock()
	for _, o := range out {
		s.push(o)
	}
	return err
}

// answer returns the datagrams that answer one request.
func (k *fakeKernel) answer(h header, cmd uint8, attrs []byte) (out [][]byte) {
	if k.stale {
		out = append(out, statusMessage(h.seq-1000, syscall.EIO, ""))
	}
	objects, errno := k.handle(h.typ, cmd, attrs)
	reply := header{typ: h.typ, seq: h.seq}
	switch {
	case errno != 0:
		return append(out, k.mangled(statusMessage(h.seq, errno, k.extack)))
	case h.flags&flagDump == flagDump:
		interrupted := k.interrupt > 0
		if interrupted {
			k.interrupt--
		}
		for chunk := range slices.Chunk(objects, k.perPacket) {
			var b []byte
			for _, o := range chunk {
				b = appendMessage(b, reply, cmd, 1, o)
			}
			out = append(out, k.mangled(b))
		}
		return append(out, doneMessage(h.seq, interrupted))
	}
	for _, o := range objects {
		out = append(out, k.mangled(appendMessage(nil, reply, cmd, 1, o)))
	}
	if h.flags&flagAck != 0 {
		out = append(out, k.mangled(statusMessage(h.seq, 0, "")))
	}
	return out
}

func (k *fakeKernel) mangled(b []byte) []byte {
	if k.mangle != nil {
		return k.mangle(b)
	}
	return b
}

// statusMessage is the message of type error; the request in it is capped.
func statusMessage(seq uint32, e syscall.Errno, text string) []byte {
	h := header{typ: msgError, flags: flagCapped, seq: seq}
	data := append(errno(e), make([]byte, msgHeaderLen)...)
	if text != "" {
		h.flags |= flagAckTLVs
		data = append(data, marshal(str(extAckMsg, text))...)
	}
	return plainMessage(h, data)
}

func doneMessage(seq uint32, interrupted bool) []byte {
	h := header{typ: msgDone, flags: 2, seq: seq}
	if interrupted {
		h.flags |= flagDumpIntr
	}
	return plainMessage(h, errno(0))
}

// plainMessage is a netlink message without a generic header.
func plainMessage(h header, data []byte) []byte {
	b := appendMessage(nil, h, 0, 0, data)
	b = append(b[:msgHeaderLen], b[msgHeaderLen+genlHeaderLen:]...)
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	return b
}

// nested returns the first attribute of the type, or nil.
func nested(b []byte, typ uint16) (data []byte) {
	_ = walk(b, func(a attr) error {
		if a.typ == typ && data == nil {
			data = a.data
		}
		return nil
	})
	return data
}

// handle changes the tables. It returns the objects of an answer.
func (k *fakeKernel) handle(family uint16, cmd uint8, attrs []byte) ([][]byte, syscall.Errno) {
	switch family {
	case ctrlID:
		return k.control(attrs)
	case k.ids["IPVS"]:
		return k.stock(cmd, attrs)
	case k.ids["IPVS_FULLNAT"]:
		return k.fullnat(cmd, attrs)
	}
	return nil, syscall.ENOENT // what genetlink answers for a stale number
}

func (k *fakeKernel) control(attrs []byte) ([][]byte, syscall.Errno) {
	if len(attrs) == 0 {
		var all [][]byte
		for name, id := range k.ids {
			all = append(all, marshal(u16(1, id), str(2, name)))
		}
		return all, 0
	}
	var name string
	_ = setString(attr{data: nested(attrs, ctrlAttrFamilyName)}, &name)
	id, ok := k.ids[name]
	if !ok {
		return nil, syscall.ENOENT
	}
	return [][]byte{marshal(u16(1, id), nest(7, nest(1, str(1, "config"), u32(2, 77))))}, 0
}

// serviceKey returns the canonical key in a request.
func serviceKey(attrs []byte) (string, bool) {
	key, err := decodeKeyAttr(nested(attrs, ipvsCmdAttrService))
	return key.String(), err == nil
}

func (k *fakeKernel) stock(cmd uint8, attrs []byte) ([][]byte, syscall.Errno) {
	services := k.table("services")
	key, hasKey := serviceKey(attrs)
	known := services.values[key] != nil
	dests := k.table("dests " + key)
	var dest string
	if d, err := destDecoder(ServiceKey{})(attrs); err == nil {
		dest = d.DestKey.String()
	}
	switch cmd {
	case ipvsCmdNewService:
		return nil, services.add(key, attrs)
	case ipvsCmdDelService:
		delete(k.tables, "dests "+key)
		return nil, services.del(key, syscall.ESRCH)
	case ipvsCmdFlush:
		k.tables = map[string]*fakeTable{}
		return nil, 0
	case ipvsCmdSetConfig:
		k.table("config").values["timeouts"] = attrs
		return nil, 0
	case ipvsCmdGetConfig:
		return [][]byte{k.table("config").values["timeouts"]}, 0
	case ipvsCmdGetInfo:
		return [][]byte{marshal(u32(1, 0x10201), u32(2, 4096))}, 0
	case ipvsCmdNewDaemon:
		return nil, k.table("daemons").add(string(nested(attrs, 3)[:8]), attrs)
	case ipvsCmdDelDaemon:
		return nil, k.table("daemons").del(string(nested(attrs, 3)[:8]), syscall.ESRCH)
	case ipvsCmdGetDaemon:
		return k.table("daemons").all(), 0
	case ipvsCmdGetDest:
		return dests.all(), 0
	}
	switch {
	case cmd == ipvsCmdGetService && !hasKey:
		return services.all(), 0
	case cmd == ipvsCmdZero && !hasKey:
		return nil, 0
	case !known:
		return nil, syscall.ESRCH
	}
	switch cmd {
	case ipvsCmdGetService:
		return [][]byte{services.values[key]}, 0
	case ipvsCmdSetService:
		services.values[key] = attrs
	case ipvsCmdNewDest:
		return nil, dests.add(dest, attrs)
	case ipvsCmdSetDest:
		if dests.values[dest] == nil {
			return nil, syscall.ENOENT
		}
		dests.values[dest] = attrs
	case ipvsCmdDelDest:
		return nil, dests.del(dest, syscall.ENOENT)
	}
	return nil, 0
}

func (t *fakeTable) all() (out [][]byte) {
	for _, k := range t.keys {
		out = append(out, t.values[k])
	}
	return out
}

func (k *fakeKernel) fullnat(cmd uint8, attrs []byte) ([][]byte, syscall.Errno) {
	key := string(nested(attrs, ipvsFnatAttrService))
	zone := string(nested(attrs, ipvsFnatAttrZone))
	lip := string(nested(attrs, ipvsFnatAttrLaddr))
	switch cmd {
	case ipvsFnatCmdNewLaddr:
		return nil, k.table("laddrs").add(key+lip, attrs)
	case ipvsFnatCmdDelLaddr:
		return nil, k.table("laddrs").del(key+lip, syscall.ENOENT)
	case ipvsFnatCmdGetLaddr:
		return slices.DeleteFunc(k.table("laddrs").all(), func(b []byte) bool {
			return key != "" && string(nested(b, ipvsFnatAttrService)) != key
		}), 0
	case ipvsFnatCmdNewZone:
		return nil, k.table("zones").add(zone, attrs)
	case ipvsFnatCmdDelZone:
		return nil, k.table("zones").del(zone, syscall.ENOENT)
	case ipvsFnatCmdGetZone:
		return k.table("zones").all(), 0
	case ipvsFnatCmdNewLaddrZone:
		return nil, k.table("zone laddrs").add(zone+lip, attrs)
	case ipvsFnatCmdDelLaddrZone:
		return nil, k.table("zone laddrs").del(zone+lip, syscall.ENOENT)
	case ipvsFnatCmdGetLaddrZone:
		return slices.DeleteFunc(k.table("zone laddrs").all(), func(b []byte) bool {
			return zone != "" && string(nested(b, ipvsFnatAttrZone)) != zone
		}), 0
	case ipvsFnatCmdSetService:
		return nil, k.table("exts").add(key[:keyLen], attrs)
	case ipvsFnatCmdDelService:
		return nil, k.table("exts").del(key[:keyLen], syscall.ESRCH)
	case ipvsFnatCmdGetService:
		return k.table("exts").all(), 0
	case ipvsFnatCmdFlush:
		delete(k.tables, "laddrs")
		delete(k.tables, "exts")
		return nil, 0
	case ipvsFnatCmdGetInfo:
		return [][]byte{marshal(nest(9, str(1, "0.1"), u32(2, 0x11), u32(3, 2)))}, 0
	case ipvsFnatCmdDrain:
		return [][]byte{marshal(nest(9, u32(3, 2)))}, 0
	case ipvsFnatCmdGetStats:
		return [][]byte{marshal(nest(11, str(1, "a"), u64(2, 1))), marshal(nest(11, str(1, "b"), u64(2, 2)))}, 0
	case ipvsFnatCmdGetConn:
		return [][]byte{marshal(nest(10, u16(1, 2), u16(2, 6), raw(3, v4(1, 1, 1, 1)...), raw(5, v4(1, 1, 1, 2)...),
			raw(7, v4(1, 1, 1, 3)...), raw(9, v4(1, 1, 1, 4)...)))}, 0
	}
	return nil, syscall.EOPNOTSUPP
}

// keyLen is the length of a key by address in front of other attributes.
const keyLen = 44

var errTest = errors.New("test")
