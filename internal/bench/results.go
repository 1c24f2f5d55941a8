// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// schemaVersion changes when a member of results.json changes its meaning.
const schemaVersion = 1

// document is results.json.
type document struct {
	Schema  int      `json:"schema"`
	Commits []string `json:"commits"` // with "+": and what was not committed
	Kernel  string   `json:"kernel"`
	Release string   `json:"release"` // what uname -r says
	Results []result `json:"results"`
}

// result is one figure.
type result struct {
	Case   string `json:"case"`   // what is measured
	Side   string `json:"side"`   // by what it is done
	Family string `json:"family"` // "4", "6", "-"
	Way    string `json:"way"`    // forward, reply, mean of these, or what the case says
	At     string `json:"at"`     // NAME=NUMBER,...: how many of what
	Unit   string `json:"unit"`
	// Measured is the figure as it came; Value is without what the case's base
	// costs (sides "dropped" and "direct"), where it has one.
	Measured float64 `json:"measured"`
	Value    float64 `json:"value"`
	// Ratios of Value to that of the peers of the same case, family, way and
	// parameters; "least": to that of this side with the least parameter.
	Ratios map[string]float64 `json:"ratios,omitempty"`
}

// bases are the sides that others are measured from.
var bases = []string{"dropped", "direct"}

// peers are the sides that others are compared with.
var peers = []string{"routing", "nat", "masquerade", "nft-snat", "nft-synproxy", "ipvsadm"}

var (
	figureLine  = regexp.MustCompile(`^\s*# figure (\S+) (\S+) (\S+) (\S+) (\S+) (\S+)(?: (\S+))?$`)
	commitLine  = regexp.MustCompile(`^# commit (\S+)$`)
	releaseLine = regexp.MustCompile(`^\s*# kernel (\S+), up `)
)

func (d *document) readLog(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := strings.TrimRight(lines.Text(), "\r")
		if m := releaseLine.FindStringSubmatch(line); m != nil {
			if d.Release != "" && d.Release != m[1] {
				return fmt.Errorf("figures of two kernels, %s and %s", d.Release, m[1])
			}
			d.Release = m[1]
		}
		if m := commitLine.FindStringSubmatch(line); m != nil && !slices.Contains(d.Commits, m[1]) {
			d.Commits = append(d.Commits, m[1])
		}
		if err := d.readFigure(line); err != nil {
			return fmt.Errorf("%q: %w", line, err)
		}
	}
	return lines.Err()
}

func (d *document) readFigure(line string) error {
	m := figureLine.FindStringSubmatch(line)
	if m == nil {
		return nil
	}
	value, err := strconv.ParseFloat(m[6], 64)
	if err != nil {
		return err
	}
	r := result{Case: m[1], Side: m[2], Family: m[3], Way: m[4], At: m[7], Unit: m[5], Measured: value, Value: value}
	if old := d.find(r, r.Side, r.Way, r.At); old != nil {
		*old = r
		return nil
	}
	d.Results = append(d.Results, r)
	return nil
}

// find is the figure of another side, way or parameter that is otherwise like r.
func (d *document) find(r result, side, way, at string) *result {
	for i := range d.Results {
		o := &d.Results[i]
		if o.Case == r.Case && o.Family == r.Family && o.Side == side && o.Way == way && o.At == at {
			return o
		}
	}
	return nil
}

// addMeans adds the mean of both ways.
func (d *document) addMeans() {
	for _, r := range slices.Clone(d.Results) {
		if r.Way != "reply" {
			continue
		}
		if forward := d.find(r, r.Side, "forward", r.At); forward != nil {
			r.Measured = (r.Measured + forward.Measured) / 2
			r.Way, r.Value = "mean", r.Measured
			d.Results = append(d.Results, r)
		}
	}
}

func (d *document) subtractBases() {
	for i := range d.Results {
		r := &d.Results[i]
		for _, base := range bases {
			if b := d.find(*r, base, r.Way, r.At); b != nil && r.Side != base {
				r.Value = r.Measured - b.Measured
			}
		}
	}
}

func (d *document) addRatios() {
	for i := range d.Results {
		r := &d.Results[i]
		if slices.Contains(bases, r.Side) {
			continue
		}
		r.Ratios = map[string]float64{}
		for _, peer := range peers {
			if p := d.find(*r, peer, r.Way, r.At); p != nil && p != r && p.Value > 0 {
				r.Ratios[peer] = round(r.Value / p.Value)
			}
		}
		if least := d.least(*r); least != nil && least != r && least.Value > 0 {
			r.Ratios["least"] = round(r.Value / least.Value)
		}
	}
}

// least is the first figure of the same side of a case with several parameters;
// scenes begin with the least.
func (d *document) least(r result) *result {
	for i := range d.Results {
		o := &d.Results[i]
		if o.Case == r.Case && o.Family == r.Family && o.Side == r.Side && o.Way == r.Way {
			return o
		}
	}
	return nil
}

// round to what is repeatable.
func round(ratio float64) float64 {
	n, _ := strconv.ParseFloat(strconv.FormatFloat(ratio, 'f', 3, 64), 64)
	return n
}

// cases in the order in which they came.
func (d *document) cases() []string {
	return distinct(d.Results, func(r result) string { return r.Case })
}

func distinct(results []result, of func(result) string) []string {
	var all []string
	for _, r := range results {
		if word := of(r); !slices.Contains(all, word) {
			all = append(all, word)
		}
	}
	return all
}

// of are the figures of a case.
func (d *document) of(name string) []result {
	var all []result
	for _, r := range d.Results {
		if r.Case == name {
			all = append(all, r)
		}
	}
	return all
}
