// SPDX-License-Identifier: Apache-2.0

// Command bench makes a report of what the scenes of "make bench" have said, and
// holds it against the stored bounds.
//
//	bench -kernel NAME -out DIR [-bounds FILE [-store|-partial]] LOG...
//
// A LOG is what test/vm/run.sh -v prints, behind a line "# commit ID" and, for the
// kernel that runs as a program, "# native"; a figure of a later one replaces that
// of an earlier one. DIR gets results.json, results.md and a
// plot for each case; with -store the bounds of this kernel are made anew. It
// fails when a ratio is above its bound, or one that has a bound is missing in a
// case that was measured (but for -partial).
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	kernel := flag.String("kernel", "", "its name in test/vm/kernels.txt")
	out := flag.String("out", ".", "folder for the report")
	boundsFile := flag.String("bounds", "", "file of bounds")
	store := flag.Bool("store", false, "write the bounds of this kernel anew")
	partial := flag.Bool("partial", false, "not all sides were measured")
	flag.Parse()
	report := document{Schema: schemaVersion, Kernel: *kernel}
	for _, name := range flag.Args() {
		if err := report.readLog(name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if len(report.Results) == 0 {
		return fmt.Errorf("no figures in %v", flag.Args())
	}
	report.addMeans()
	report.subtractBases()
	report.addRatios()
	if err := report.write(*out); err != nil {
		return err
	}
	if *boundsFile == "" {
		return nil
	}
	bounds, err := readBounds(*boundsFile)
	if err != nil {
		return err
	}
	if *store {
		return bounds.store(*boundsFile, &report)
	}
	return bounds.check(&report, *partial)
}

func (d *document) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	text, err := json.MarshalIndent(d, "", "\t")
	if err != nil {
		return err
	}
	plots := d.plots()
	files := map[string][]byte{"results.json": append(text, '\n'), "results.md": []byte(d.markdown(plots))}
	for _, p := range plots {
		files[p.file] = []byte(p.svg)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
