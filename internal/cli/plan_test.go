// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"strings"
	"testing"
)

// tablesOf reads lines as a restore with --atomic does.
func tablesOf(t *testing.T, text string) *tables {
	t.Helper()
	s := &session{env: &Env{Names: noNames{}}, program: "ipvsadm"}
	want, err := readText(s, text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return want
}

func readText(s *session, text string) (*tables, error) {
	t := newTables()
	for _, line := range strings.Split(text, "\n") {
		if args := splitLine([]byte(line)); len(args) > 0 {
			if err := t.line(s, args); err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

const fullTable = `-A -t 10.0.0.1:80 -s rr -p 300 -M 255.255.0.0 -j enable
-a -t 10.0.0.1:80 -r 10.1.0.1:8080 -b -w 5 -x 9 -y 3
-a -t 10.0.0.1:80 -r 10.1.0.2:8080 -b
-A -f 7 -6 -s sh -b sh-port
-a -f 7 -6 -r [2001:db8::1]:0 -i --tun-type gue --tun-port 6080
-P -t 10.0.0.1:80 -z 10.2.0.1-10.2.0.3
-K --zone 10.0.0.0/8
-U --zone 10.0.0.0/8 -z 10.3.0.1
-K --zone 0.0.0.0/0`

func TestMakePlan(t *testing.T) {
	const base = "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1"
	const udp = "-A -u 10.0.0.1:53 -s rr\n-a -u 10.0.0.1:53 -r 10.1.0.1:53"
	tests := []struct{ name, have, want, plan string }{
		{"nothing to do", fullTable, fullTable, ""},
		{"from nothing", "", base, base},
		{"to nothing", base + "\n-K --zone 10.0.0.0/8", "", "-D -t 10.0.0.1:80\n-V --zone 10.0.0.0/8"},
		{"weight", base, strings.Replace(base, "-w 1", "-w 0", 1), "-e -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 0"},
		{"method", base, strings.Replace(base, "-m", "-b", 1), "-e -t 10.0.0.1:80 -r 10.1.0.1:80 -b -w 1"},
		{"thresholds", base, base + " -x 5", "-e -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1 -x 5"},
		{"scheduler", base, strings.Replace(base, "rr", "wlc", 1), "-E -t 10.0.0.1:80 -s wlc"},
		{"persistence", base, strings.Replace(base, "rr", "rr -p 9", 1), "-E -t 10.0.0.1:80 -s rr -p 9"},
		{"mask of no matter", base, strings.Replace(base, "rr", "rr -M 255.0.0.0", 1), ""},
		{"order of lines", base + "\n-A -f 1", "-A -f 1\n" + base, ""},
		{"server replaced", base, strings.Replace(base, "10.1.0.1", "10.1.0.2", 1),
			"-a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 1\n-d -t 10.0.0.1:80 -r 10.1.0.1:80"},
		{"local addresses", "-A -f 1\n-P -f 1 -z 10.2.0.1-10.2.0.2", "-A -f 1\n-P -f 1 -z 10.2.0.2-10.2.0.3",
			"-P -f 1 -z 10.2.0.3\n-Q -f 1 -z 10.2.0.1"},
		{"synproxy on", base, "-A -t 10.0.0.1:80 -s rr -j enable\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -b",
			"-e -t 10.0.0.1:80 -r 10.1.0.1:80 -b -w 1\n-E -t 10.0.0.1:80 -s rr -j enable"},
		{"synproxy off", "-A -t 10.0.0.1:80 -s rr -j enable\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -b", base,
			"-E -t 10.0.0.1:80 -s rr -j disable\n-e -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1"},
		{"one-packet on", udp + " -b", strings.Replace(udp, "rr", "rr -o", 1) + " -m",
			"-e -u 10.0.0.1:53 -r 10.1.0.1:53 -m -w 1\n-E -u 10.0.0.1:53 -s rr -o"},
		{"one-packet off", strings.Replace(udp, "rr", "rr -o", 1) + " -m", udp + " -b",
			"-E -u 10.0.0.1:53 -s rr\n-e -u 10.0.0.1:53 -r 10.1.0.1:53 -b -w 1"},
		{"one-packet for synproxy", "-A -f 1 -j enable\n-a -f 1 -r 10.1.0.1:0 -b", "-A -f 1 -s rr -o\n-a -f 1 -r 10.1.0.1:0 -m",
			"-E -f 1 -s rr -j disable\n-e -f 1 -r 10.1.0.1:0 -m -w 1\n-E -f 1 -s rr -o"},
		{"synproxy for one-packet", "-A -f 1 -o\n-a -f 1 -r 10.1.0.1:0 -m", "-A -f 1 -j enable\n-a -f 1 -r 10.1.0.1:0 -b",
			"-E -f 1 -s wlc\n-e -f 1 -r 10.1.0.1:0 -b -w 1\n-E -f 1 -s wlc -j enable"},
		{"service to any port", base, strings.Replace(strings.ReplaceAll(base, "0.1:80 ", "0.1:0 "), "rr", "rr -p 9", 1),
			"-A -t 10.0.0.1:0 -s rr -p 9\n-a -t 10.0.0.1:0 -r 10.1.0.1:0 -m -w 1\n-D -t 10.0.0.1:80"},
		{"service to a mark", base + "\n-K --zone 10.0.0.0/8", "-A -f 1 -s rr\n-a -f 1 -r 10.1.0.1:0 -m\n-K --zone 11.0.0.0/8",
			"-A -f 1 -s rr\n-a -f 1 -r 10.1.0.1:0 -m -w 1\n-K --zone 11.0.0.0/8\n-D -t 10.0.0.1:80\n-V --zone 10.0.0.0/8"},
		{"zone behind", "-K --zone 10.0.0.0/8", "-K --zone 10.0.0.0/8\n-K --zone 11.0.0.0/8", "-K --zone 11.0.0.0/8"},
		{"zone before", "-K --zone 10.0.0.0/8\n-U --zone 10.0.0.0/8 -z 10.3.0.1",
			"-K --zone 11.0.0.0/8\n-K --zone 10.0.0.0/8\n-U --zone 10.0.0.0/8 -z 10.3.0.1",
			"-K --zone 11.0.0.0/8\n-V --zone 10.0.0.0/8\n-K --zone 10.0.0.0/8\n-U --zone 10.0.0.0/8 -z 10.3.0.1"},
		{"zone address", "-K --zone 10.0.0.0/8\n-U --zone 10.0.0.0/8 -z 10.3.0.1",
			"-K --zone 10.0.0.0/8\n-U --zone 10.0.0.0/8 -z 10.3.0.2",
			"-U --zone 10.0.0.0/8 -z 10.3.0.2\n-W --zone 10.0.0.0/8 -z 10.3.0.1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plan := strings.Join(makePlan(tablesOf(t, tt.have), tablesOf(t, tt.want)), "\n")
			if plan != tt.plan {
				t.Errorf("got\n%s\nwant\n%s", plan, tt.plan)
			}
		})
	}
}

// A plan from nothing describes the table that it makes.
func TestMakePlan_roundTrip(t *testing.T) {
	want := tablesOf(t, fullTable)
	lines := strings.Join(makePlan(tablesOf(t, ""), want), "\n")
	if left := makePlan(tablesOf(t, lines), want); len(left) > 0 {
		t.Errorf("the plan\n%s\nleaves\n%s", lines, strings.Join(left, "\n"))
	}
}

func TestAtomic_mistakes(t *testing.T) {
	for in, want := range map[string]string{
		"-A -f 1\n-A -f 1":       "service fwmark 1 IPv4 stands there twice",
		"-a -f 1 -r 10.0.0.1 -m": "service fwmark 1 IPv4 is not added by a line before",
		"-A -f 1\n-D -f 1":       "--atomic takes -A, -a, -P, -K and -U alone, not 'delete-service'",
		"-A -f 1\n-a -f 1 -r 10.0.0.1:1\n-a -f 1 -r 10.0.0.1:1":              "real server 10.0.0.1:1 of fwmark 1 IPv4 stands there twice",
		"-A -f 1" + strings.Repeat("\n-P -f 1 -z 10.0.0.0-10.0.255.255", 17): "more than 1048576 services, real servers, local addresses and zones",
		"-K --zone 10.0.0.0/8\n-K --zone 10.0.0.0/8":                         "zone 10.0.0.0/8 stands there twice",
		"-U --zone 10.0.0.0/8 -z 10.0.0.1":                                   "zone 10.0.0.0/8 is not added by a line before",
		"-A -u 10.0.0.1:53 -o\n-a -u 10.0.0.1:53 -r 10.0.0.1 -b":             "FULLNAT does not go with one-packet scheduling",
		"-A -t 10.0.0.1:80 -j enable\n-a -t 10.0.0.1:80 -r 10.0.0.1 -m":      "the service has synproxy enabled, which needs FULLNAT real servers",
		"foo":     "no command",
		"-A -f 0": "invalid fwmark value `0' specified",
	} {
		_, err := readText(&session{env: &Env{Names: noNames{}}}, in)
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
		// The whole program says the line, and asks no kernel.
		o := newOutside("# a comment\n" + in)
		if status := o.run("-R|--atomic"); status != exitUsage || !strings.Contains(o.err.String(), ": "+want) ||
			!strings.HasPrefix(o.err.String(), "line ") || o.probed != nil {
			t.Errorf("%q: status %d, %s", in, status, o.err.String())
		}
	}
}

func TestTables_usesFullNAT(t *testing.T) {
	for in, want := range map[string]bool{
		"": false,
		"-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 10.1.0.1 -m": false,
		"-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 10.1.0.1 -b": true,
		"-A -t 10.0.0.1:80 -j enable":                         true,
		"-A -f 1\n-P -f 1 -z 10.2.0.1":                        true,
		"-K --zone 10.0.0.0/8":                                true,
		// Stock takes what is persistent.
		"-A -t 0.0.0.0:0 -s rr -p":    false,
		"-A -t 0.0.0.0:0 -s rr":       true,
		"-A -u [::]:0 -s rr":          true,
		"-A -t 10.0.0.1:0 -s rr -p 9": false,
	} {
		if got := tablesOf(t, in).usesFullNAT(); got != want {
			t.Errorf("%q: %v", in, got)
		}
	}
}
