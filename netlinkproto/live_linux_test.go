// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"context"
	"errors"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// These tests talk to the running kernel's generic netlink controller, which is
// always there and needs no privilege. It has all that the transport deals
// with: a query, a dump of several datagrams, errors with explanations.

// liveClient returns a Client without looking for IPVS.
func liveClient(t *testing.T, o options) *Client {
	t.Helper()
	dial, onClose, err := newDialer(o)
	must(t, err)
	c := newClient(dial)
	c.onClose = onClose
	t.Cleanup(func() { must(t, c.Close()) })
	return c
}

func TestLive_lookup(t *testing.T) {
	c := liveClient(t, options{})
	must(t, c.with(bg, func(n *conn) error {
		info, err := n.lookup("nlctrl")
		if err == nil && (info.id != ctrlID || info.groups["notify"] == 0) {
			t.Errorf("%+v", info)
		}
		return err
	}))
	err := c.with(bg, func(n *conn) error {
		_, err := n.lookup("no such family")
		return err
	})
	wantErr(t, err, ErrNoFamily)
	if len(c.idle) != 1 {
		t.Errorf("%d idle sockets; an error is an answer", len(c.idle))
	}
}

func TestLive_dump(t *testing.T) {
	c := liveClient(t, options{})
	names, err := collect(stream(bg, c, dumpFamiliesRequest(), decodeFamilyName))
	must(t, err)
	seen := map[string]bool{}
	for _, n := range names {
		seen[n] = true
	}
	if !seen["nlctrl"] || len(seen) != len(names) {
		t.Errorf("families %q", names)
	}
}

func TestLive_dumpStopped(t *testing.T) {
	c := liveClient(t, options{})
	for range 50 {
		for _, err := range stream(bg, c, dumpFamiliesRequest(), decodeFamilyName) {
			must(t, err)
			break
		}
	}
	want(t, "nlctrl")(one(bg, c, build(ctrlFamily, ctrlCmdGetFamily, namer{verb: "get"}, func(e *encoder) {
		e.str(ctrlAttrFamilyName, "family", "nlctrl", 16)
	}), decodeFamilyName))
}

// TestLive_error: errno and explanation come from the kernel.
func TestLive_error(t *testing.T) {
	c := liveClient(t, options{})
	r := build(ctrlFamily, ctrlCmdGetFamily, namer{verb: "break the policy"}, func(e *encoder) {
		e.bytes(ctrlAttrFamilyID, []byte{1})
	})
	err := c.Do(bg, r)
	var k *KernelError
	if !errors.As(err, &k) || k.Op != "break the policy" || k.Msg == "" {
		t.Fatalf("error %#v has no explanation", err)
	}
	t.Log(err)
}

// TestLive_batch: good and bad requests in one system call.
func TestLive_batch(t *testing.T) {
	c := liveClient(t, options{})
	good := build(ctrlFamily, ctrlCmdGetFamily, namer{verb: "good"}, func(e *encoder) { e.str(ctrlAttrFamilyName, "", "nlctrl", 16) })
	bad := build(ctrlFamily, ctrlCmdGetFamily, namer{verb: "bad"}, func(e *encoder) { e.u16(ctrlAttrFamilyID, 1) })
	for _, reqs := range [][]Request{{good, bad, good}, {good, bad}, {bad, good}, {bad}, {good}} {
		for i, err := range c.Batch(bg, reqs) {
			if wantBad := reqs[i].String() == "bad"; wantBad != errors.Is(err, syscall.ENOENT) {
				t.Errorf("request %d: %v", i, err)
			}
		}
	}
	// As many refusals as one system call can bring must fit into the
	// socket's buffer.
	reqs := make([]Request, batchMaxRequests)
	for i := range reqs {
		reqs[i] = bad
	}
	for i, err := range c.Batch(bg, reqs) {
		if !errors.Is(err, syscall.ENOENT) {
			t.Fatalf("request %d: %v", i, err)
		}
	}
}

// TestLive_context: a socket that waits for a notification that does not come
// gives way to the context and to Close.
func TestLive_context(t *testing.T) {
	c := liveClient(t, options{})
	ctx, cancel := context.WithTimeout(bg, 20*time.Millisecond)
	defer cancel()
	err := c.with(ctx, func(n *conn) error {
		n.dirty = true
		_, err := n.sock.recv(n.in)
		return err
	})
	wantErr(t, err, context.DeadlineExceeded)

	errc := make(chan error)
	go func() {
		errc <- c.with(bg, func(n *conn) error {
			n.dirty = true
			_, err := n.sock.recv(n.in)
			return err
		})
	}()
	waitFor(t, func() bool { c.mu.Lock(); defer c.mu.Unlock(); return len(c.busy) == 1 })
	must(t, c.Close())
	wantErr(t, <-errc, ErrClosed)
}

func TestLive_joinGroup(t *testing.T) {
	c := liveClient(t, options{})
	must(t, c.with(bg, func(n *conn) error {
		info, err := n.lookup("nlctrl")
		if err != nil {
			return err
		}
		return n.sock.joinGroup(info.groups["notify"])
	}))
}

// inNewNetNS runs f on a thread in a network namespace of its own. The thread
// ends with it.
func inNewNetNS(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a network namespace needs root")
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			f()
		}
		done <- err
	}()
	must(t, <-done)
}

// TestLive_netns: sockets that are opened later, by whatever thread, are in the
// namespace in which the Client was opened.
func TestLive_netns(t *testing.T) {
	var inside *Client
	var file *os.File
	inNewNetNS(t, func() {
		inside = liveClient(t, options{})
		err := inside.with(bg, func(*conn) error { return nil }) // as Dial does
		if err != nil {
			t.Error(err)
		}
		if file, err = os.Open(threadNetNS); err != nil {
			t.Error(err)
		}
	})
	if t.Failed() || file == nil {
		t.FailNow()
	}
	defer file.Close()
	byFile := liveClient(t, options{netns: int(file.Fd())})
	here := liveClient(t, options{})
	wanted, err := file.Stat()
	must(t, err)
	for name, c := range map[string]*Client{"opened inside": inside, "opened by file": byFile, "opened here": here} {
		check := func(n *conn) error {
			if same := os.SameFile(socketNetNS(t, n.sock), wanted); same != (c != here) {
				t.Errorf("%s: in the other namespace: %v", name, same)
			}
			return nil
		}
		must(t, c.with(bg, func(first *conn) error {
			return errors.Join(check(first), c.with(bg, check))
		}))
	}
}

// socketNetNS asks the kernel for the namespace of a socket.
func socketNetNS(t *testing.T, s socket) os.FileInfo {
	t.Helper()
	const siocgskns = 0x894c
	var fd uintptr
	var sysErr syscall.Errno
	must(t, s.(*linuxSocket).raw.Control(func(sock uintptr) {
		fd, _, sysErr = syscall.Syscall(syscall.SYS_IOCTL, sock, siocgskns, 0)
	}))
	if sysErr != 0 {
		t.Fatal(sysErr)
	}
	f := os.NewFile(fd, "netns")
	defer f.Close()
	st, err := f.Stat()
	must(t, err)
	return st
}

func TestLive_fullNATLoaded(t *testing.T) {
	c := liveClient(t, options{})
	loaded, err := c.FullNATLoaded(bg)
	must(t, err)
	_, err = os.Stat("/sys/module/ip_vs_fullnat")
	if loaded != (err == nil) {
		t.Errorf("family there: %v, module: %v", loaded, err)
	}
}

// TestLive_dial: IPVS is either there or ErrNoFamily; nothing is left open.
func TestLive_dial(t *testing.T) {
	before := openFiles(t)
	c, err := Dial(bg)
	if err != nil {
		wantErr(t, err, ErrNoFamily)
	} else {
		must(t, c.Close())
	}
	if after := openFiles(t); after != before {
		t.Errorf("%d files open before, %d after", before, after)
	}
	if _, err := Dial(bg, WithNetNS(1<<30)); err == nil {
		t.Error("a namespace that is not open is accepted")
	}
	ctx, cancel := context.WithCancel(bg)
	cancel()
	_, err = Dial(ctx)
	wantErr(t, err, context.Canceled)
}

func openFiles(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(fds)
}
