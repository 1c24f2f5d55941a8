// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// runTimeout is how long a command may take.
const runTimeout = 60 * time.Second

// result is what a command did.
type result struct{ status, stdout, stderr string }

// namespace runs commands in a network namespace: one thread enters it, and
// children inherit the namespace of the thread that starts them.
type namespace struct {
	jobs chan func()
}

func newNamespace() (*namespace, error) {
	n := &namespace{jobs: make(chan func())}
	ready := make(chan error)
	go func() {
		// Never unlocked: the thread ends with its goroutine.
		runtime.LockOSThread()
		ready <- unix.Unshare(unix.CLONE_NEWNET)
		for job := range n.jobs {
			job()
		}
	}()
	return n, <-ready
}

// do runs a job on the namespace's thread and waits for it.
func (n *namespace) do(job func()) {
	done := make(chan struct{})
	n.jobs <- func() { defer close(done); job() }
	<-done
}

// exec runs a program under the name argv0.
func (n *namespace) exec(program, argv0 string, args []string, stdin string) (r result) {
	n.do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), runTimeout)
		defer cancel()
		var out, errOut bytes.Buffer
		cmd := exec.CommandContext(ctx, program)
		cmd.Args = append([]string{argv0}, args...)
		cmd.Stdin = strings.NewReader(stdin)
		cmd.Stdout, cmd.Stderr = &out, &errOut
		err := cmd.Run()
		r = result{"0", out.String(), errOut.String()}
		var ee *exec.ExitError
		switch {
		case errors.As(err, &ee) && ee.Sys().(syscall.WaitStatus).Signaled():
			r.status = "signal " + ee.Sys().(syscall.WaitStatus).Signal().String()
		case errors.As(err, &ee):
			r.status = fmt.Sprint(ee.ExitCode())
		case err != nil:
			r.status = err.Error()
		}
	})
	return r
}

// sendUDP sends a packet from each of three sockets.
func (n *namespace) sendUDP(addr string) (err error) {
	n.do(func() {
		for range 3 {
			var c net.Conn
			if c, err = net.Dial("udp", addr); err != nil {
				return
			}
			_, err = c.Write([]byte("x"))
			c.Close()
		}
	})
	return err
}

// differ holds the two sides.
type differ struct {
	stock, ours string
	a, b        *namespace
	rules       []*rule
}

func newDiffer(stock, ours string, rules []*rule) (*differ, error) {
	d := &differ{stock: stock, ours: ours, rules: rules}
	var err error
	if d.a, err = newNamespace(); err != nil {
		return nil, fmt.Errorf("new network namespace: %w", err)
	}
	if d.b, err = newNamespace(); err != nil {
		return nil, fmt.Errorf("new network namespace: %w", err)
	}
	return d, nil
}

func (d *differ) close() {
	close(d.a.jobs)
	close(d.b.jobs)
}

// both runs two things, one after the other: where a dump goes on stock counts the
// services of all namespaces (ip_vs_genl_dump_services()), so a change in one
// namespace would make a listing in the other repeat or miss entries.
func both(a, b func()) {
	a()
	b()
}

// run runs a case and returns how the sides differ.
func (d *differ) run(cs testCase) (diffs []string) {
	d.clean()
	for _, s := range cs.steps {
		diffs = append(diffs, d.step(s)...)
	}
	if d.a.isEmpty() && d.b.isEmpty() {
		return diffs
	}
	for _, args := range [][]string{{"-Sn"}, {"-Ln", "--thresholds"}} {
		diffs = append(diffs, d.table(args)...)
	}
	return diffs
}

// clean empties both tables.
func (d *differ) clean() {
	for _, n := range []*namespace{d.a, d.b} {
		if !n.isEmpty() {
			n.exec(d.stock, "ipvsadm", []string{"-C"}, "")
		}
	}
}

// isEmpty reports whether the namespace has no services. It spares most cases
// two programs on each side, which is what takes the time under emulation.
func (n *namespace) isEmpty() (empty bool) {
	n.do(func() {
		table, err := os.ReadFile("/proc/thread-self/net/ip_vs")
		empty = err == nil && bytes.Count(table, []byte("\n")) <= headLines
	})
	return empty
}

// headLines is how many lines /proc/net/ip_vs has without services.
const headLines = 3

func (d *differ) step(s step) []string {
	switch {
	case s.udp != "":
		err := errors.Join(d.a.sendUDP(s.udp), d.b.sendUDP(s.udp))
		if err != nil {
			return []string{fmt.Sprintf("  %v: %v\n", s, err)}
		}
		return nil
	case s.shell != nil:
		a := d.a.exec("/bin/"+s.shell[0], s.shell[0], s.shell[1:], s.stdin)
		b := d.b.exec("/bin/"+s.shell[0], s.shell[0], s.shell[1:], s.stdin)
		if a.status != "0" || b.status != "0" {
			return []string{fmt.Sprintf("  %v: %+v, %+v\n", s, a, b)}
		}
		return nil
	case s.same:
		return d.same(s)
	case s.carry:
		return d.carry(s)
	}
	var want, got result
	both(
		func() { want = d.a.exec(d.stock, "ipvsadm", s.args, s.stdin) },
		func() { got = d.b.exec(d.ours, "ipvsadm", s.args, s.stdin) })
	return compare(s, want, d.excuse(s, want, got))
}

// sameAttempts is how often two lists are made until they are the same: now and
// then the kernel adds up statistics in between.
const sameAttempts = 12

// same compares what the tools show of the first namespace. Ours is made between
// two lists of stock's, as timers run: on a busy machine each time.
func (d *differ) same(s step) (diffs []string) {
	for range sameAttempts {
		want := d.a.exec(d.stock, "ipvsadm", s.args, s.stdin)
		got := d.a.exec(d.ours, "ipvsadm", s.args, s.stdin)
		after := d.a.exec(d.stock, "ipvsadm", s.args, s.stdin)
		got.stdout = stopTimers(want.stdout, got.stdout, after.stdout)
		if diffs = compare(s, want, d.excuse(s, want, got)); diffs == nil {
			break
		}
	}
	return diffs
}

// timerText is how much time a connection has left, in minutes and seconds.
var timerText = regexp.MustCompile(`\b[0-9]{2,}:[0-9]{2}\b`)

// stopTimers returns the list now with the timers of the list before, where they
// are what they can be between the lists before and after.
func stopTimers(before, now, after string) string {
	first, last := timerText.FindAllString(before, -1), timerText.FindAllString(after, -1)
	i := -1
	return timerText.ReplaceAllStringFunc(now, func(text string) string {
		i++
		if i >= len(first) || i >= len(last) || shorter(first[i], text) || shorter(text, last[i]) {
			return text
		}
		return first[i]
	})
}

// shorter compares the texts of two timers.
func shorter(a, b string) bool {
	return len(a) < len(b) || len(a) == len(b) && a < b
}

// carry saves the table of each side and restores it on the other side with the
// other tool: ours has to read what stock wrote, and stock what ours wrote. Then
// ours restores what it has saved itself. None of it may change a table.
func (d *differ) carry(s step) (diffs []string) {
	fromStock := d.a.exec(d.stock, "ipvsadm", []string{"-Sn"}, "")
	fromOurs := d.b.exec(d.ours, "ipvsadm", []string{"-Sn"}, "")
	limits := d.b.limits(d.stock)
	restore := func(n *namespace, tool, what, table string) {
		n.exec(d.stock, "ipvsadm", []string{"-C"}, "")
		got := n.exec(tool, "ipvsadm", []string{"-R"}, table)
		diffs = append(diffs, compare(step{args: []string{what}}, result{status: "0"}, got)...)
	}
	restore(d.a, d.stock, "stock -R of what ours saved", fromOurs.stdout)
	diffs = append(diffs, compare(s, fromStock, d.a.exec(d.stock, "ipvsadm", []string{"-Sn"}, ""))...)
	restore(d.b, d.ours, "ours -R of what stock saved", fromStock.stdout)
	diffs = append(diffs, compare(s, fromStock, d.b.exec(d.stock, "ipvsadm", []string{"-Sn"}, ""))...)
	restore(d.b, d.ours, "ours -R of what ours saved", fromOurs.stdout)
	diffs = append(diffs, compare(s, fromOurs, d.b.exec(d.ours, "ipvsadm", []string{"-Sn"}, ""))...)
	// Stock does not save the thresholds, but it lists them.
	return append(diffs, compare(s, limits, d.b.limits(d.stock))...)
}

func (n *namespace) limits(stock string) result {
	return n.exec(stock, "ipvsadm", []string{"-Ln", "--thresholds"}, "")
}

// table compares the tables as stock ipvsadm reads them.
func (d *differ) table(args []string) []string {
	var a, b result
	both(
		func() { a = d.a.exec(d.stock, "ipvsadm", args, "") },
		func() { b = d.b.exec(d.stock, "ipvsadm", args, "") })
	return compare(step{args: append([]string{"(resulting table)"}, args...)}, a, b)
}

func compare(s step, want, got result) (diffs []string) {
	field := func(name, want, got string) {
		if want != got {
			diffs = append(diffs, fmt.Sprintf("  %v\n    %s of stock:\n%s    %s of ours:\n%s",
				s, name, indent(want), name, indent(got)))
		}
	}
	field("status", want.status, got.status)
	field("stdout", want.stdout, got.stdout)
	field("stderr", want.stderr, got.stderr)
	return diffs
}

// indent shows a text with every line marked, and at most the first ones.
func indent(s string) string {
	lines := strings.Split(strings.TrimSuffix(s, "\n"), "\n")
	if len(lines) > 20 {
		lines = append(lines[:20], "...")
	}
	return "      |" + strings.Join(lines, "\n      |") + "\n"
}
