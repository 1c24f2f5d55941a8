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
	// Native is the release of the kernel that ran as a program, for cases that
	// are measured by a real clock.
	Native  string   `json:"native,omitempty"`
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
	// parameters; "least": to that of this side with the least parameter. They
	// are of what it costs: of what is per second the other way round.
	Ratios map[string]float64 `json:"ratios,omitempty"`
	// Rounds is how often it was measured, in turn with the others, where that
	// was more than once. Measured, Value and Ratios are then medians, the last
	// of ratios within a round; Quartiles are the lower and the upper of these.
	Rounds    int                   `json:"rounds,omitempty"`
	Quartiles map[string][2]float64 `json:"quartiles,omitempty"`
	measured  []float64             // of each round
	values    []float64
}

// bases are the sides that others are measured from.
var bases = []string{"dropped", "direct"}

// peers are the sides that others are compared with.
var peers = []string{"routing", "nat", "masquerade", "nft-snat", "nft-synproxy", "ipvsadm"}

var (
	nativeLine  = regexp.MustCompile(`^# native$`)
	roundWord   = regexp.MustCompile(`^round=(\d+),?`)
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
	release := &d.Release
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := strings.TrimRight(lines.Text(), "\r")
		if nativeLine.MatchString(line) {
			release = &d.Native
		}
		if m := releaseLine.FindStringSubmatch(line); m != nil {
			if *release != "" && *release != m[1] {
				return fmt.Errorf("figures of two kernels, %s and %s", *release, m[1])
			}
			*release = m[1]
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
	r := result{Case: m[1], Side: m[2], Family: m[3], Way: m[4], At: m[7], Unit: m[5], measured: []float64{value}}
	number := "1"
	if word := roundWord.FindStringSubmatch(r.At); word != nil {
		r.At, number = strings.TrimPrefix(r.At, word[0]), word[1]
	}
	old := d.find(r, r.Side, r.Way, r.At)
	switch {
	case number != "1" && (old == nil || number != strconv.Itoa(len(old.measured)+1)):
		return fmt.Errorf("round %s does not follow the one before", number)
	case number != "1":
		old.measured = append(old.measured, value)
	case old != nil:
		*old = r
	default:
		d.Results = append(d.Results, r)
	}
	return nil
}

// median of an odd number is the middle one, of an even one the mean of the two.
func median(all []float64) float64 {
	return quantile(all, 0.5)
}

// quantile is between the two that are nearest to it.
func quantile(all []float64, part float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	at := part * float64(len(sorted)-1)
	low := int(at)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (sorted[high]-sorted[low])*(at-float64(low))
}

// eachRound combines two figures round by round.
func eachRound(a, b []float64, of func(a, b float64) float64) []float64 {
	all := make([]float64, min(len(a), len(b)))
	for i := range all {
		all[i] = of(a[i], b[i])
	}
	return all
}

// isRate: more of it is less cost.
func isRate(r result) bool {
	return strings.HasSuffix(r.Unit, "/second")
}

// mean of both ways: for as many packets one way as the other.
func mean(r result) func(a, b float64) float64 {
	if isRate(r) {
		return func(a, b float64) float64 { return 2 / (1/a + 1/b) }
	}
	return func(a, b float64) float64 { return (a + b) / 2 }
}

// cost is the ratio of one figure to another, above one where the first costs more.
func cost(r result) func(own, peer float64) float64 {
	if isRate(r) {
		return func(own, peer float64) float64 { return peer / own }
	}
	return func(own, peer float64) float64 { return own / peer }
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
			r.Way, r.measured = "mean", eachRound(forward.measured, r.measured, mean(r))
			d.Results = append(d.Results, r)
		}
	}
}

func (d *document) subtractBases() {
	for i := range d.Results {
		r := &d.Results[i]
		r.values = r.measured
		for _, base := range bases {
			if b := d.find(*r, base, r.Way, r.At); b != nil && r.Side != base {
				r.values = eachRound(r.measured, b.measured, func(own, base float64) float64 { return own - base })
			}
		}
		r.Measured, r.Value = median(r.measured), median(r.values)
		if len(r.measured) > 1 {
			r.Rounds = len(r.measured)
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
				r.compare(peer, p)
			}
		}
		if least := d.least(*r); least != nil && least != r && least.Value > 0 {
			r.Ratios["least"] = round(r.Value / least.Value)
		}
	}
}

// compare adds the ratio to a peer.
func (r *result) compare(name string, peer *result) {
	ratios := eachRound(r.values, peer.values, cost(*r))
	r.Ratios[name] = round(median(ratios))
	if r.Rounds == 0 {
		return
	}
	if r.Quartiles == nil {
		r.Quartiles = map[string][2]float64{}
	}
	r.Quartiles[name] = [2]float64{round(quantile(ratios, 0.25)), round(quantile(ratios, 0.75))}
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
