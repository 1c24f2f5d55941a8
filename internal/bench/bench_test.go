// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const sampleLog = `# commit c
KTAP version 1
# kernel 6.12.1-test, up 2.21 s
    # figure tcp-packet dropped 4 forward instructions/packet 999 size=100
    # figure tcp-packet dropped 4 forward instructions/packet 1000 size=100
    # figure tcp-packet dropped 4 reply instructions/packet 1200 size=100
    # figure tcp-packet routing 4 forward instructions/packet 3000 size=100
    # figure tcp-packet routing 4 reply instructions/packet 3200 size=100
    ok 1 something
    # figure tcp-packet fullnat 4 forward instructions/packet 4000 size=100
    # figure tcp-packet fullnat 4 reply instructions/packet 4200 size=100
    # figure scale fullnat 4 syn instructions/SYN 1000 services=1
    # figure scale fullnat 4 syn instructions/SYN 1500 services=1000
    # figure scale nat 4 syn instructions/SYN 800 services=1
    # figure scale nat 4 syn instructions/SYN 900 services=1000
    # figure tool ipvsadm - restore us 2000
    # figure tool ipvsadm-go - restore us 500
`

func sample(t *testing.T, log string) *document {
	t.Helper()
	file := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(file, []byte(log), 0o644); err != nil {
		t.Fatal(err)
	}
	d := &document{Schema: schemaVersion, Kernel: "6.12"}
	if err := d.readLog(file); err != nil {
		t.Fatal(err)
	}
	d.addMeans()
	d.subtractBases()
	d.addRatios()
	return d
}

func TestRatios(t *testing.T) {
	d := sample(t, sampleLog)
	if d.Release != "6.12.1-test" || len(d.Commits) != 1 || d.Commits[0] != "c" {
		t.Errorf("release %q, commits %q", d.Release, d.Commits)
	}
	r := d.find(result{Case: "tcp-packet", Family: "4"}, "fullnat", "mean", "size=100")
	if r == nil {
		t.Fatal("no mean")
	}
	if r.Measured != 4100 || r.Value != 3000 || r.Ratios["routing"] != 1.5 {
		t.Errorf("%+v", *r)
	}
	r = d.find(result{Case: "scale", Family: "4"}, "fullnat", "syn", "services=1000")
	if r.Ratios["least"] != 1.5 || r.Ratios["nat"] != 1.667 {
		t.Errorf("%+v", *r)
	}
	if r := d.find(result{Case: "tool", Family: "-"}, "ipvsadm-go", "restore", ""); r.Ratios["ipvsadm"] != 0.25 {
		t.Errorf("%+v", *r)
	}
}

// Rounds in which the machine had other things to do: both sides took longer then.
const nativeLog = `# native
# kernel 6.12.1-uml, up 1 s
# figure native-pps routing 4 forward packets/second 400 round=1,size=60
# figure native-pps routing 4 reply packets/second 400 round=1,size=60
# figure native-pps fullnat 4 forward packets/second 200 round=1,size=60
# figure native-pps fullnat 4 reply packets/second 400 round=1,size=60
# figure native-time dropped 4 forward ns/packet 1000 round=1,size=60
# figure native-time routing 4 forward ns/packet 2000 round=1,size=60
# figure native-time fullnat 4 forward ns/packet 3000 round=1,size=60
# figure native-pps fullnat 4 forward packets/second 100 round=2,size=60
# figure native-pps fullnat 4 reply packets/second 200 round=2,size=60
# figure native-pps routing 4 forward packets/second 150 round=2,size=60
# figure native-pps routing 4 reply packets/second 200 round=2,size=60
# figure native-time fullnat 4 forward ns/packet 9000 round=2,size=60
# figure native-time dropped 4 forward ns/packet 3000 round=2,size=60
# figure native-time routing 4 forward ns/packet 6000 round=2,size=60
# figure native-time dropped 4 forward ns/packet 1000 round=3,size=60
# figure native-time routing 4 forward ns/packet 2000 round=3,size=60
# figure native-time fullnat 4 forward ns/packet 2100 round=3,size=60
`

func TestRounds(t *testing.T) {
	d := sample(t, nativeLog)
	if d.Native != "6.12.1-uml" || d.Release != "" {
		t.Errorf("native %q, release %q", d.Native, d.Release)
	}
	r := d.find(result{Case: "native-pps", Family: "4"}, "fullnat", "forward", "size=60")
	if r == nil {
		t.Fatal("no figure of all rounds")
	}
	// 400/200 and 150/100
	if r.Rounds != 2 || r.Value != 150 || r.Ratios["routing"] != 1.75 || r.Quartiles["routing"] != [2]float64{1.625, 1.875} {
		t.Errorf("%+v", *r)
	}
	// As many one way as the other: 266.67 of 400, 133.33 of 171.43.
	r = d.find(*r, "fullnat", "mean", "size=60")
	if r.Value != 200 || r.Ratios["routing"] != 1.393 {
		t.Errorf("%+v", *r)
	}
	// 2000/1000, 6000/3000, 1100/1000
	r = d.find(result{Case: "native-time", Family: "4"}, "fullnat", "forward", "size=60")
	if r.Measured != 3000 || r.Value != 2000 || r.Ratios["routing"] != 2 || r.Quartiles["routing"] != [2]float64{1.55, 2} {
		t.Errorf("%+v", *r)
	}
}

// A scene that is run again begins with round 1, and what it says counts.
func TestRoundsAgain(t *testing.T) {
	d := sample(t, nativeLog+"# figure native-time fullnat 4 forward ns/packet 2500 round=1,size=60\n")
	r := d.find(result{Case: "native-time", Family: "4"}, "fullnat", "forward", "size=60")
	if r.Rounds != 0 || r.Measured != 2500 || r.Ratios["routing"] != 1.5 {
		t.Errorf("%+v", *r)
	}
}

func TestRoundsInTheReport(t *testing.T) {
	d := sample(t, nativeLog)
	text := d.markdown(d.plots())
	for _, want := range []string{
		"kernel 6.12.1-uml as a program",
		"| fullnat | 150 | 300 | 200 | 1.39 (1.34 to 1.45) |",
		"Packets/second, IPv4 size=60; medians of 2 rounds, ratios of time",
		"Ns/packet, IPv4 size=60, above `dropped`; medians of 3 rounds",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestNoBoundsForAClock(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bounds")
	if err := os.WriteFile(file, []byte("# head\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := (bounds{}).store(file, sample(t, nativeLog)); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "# head\n" {
		t.Errorf("%s, %v", text, err)
	}
}

func TestBadLog(t *testing.T) {
	for _, log := range []string{
		"# figure a b 4 way unit many",
		"# kernel 6.1-a, up 1 s\n# kernel 6.12-a, up 1 s\n",
		"# native\n# kernel 6.1-a, up 1 s\n# kernel 6.12-a, up 1 s\n",
		"# figure a b 4 forward ns/packet 1 round=2\n",
		"# figure a b 4 forward ns/packet 1 round=1\n# figure a b 4 forward ns/packet 1 round=3\n",
	} {
		file := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(file, []byte(log), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := new(document).readLog(file); err == nil {
			t.Errorf("%q was taken", log)
		}
	}
}

func TestBounds(t *testing.T) {
	d := sample(t, sampleLog)
	for line, bad := range map[string]bool{
		"* tcp-packet fullnat * mean * routing 1.500":            false,
		"* tcp-packet fullnat * mean * routing 1.499":            true,
		"6.1 tcp-packet fullnat 4 mean * routing 0.1":            false, // of another kernel
		"6.12 tcp-packet fullnat 4 mean size=60 routing 0.1":     false, // of another size
		"6.12 tcp-packet fullnat-fast 4 mean size=100 routing 9": true,  // not measured
		"* udp-packet fullnat * mean * routing 0.1":              false, // nor was its case
		"6.12 scale fullnat 4 syn services=1000 least 1.4":       true,
	} {
		file := filepath.Join(t.TempDir(), "bounds")
		if err := os.WriteFile(file, []byte("# head\n"+line+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		all, err := readBounds(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := all.check(d, false); (err != nil) != bad {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestStore(t *testing.T) {
	d := sample(t, sampleLog)
	file := filepath.Join(t.TempDir(), "bounds")
	kept := "# head\n*\ttcp-packet\tfullnat\t*\tmean\t*\tnat\t1.000\n6.1\ttcp-packet\tfullnat\t4\tmean\tsize=100\trouting\t9.000\n"
	stale := "6.12\ttcp-packet\tgone\t4\tmean\tsize=100\trouting\t9.000\n"
	if err := os.WriteFile(file, []byte(kept+stale), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time changes nothing
		all, err := readBounds(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := all.store(file, d); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(text), kept) || strings.Contains(string(text), "gone") ||
		strings.Count(string(text), "6.12\ttcp-packet\tfullnat\t4\tmean\tsize=100\trouting\t1.575") != 1 {
		t.Errorf("stored:\n%s", text)
	}
	// What was measured holds against what was stored of it; it is the promise
	// for a peer that was not measured that does not.
	all, err := readBounds(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := all[1:].check(d, false); err != nil {
		t.Error(err)
	}
}

func TestReport(t *testing.T) {
	d := sample(t, sampleLog)
	dir := t.TempDir()
	if err := d.write(dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "results.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| fullnat | 3 000 | 3 000 | 3 000 | 1.50 |", "| fullnat | services=1000 | 1 500 | 1.67 | 1.50 |"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	plots, err := filepath.Glob(filepath.Join(dir, "*.svg"))
	if err != nil || len(plots) != 3 {
		t.Fatalf("%v: %v", plots, err)
	}
	for _, file := range plots {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		wellFormed(t, string(text))
	}
}

func wellFormed(t *testing.T, text string) {
	t.Helper()
	if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
		t.Errorf("a place that is none:\n%s", text)
	}
	decoder := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestSteps(t *testing.T) {
	for _, most := range []float64{1, 3, 9.9, 10, 11, 999, 12345, 8e8} {
		all := steps(most)
		if last := all[len(all)-1]; last < most || last > 2.1*most || len(all) > 9 || math.IsNaN(last) {
			t.Errorf("%v: %v", most, all)
		}
	}
}

func TestGrouped(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 999: "999", 1000: "1 000", 1234567: "1 234 567", 1.5: "1.50", 123.6: "124", -1234: "-1 234"} {
		if got := grouped(v); got != want {
			t.Errorf("%v: %q, not %q", v, got, want)
		}
	}
}
