// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"
)

var restoreCommand = command{
	name: "restore", short: 'R', run: restoreTables,
	rule: rule{optional: setOf(optAtomic, optDryRun)},
	check: func(r *request) error {
		if r.given.has(optDryRun) && !r.given.has(optAtomic) {
			return failf("You need to supply the 'atomic' option for the 'dry-run' option")
		}
		return nil
	},
}

const (
	// maxLine is the longest line that a restore takes.
	maxLine = 64 << 10
	// maxQueue is how many requests are collected before they are sent.
	maxQueue = 512
)

// restore reads command lines and carries them out in order. Changes are
// collected, so that the kernel gets many at a time; everything else waits for
// them.
type restore struct {
	s    *session
	line int

	// steps are collected requests; lines are the numbers of their lines.
	steps []step
	lines []int
	// failed is the number of the last line that the kernel refused.
	failed int
	// inPlan are the lines where they are those of a plan, which a message
	// shows, and not those of standard input.
	inPlan []string
}

// where names a line in messages.
func (rs *restore) where(line int) string {
	if rs.inPlan != nil {
		return rs.inPlan[line-1]
	}
	return fmt.Sprintf("line %d", line)
}

// restoreTables runs the lines of standard input. As in ipvsadm a line that the
// kernel refuses does not stop it, and the exit status is that of the last
// line; a line that makes no sense ends it.
func restoreTables(s *session, r *request) error {
	if s.restore != nil {
		return s.tryHelp()
	}
	rs := &restore{s: s}
	s.restore = rs
	if r.given.has(optAtomic) {
		return rs.atomic(r.given.has(optDryRun))
	}
	return rs.finish(rs.read(rs.one))
}

// finish waits for what is under way and returns how the restore ended.
func (rs *restore) finish(err error) error {
	s := rs.s
	if s.client != nil {
		rs.flush(s.client)
	}
	if err != nil {
		return err
	}
	if rs.failed != 0 && rs.failed == rs.line {
		return &exitError{status: exitRefused}
	}
	return nil
}

// read hands the words of each line to take, until that fails.
func (rs *restore) read(take func([]string) error) error {
	in := bufio.NewReaderSize(rs.s.env.Stdin, maxLine)
	for n := 1; ; n++ {
		b, readErr := in.ReadSlice('\n')
		if readErr != nil && readErr != io.EOF {
			if errors.Is(readErr, bufio.ErrBufferFull) {
				return failf("line %d: longer than %d bytes", n, maxLine)
			}
			return failf("line %d: cannot read standard input: %v", n, readErr)
		}
		if bytes.IndexByte(b, 0) >= 0 {
			return failf("line %d: contains a NUL byte, so it is no text", n)
		}
		if args := splitLine(b); len(args) > 0 {
			rs.line = n
			if err := take(args); err != nil {
				return err
			}
		}
		if readErr == io.EOF {
			return nil
		}
	}
}

// blanks part the words of a line.
const blanks = " \t\r\n"

// splitLine parts a line into words. The name of the program may stand in
// front of the options, or anywhere else, as for ipvsadm.
func splitLine(line []byte) []string {
	line = bytes.TrimLeft(line, blanks)
	if len(line) == 0 {
		return nil // before a copy is made
	}
	words := strings.FieldsFunc(string(line), func(r rune) bool {
		return strings.ContainsRune(blanks, r)
	})
	kept := words[:0]
	for _, w := range words {
		if w != "ipvsadm" && w != "ipvsadm-go" {
			kept = append(kept, w)
		}
	}
	return kept
}

// one runs a line. The error it returns ends the restore.
func (rs *restore) one(args []string) error {
	err := rs.s.runLine(args)
	var le *lineError
	var ee *exitError
	switch {
	case errors.As(err, &le):
		rs.flushIfOpen()
		rs.report(rs.line, le.text)
		return nil
	case errors.As(err, &ee) && ee.text != "":
		return &exitError{ee.status, rs.where(rs.line) + ": " + ee.text}
	}
	return err
}

func (rs *restore) report(line int, text string) {
	rs.failed = line
	fmt.Fprintf(rs.s.env.Stderr, "%s: %s\n", rs.where(line), text)
}

// flushIfOpen keeps messages in the order of their lines.
func (rs *restore) flushIfOpen() {
	if rs.s.client != nil {
		rs.flush(rs.s.client)
	}
}

func (rs *restore) queue(c *np.Client, steps []step) {
	for _, st := range steps {
		rs.steps = append(rs.steps, st)
		rs.lines = append(rs.lines, rs.line)
		if len(rs.steps) >= maxQueue {
			rs.flush(c)
		}
	}
}

// flush sends what has been collected and reports what the kernel refused.
func (rs *restore) flush(c *np.Client) {
	if len(rs.steps) == 0 {
		return
	}
	for i, err := range rs.s.atOnce(c, rs.steps) {
		if err != nil {
			st := rs.steps[i]
			rs.report(rs.lines[i], st.label+explain(st.op, err))
		}
	}
	clear(rs.steps) // lets go of the requests
	rs.steps, rs.lines = rs.steps[:0], rs.lines[:0]
}
