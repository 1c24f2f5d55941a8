// SPDX-License-Identifier: Apache-2.0

//go:build vm && linux

package netlinkproto

// Tests against a live kernel, as root in a virtual machine. ip_vs must be
// there, and ip_vs_fullnat for the tests in fullnat_vm_test.go:
//
//	go test -c -tags vm -o netlinkproto.test ./netlinkproto
//	./netlinkproto.test -test.v

import (
	"context"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// newLab moves the calling test into a network namespace of its own and opens a
// Client there. The test's thread ends with the test, because it stays locked.
func newLab(t *testing.T) *Client {
	t.Helper()
	runtime.LockOSThread()
	must(t, unix.Unshare(unix.CLONE_NEWNET))
	// Before a namespace's first address IPVS takes every real server's
	// address for a broadcast one.
	run(t, "", "ip", "link", "set", "lo", "up")
	c, err := Dial(bg)
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	return c
}

// run runs a program in the test's namespace and returns what it prints.
func run(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out)
	}
	return string(out)
}

// deadline is a context that ends a test that hangs.
func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(bg, 5*time.Minute)
	t.Cleanup(cancel)
	return ctx
}
