// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"

	"github.com/ipvs-fullnat/ipvs-fullnat/internal/spec"
)

// noNames knows no name.
type noNames struct{}

func (noNames) HostAddr(string) (netip.Addr, bool)        { return netip.Addr{}, false }
func (noNames) ServicePort(string, uint16) (uint16, bool) { return 0, false }
func (noNames) AddrName(netip.Addr) (string, bool)        { return "", false }
func (noNames) PortName(uint16, uint16) (string, bool)    { return "", false }

// outside is an Env without IPVS.
type outside struct {
	Env
	out, err bytes.Buffer
	probed   []string
}

func newOutside(stdin string) *outside {
	o := &outside{}
	o.Env = Env{
		Stdin: strings.NewReader(stdin), Stdout: &o.out, Stderr: &o.err, Names: noNames{},
		Dial: func(context.Context) (*np.Client, error) {
			return nil, &np.KernelError{Op: "get IPVS information", Errno: syscall.EPERM}
		},
		Modprobe: func(m string) error { o.probed = append(o.probed, m); return errors.New("no") },
		Loaded:   func(string) bool { return false },
	}
	return o
}

// run runs a line; "|" parts its words.
func (o *outside) run(line string) int {
	args := []string{"ipvsadm"}
	if line != "" {
		args = append(args, strings.Split(line, "|")...)
	}
	return Run(context.Background(), args, &o.Env)
}

const (
	tryHelp = "Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n"
	noIPVS  = "Can't initialize ipvs: Permission denied (you must be root)\n" +
		"Are you sure that IP Virtual Server is built in the kernel or as module?\n"
)

func TestRun_mistakes(t *testing.T) {
	tests := []struct {
		line   string
		status int
		err    string
	}{
		{"", 2, noIPVS},
		{"-L", 2, noIPVS},
		{"-A|-t|10.0.0.1:80|-p|360|-s|rr", 2, noIPVS},
		{"-n", 255, tryHelp},
		{"foo", 255, tryHelp},
		{"--start-daemon", 255, tryHelp},
		{"-A|-D", 2, "invalid option `-D'\n"},
		{"-Ln|-h", 2, "invalid option `-h'\n"},
		{"-A|-t|10.0.0.1:80|-v", 2, "invalid option `-v'\n"},
		{"-n|-h", 255, tryHelp},
		{"--bogus|--help", 255, tryHelp},
		{"--version=3", 255, tryHelp},
		{"-h=1", 255, tryHelp},
		{"--|-v", 255, tryHelp},
		{"-L|--start-daemon|master", 2, "invalid option `master'\n"},
		{"-L|-q", 255, "-q: unknown option\n"},
		{"-A|-t", 255, "-t: missing argument\n"},
		{"-L|-n=1", 255, "-n=1: option does not take an argument\n"},
		{"-L|foo", 2, "unexpected argument foo\n"},
		{"-L|-n|-n", 2, "multiple 'numeric' options specified\n"},
		{"-A", 2, "You need to supply the 'service-address' option for the 'add-service' command\n"},
		{"-C|-n", 2, "Illegal 'numeric' option with the 'flush' command\n"},
		{"-L|-c|--daemon", 2, "The option 'daemon' conflicts with the 'connection' option in the 'list' command\n"},
		{"-L|-c|--stats", 2, "options conflicts in the list command\n"},
		{"-A|-t|80", 2, "illegal virtual server address[:port] specified\n"},
		{"-A|-t|10.0.0.1", 2, "Zero port specified for non-persistent service\n"},
		{"-A|--sctp-service|0.0.0.0:0", 2, "Zero port specified for non-persistent service\n"},
		{"-A|-t|10.0.0.1:80|-o", 2, "One-Packet Scheduling is only for UDP virtual services\n"},
		{"-A|-6", 2, "-6 used before -f\n\n"},
		{"-A|-t|10.0.0.1:80|-p|0", 2, "invalid timeout value `0' specified\n"},
		{"--set|1|2", 2, "--set option requires 3 timeout values\n"},
		{"--set|1|2|3|4", 2, "unexpected argument 4\n"},
		{"--start-daemon|x", 2, "illegal start-daemon parameter specified\n"},
		{"--stop-daemon|x", 2, "illegal start_daemon specified\n"},
		{"-a|-t|10.0.0.1:80|-r|[::1]:80", 2, "Different address family is allowed only for tunneling servers\n"},
		{"-a|-t|10.0.0.1:80|-r|10.1.0.1|--tun-csum", 2, "Tunnel options conflict with forward method\n"},
		{"-a|-t|10.0.0.1:80|-r|10.1.0.1|-i|--tun-type|gue", 2,
			"You need to supply the 'tun-port' option for the 'gue' tunnel type\n"},

		{"-A|-t|10.0.0.1:80|-j|on", 2, "synproxy switch must be enable or disable\n"},
		{"-A|-u|10.0.0.1:80|-j|enable", 2, "synproxy is only for TCP virtual services\n"},
		{"--drain|-n", 2, "Illegal 'numeric' option with the 'drain' command\n"},
		{"--drain|-t|10.0.0.1:80", 2, "Illegal 'service-address' option with the 'drain' command\n"},
		{"--drain|now", 2, "unexpected argument now\n"},
		{"--drain", 2, noIPVS},
		{"-P|-z|10.0.0.1", 2, "You need to supply the 'service-address' or the 'zone' option for the 'add-laddr' command\n"},
		{"-P|-t|10.0.0.1:80", 2, "You need to supply the 'local-address' option for the 'add-laddr' command\n"},
		{"-P|-t|10.0.0.1:80|--zone|10.0.0.0/8|-z|10.0.0.1", 2,
			"The option 'zone' conflicts with the 'service-address' option in the 'add-laddr' command\n"},
		{"-P|-t|10.0.0.1:80|-z|::1", 2, "local address ::1 is not IPv4 like its service\n"},
		{"-U|--zone|2001:db8::/32|-z|10.0.0.1", 2, "local address 10.0.0.1 is not IPv6 like its zone\n"},
		{"-K|--zone|10.1.0.0/8", 2, "illegal zone `10.1.0.0/8': host bits set, the network is 10.0.0.0/8\n"},
		{"-Q|-t|10.0.0.1:80|-z|x", 2,
			"illegal local address `x': not an address, give 192.168.1.5 or 192.168.1.5-192.168.1.9\n"},
		{"-P|-t|10.0.0.1:80|-z|10.0.0.0-10.0.255.255|-z|10.1.0.1", 2, "more than 65536 local addresses on one line\n"},
		{"-a|-t|10.0.0.1:80|-r|10.1.0.1|-b", 2, noIPVS},
		{"-a|-t|10.0.0.1:80|-r|10.1.0.1|-b|-m", 2, "multiple 'forwarding-method' options specified\n"},
		{"-A|-t|10.0.0.1:80|--fullnat", 2, "Illegal 'forwarding-method' option with the 'add-service' command\n"},
	}
	for _, tt := range tests {
		o := newOutside("")
		status := o.run(tt.line)
		if status != tt.status || o.err.String() != tt.err || o.out.Len() > 0 {
			t.Errorf("%s: status %d, want %d; got %q, want %q; printed %q",
				tt.line, status, tt.status, o.err.String(), tt.err, o.out.String())
		}
	}
}

// Help and version need no kernel, and as in ipvsadm nothing of what stands
// behind them is looked at.
func TestRun_helpAndVersion(t *testing.T) {
	for line, usage := range map[string]bool{
		"-h": true, "--help": true, "-h|-v": true, "-hv": true, "-hq": true, "-h|foo": true, "foo|-h": true,
		"--help|--bogus": true, "-h|-": true, "-h|-A|-t|10.0.0.1:80": true,
		"-v": false, "--version": false, "-v|-h": false, "-v|-n": false, "-vn": false, "-v|-t": false,
		"-v|-v": false, "-v|foo": false, "foo|-v": false, "-v|--|x": false, "-v|--weight": false,
	} {
		o := newOutside("")
		if status := o.run(line); status != 0 || o.err.Len() > 0 || o.probed != nil ||
			!strings.HasPrefix(o.out.String(), stockVersion+"\n") ||
			strings.Contains(o.out.String(), "\nUsage:\n") != usage {
			t.Errorf("%s: status %d, %q, %q", line, status, o.out.String(), o.err.String())
		}
	}
}

// A restore ends with the usage, too.
func TestRestore_help(t *testing.T) {
	o := newOutside("-v -n\n-L\n")
	if status := o.run("-R"); status != 0 || o.err.Len() > 0 || !strings.HasPrefix(o.out.String(), stockVersion+"\n") {
		t.Errorf("status %d, %q, %q", status, o.out.String(), o.err.String())
	}
}

func TestRun_loadsModule(t *testing.T) {
	o := newOutside("")
	o.run("-L")
	if fmt.Sprint(o.probed) != "[ip_vs]" {
		t.Errorf("modprobe of %v", o.probed)
	}
}

func TestRestore_badInput(t *testing.T) {
	for in, want := range map[string]string{
		"\n-A -t 80\n":                             "line 2: illegal virtual server address[:port] specified\n",
		"-L\x00-n\n":                               "line 1: contains a NUL byte, so it is no text\n",
		"\n\n" + strings.Repeat("x", 1<<20):        "line 3: longer than 65536 bytes\n",
		"-A -q\n-R\n":                              "line 1: -q: unknown option\nline 2: " + tryHelp,
		"ipvsadm\n# comment\n":                     "line 2: " + tryHelp,
		"ipvsadm -A -t 10.0.0.1 # x\n":             "line 1: unexpected argument #\n",
		"  ipvsadm-go -A \t-t 10.0.0.1:80 x\r\n\n": "line 1: unexpected argument x\n",
		"-A -t 10.0.0.1:80 -s rr":                  "line 1: " + noIPVS,
	} {
		o := newOutside(in)
		if status := o.run("-R"); status == 0 || o.err.String() != want {
			t.Errorf("%.40q: status %d, got %q, want %q", in, status, o.err.String(), want)
		}
	}
}

// brokenReader is a standard input that fails.
type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestRestore_brokenInput(t *testing.T) {
	o := newOutside("")
	o.Stdin = brokenReader{}
	if status := o.run("-R"); status != 2 || !strings.Contains(o.err.String(), "cannot read standard input") {
		t.Errorf("status %d, %q", status, o.err.String())
	}
	o = newOutside("")
	if status := o.run("-R"); status != 0 || o.err.Len() > 0 {
		t.Errorf("empty input: status %d, %q", status, o.err.String())
	}
}

// stepsOf returns what a line asks of a kernel with our module.
func stepsOf(t *testing.T, line string) ([]step, error) {
	t.Helper()
	yes := true
	s := &session{env: &Env{Names: noNames{}}, ctx: context.Background(), program: "ipvsadm",
		fullnat: &yes, synProxied: map[np.ServiceKey]bool{},
		onePacket: map[np.ServiceKey]bool{np.TCPService(netip.MustParseAddrPort("10.0.0.1:80")): false}}
	l, r, err := s.split(strings.Fields(line))
	if err == nil {
		err = s.takeCommand(r, l.Tokens[0])
	}
	if err == nil {
		err = r.apply(l.Tokens[1:])
	}
	if err == nil {
		err = r.finish(l.Words, l.Err)
	}
	if err != nil {
		return nil, err
	}
	steps, err := r.cmd.steps(s, r)
	for _, st := range steps {
		err = errors.Join(err, st.req.Err())
	}
	return steps, err
}

// inWords names the requests of steps.
func inWords(steps []step) string {
	words := make([]string, len(steps))
	for i, st := range steps {
		words[i] = st.req.String()
	}
	return strings.Join(words, "; ")
}

func TestSteps(t *testing.T) {
	for line, want := range map[string]string{
		"-A -t 10.0.0.1:80":                                  "add service tcp 10.0.0.1:80",
		"-A -t 10.0.0.1:80 -j enable":                        "add service tcp 10.0.0.1:80; set extension of service tcp 10.0.0.1:80",
		"-A -t 10.0.0.1:80 -j disable":                       "add service tcp 10.0.0.1:80",
		"-E -t 10.0.0.1:80":                                  "edit service tcp 10.0.0.1:80",
		"-E -t 10.0.0.1:80 -j disable":                       "edit service tcp 10.0.0.1:80; set extension of service tcp 10.0.0.1:80",
		"-A -t 0.0.0.0:0 -s rr":                              "add service tcp 0.0.0.0:0; set extension of service tcp 0.0.0.0:0",
		"-A -t 0.0.0.0:0 -p 9 -j disable":                    "add service tcp 0.0.0.0:0; set extension of service tcp 0.0.0.0:0",
		"-E -t 0.0.0.0:0 -p 9 -j disable":                    "edit service tcp 0.0.0.0:0; set extension of service tcp 0.0.0.0:0",
		"-A --sctp-service 0.0.0.0:0 -p 9":                   "add service sctp 0.0.0.0:0",
		"-E --sctp-service 10.0.0.1:80":                      "edit service sctp 10.0.0.1:80",
		"-D --sctp-service 10.0.0.1:80":                      "delete service sctp 10.0.0.1:80",
		"-D -t 10.0.0.1:80":                                  "delete service tcp 10.0.0.1:80; delete extension of service tcp 10.0.0.1:80",
		"-D -f 1 -6":                                         "delete service fwmark 1 IPv6; delete extension of service fwmark 1 IPv6",
		"-C":                                                 "flush services; flush service extensions",
		"-Z":                                                 "zero all services",
		"-Z -t 0.0.0.0:0":                                    "zero all services",
		"-Z --sctp-service 0.0.0.0:0":                        "zero all services",
		"-Z -t 10.0.0.1:80":                                  "zero service tcp 10.0.0.1:80",
		"-a -t 10.0.0.1:80 -r 10.1.0.1:8080 -b":              "add server 10.1.0.1:8080 of tcp 10.0.0.1:80",
		"-a -t 10.0.0.1:80 -r 10.1.0.1:8080":                 "add server 10.1.0.1:80 of tcp 10.0.0.1:80",
		"-e -t 10.0.0.1:80 -r 10.1.0.1 -b":                   "edit server 10.1.0.1:80 of tcp 10.0.0.1:80",
		"-d -t 10.0.0.1:80 -r 10.1.0.1":                      "delete server 10.1.0.1:80 of tcp 10.0.0.1:80",
		"--set 1 2 3":                                        "set timeouts",
		"--start-daemon master":                              "start sync daemon master",
		"--stop-daemon=backup":                               "stop sync daemon backup",
		"-P -t 10.0.0.1:80 -z 10.0.0.1-10.0.0.2 -z 10.2.0.1": "add local address 10.0.0.1 of tcp 10.0.0.1:80; add local address 10.0.0.2 of tcp 10.0.0.1:80; add local address 10.2.0.1 of tcp 10.0.0.1:80",
		"-Q -t 10.0.0.1:80 -z 10.0.0.1":                      "delete local address 10.0.0.1 of tcp 10.0.0.1:80",
		"-P --zone 10.0.0.0/8 -z 10.0.0.1":                   "add local address 10.0.0.1 of zone 10.0.0.0/8",
		"-U --zone 10.0.0.0/8 -z 10.0.0.1":                   "add local address 10.0.0.1 of zone 10.0.0.0/8",
		"-W --zone 10.0.0.0/8 -z 10.0.0.1":                   "delete local address 10.0.0.1 of zone 10.0.0.0/8",
		"-K --zone 10.0.0.0/8":                               "add zone 10.0.0.0/8",
		"-V --zone 10.0.0.0/8":                               "delete zone 10.0.0.0/8",
		"--drain":                                            "drain FULLNAT connections",
	} {
		steps, err := stepsOf(t, line)
		if got := inWords(steps); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", line, got, err, want)
		}
	}
}

// What the module refuses is taken back from stock IPVS, so that the line can be
// given again, and the message is not that of stock's refusals.
func TestSteps_moduleRefuses(t *testing.T) {
	for line, want := range map[string]string{
		"-A -t 0.0.0.0:0 -s rr":           "delete service tcp 0.0.0.0:0",
		"-A -u [::]:0 -s rr":              "delete service udp [::]:0",
		"-A -t 0.0.0.0:0 -s rr -j enable": "delete service tcp 0.0.0.0:0",
		"-A -t 10.0.0.1:80 -j enable":     "delete service tcp 10.0.0.1:80",
		"-E -t 0.0.0.0:0 -s rr":           "",
	} {
		steps, err := stepsOf(t, line)
		if err != nil || len(steps) != 2 {
			t.Errorf("%s: %q, %v", line, inWords(steps), err)
			continue
		}
		last, undo := steps[1], ""
		if last.undo != nil {
			undo = last.undo.String()
		}
		if undo != want || !last.chained {
			t.Errorf("%s: taken back by %q, want %q", line, undo, want)
		}
		if got := explain(last.op, syscall.EOPNOTSUPP); got != "Not supported by the ip_vs_fullnat that is loaded" {
			t.Errorf("%s: %s", line, got)
		}
	}
}

// The bits are spec's and the library's; they must be the kernel's.
func TestSchedFlagBits(t *testing.T) {
	for ours, theirs := range map[uint32]np.ServiceFlags{
		spec.SchedFlag1: np.FlagSched1, spec.SchedFlag2: np.FlagSched2, spec.SchedFlag3: np.FlagSched3,
	} {
		if ours != uint32(theirs) {
			t.Errorf("%#x is not %#x", ours, theirs)
		}
	}
}

func TestExplain(t *testing.T) {
	for _, tt := range []struct {
		op   operation
		err  error
		want string
	}{
		{opAddServer, syscall.ESRCH, "Service not defined"},
		{opDelService, syscall.ESRCH, "No such service"},
		{opAddLocal, syscall.ESRCH, "Service not defined"},
		{opOther, syscall.EINVAL, "Invalid operation.  Possibly wrong module version, address not unicast, ..."},
		{opOther, syscall.ENODEV, "No such device"},
		{opAddServer, syscall.EOPNOTSUPP, "Operation not supported with IPv6"},
		{opAddZone, &np.KernelError{Op: "x", Errno: syscall.EOPNOTSUPP}, "Not supported by the ip_vs_fullnat that is loaded"},
		{opSynProxy, &np.KernelError{Op: "x", Errno: syscall.EOPNOTSUPP, Msg: "why"}, "Not supported by the ip_vs_fullnat that is loaded (why)"},
		{opAddLocal, &np.KernelError{Op: "x", Errno: syscall.EEXIST, Msg: "why"}, "Local address already exists (why)"},
		{opOther, fmt.Errorf("wrapped: %w", &np.KernelError{Errno: syscall.EPERM}), "Permission denied (you must be root)"},
		{opOther, io.EOF, "EOF"},
	} {
		if got := explain(tt.op, tt.err); got != tt.want {
			t.Errorf("%d %v: %q, want %q", tt.op, tt.err, got, tt.want)
		}
	}
}

// Every command and option has a line in the help.
func TestHelp_complete(t *testing.T) {
	o := newOutside("")
	o.run("-h")
	for _, opt := range options {
		if !strings.Contains(o.out.String(), "--"+opt.Long) {
			t.Errorf("the help lacks --%s", opt.Long)
		}
	}
}

// FuzzRun holds that no line makes the program crash, and that a refusal says
// something.
func FuzzRun(f *testing.F) {
	for _, s := range []string{"-A|-t|10.0.0.1:80", "-Ln", "--set|1|2|3", "-P|-t|1.1.1.1:1|-z|::-::9", "-a|-b|-f|1|-6|-r|::1"} {
		f.Add(s, "-A -t 10.0.0.1:80\n")
	}
	f.Fuzz(func(t *testing.T, line, stdin string) {
		o := newOutside(stdin)
		if status := o.run(line); status != 0 && o.err.Len() == 0 {
			t.Errorf("%q with %q: status %d and no word", line, stdin, status)
		}
	})
}
