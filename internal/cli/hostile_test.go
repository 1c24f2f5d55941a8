// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"io"
	"runtime"
	"strings"
	"testing"
)

// repeated gives a text over and over, without keeping it, up to left bytes.
type repeated struct {
	text string
	at   int
	left int
}

func (r *repeated) Read(b []byte) (n int, err error) {
	for n < len(b) && r.left > 0 {
		c := copy(b[n:min(len(b), n+r.left)], r.text[r.at:])
		r.at = (r.at + c) % len(r.text)
		r.left -= c
		n += c
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// allocated returns how many bytes f had allocated in all, collected or not.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Whatever comes on standard input, and however much: a restore ends with a
// message or goes on, and keeps no more than a line.
func TestRestore_endlessInput(t *testing.T) {
	const size = 1 << 20
	for _, tt := range []struct {
		line, text string
		status     int
		err        string
		// read says that all of the input is read.
		read bool
	}{
		{"-R", "x", 2, "line 1: longer than 65536 bytes\n", false},
		{"-R", "\x00", 2, "line 1: longer than 65536 bytes\n", false},
		{"-R", "\x00\n", 2, "line 1: contains a NUL byte, so it is no text\n", false},
		{"-R", "\xff\xfe garbage\n", 255, "line 1: " + tryHelp, false},
		{"-R", "# a comment\n", 255, "line 1: " + tryHelp, false},
		{"-R", "-A -t 10.0.0.1:80\n", 2, "line 1: " + noIPVS, false},
		{"-R", "\n", 0, "", true},
		{"-R", " \t \r\n", 0, "", true},
		{"-R|--atomic", "x", 2, "line 1: longer than 65536 bytes\n", false},
		{"-R|--atomic", "# a comment\n", 2, noIPVS, true},
		{"-R|--atomic", "-A -t 10.0.0.1:80\n", 2, "line 2: service tcp 10.0.0.1:80 stands there twice\n", false},
	} {
		o := newOutside("")
		in := &repeated{text: tt.text, left: size}
		o.Stdin = in
		var status int
		used := allocated(func() { status = o.run(tt.line) })
		if status != tt.status || o.err.String() != tt.err {
			t.Errorf("%s of %q: status %d, %q, want %d, %q", tt.line, tt.text, status, o.err.String(), tt.status, tt.err)
		}
		if read := in.left == 0; read != tt.read {
			t.Errorf("%s of %q: %d bytes are left", tt.line, tt.text, in.left)
		}
		// Each comment is parted into words; blank lines have none.
		if tt.line == "-R" && used > size/2 {
			t.Errorf("%s of %q: %d bytes allocated", tt.line, tt.text, used)
		}
	}
}

// Arguments as large as execve takes them, and numbers that fit nowhere.
func TestRun_hugeArguments(t *testing.T) {
	long, nines := strings.Repeat("x", 64<<10), strings.Repeat("9", 64<<10)
	for _, line := range []string{
		long, "--" + long, "-" + long, "-A|-t|" + long, "-A|-t|10.0.0.1:" + nines, "-A|-f|" + nines,
		"-A|-t|10.0.0.1:80|-p|" + nines, "-A|-t|10.0.0.1:80|-M|" + long, "-A|-t|10.0.0.1:80|-b|" + long,
		"-A|-t|[" + strings.Repeat(":", 64<<10) + "]:80", "-A|-t|10.0.0.1:80|-j|" + long,
		"-a|-t|10.0.0.1:80|-r|" + long, "-a|-t|10.0.0.1:80|-r|10.1.0.1|-w|" + nines,
		"-a|-t|10.0.0.1:80|-r|10.1.0.1|-w|-" + nines, "-a|-t|10.0.0.1:80|-r|10.1.0.1|-x|" + nines,
		"-a|-t|10.0.0.1:80|-r|10.1.0.1|-i|--tun-type|" + long, "-a|-t|10.0.0.1:80|-r|10.1.0.1|-i|--tun-port|" + nines,
		"--set|" + nines + "|1|1", "--start-daemon|" + long, "--start-daemon|master|--syncid|" + nines,
		"--start-daemon|master|--mcast-group|" + long, "--start-daemon|master|--mcast-ttl|" + nines,
		"-P|-t|10.0.0.1:80|-z|" + long, "-P|-t|10.0.0.1:80|-z|0.0.0.0-255.255.255.255", "-K|--zone|" + long,
		"-K|--zone|10.0.0.0/" + nines, "-L" + strings.Repeat("|"+long, 16),
		"-L" + strings.Repeat("|--sort", 16<<10), "-L" + strings.Repeat("|-n", 16<<10),
	} {
		o := newOutside("")
		if status := o.run(line); status == 0 || o.err.Len() == 0 || o.out.Len() > 0 {
			t.Errorf("%.60s...: status %d, %.60q", line, status, o.err.String())
		}
	}
	// Names are cut to the room that ipvsadm has for them.
	o := newOutside("")
	if o.run("-A|-t|10.0.0.1:80|-s|" + long); o.err.String() != noIPVS {
		t.Errorf("a long scheduler: %.60q", o.err.String())
	}
}
