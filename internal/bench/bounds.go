// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
)

// storedMargin is what a ratio may grow by before it counts as worse than the
// stored one. Figures of packets repeat to about one percent, over which a change
// of the compiler can move them.
const storedMargin = 1.05

// wideMargins are those of cases in which real sockets decide how many segments
// there are, or random numbers how long something is searched.
var wideMargins = map[string]float64{
	"tcp-connection": 1.2, "tcp-bulk": 1.5, "scale-ports-new": 1.25, "tool": 1.2,
}

func margin(name string) float64 {
	if m, ok := wideMargins[name]; ok {
		return m
	}
	return storedMargin
}

// bound is a line of the file of bounds: KERNEL CASE SIDE FAMILY WAY AT PEER MOST.
// "*" for kernel, family or at stands for all: what was promised, in place of
// what was measured once.
type bound struct {
	kernel, name, side, family, way, at, peer string
	most                                      float64
}

type bounds []bound

func readBounds(file string) (bounds, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var all bounds
	for i, line := range strings.Split(string(text), "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(line, "#") {
			continue
		}
		if len(words) != 8 {
			return nil, fmt.Errorf("%s:%d: eight words wanted", file, i+1)
		}
		most, err := strconv.ParseFloat(words[7], 64)
		if err != nil || most <= 0 {
			return nil, fmt.Errorf("%s:%d: %q is no bound", file, i+1, words[7])
		}
		all = append(all, bound{words[0], words[1], words[2], words[3], words[4], words[5], words[6], most})
	}
	return all, nil
}

func (b bound) String() string {
	return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%s\t%.3f", b.kernel, b.name, b.side, b.family, b.way, b.at, b.peer, b.most)
}

func same(pattern, word string) bool {
	return pattern == "*" || pattern == word
}

// holds says whether the bound is about a figure.
func (b bound) holds(kernel string, r result) bool {
	return same(b.kernel, kernel) && b.name == r.Case && b.side == r.Side &&
		same(b.family, r.Family) && b.way == r.Way && same(b.at, at(r))
}

// at is the figure's parameters as one word.
func at(r result) string {
	if r.At == "" {
		return "-"
	}
	return r.At
}

// measured: was the bound's case, with its parameters, measured at all?
func (b bound) measured(d *document) bool {
	return slices.ContainsFunc(d.Results, func(r result) bool {
		return same(b.kernel, d.Kernel) && b.name == r.Case && same(b.at, at(r)) && same(b.family, r.Family)
	})
}

// check fails when a ratio is above its bound, and, unless partial, when there is
// none for a bound of a case that was measured.
func (all bounds) check(d *document, partial bool) error {
	var bad []error
	for _, b := range all {
		if !b.measured(d) {
			continue
		}
		seen := false
		for _, r := range d.Results {
			ratio, ok := r.Ratios[b.peer]
			if !ok || !b.holds(d.Kernel, r) {
				continue
			}
			seen = true
			if ratio > b.most {
				bad = append(bad, fmt.Errorf("%s, %s, IPv%s, %s, %s: %.3f of %s, which is more than %.3f",
					r.Case, r.Side, r.Family, r.Way, at(r), ratio, b.peer, b.most))
			}
		}
		if !seen && !partial {
			bad = append(bad, fmt.Errorf("no ratio for the bound: %s", strings.ReplaceAll(b.String(), "\t", " ")))
		}
	}
	if err := errors.Join(bad...); err != nil {
		return fmt.Errorf("worse than the bounds:\n%w", err)
	}
	return nil
}

// storedPeers are what a side's stored bounds are about.
func storedPeers(r result) []string {
	var names []string
	for peer := range r.Ratios {
		names = append(names, peer)
	}
	slices.Sort(names)
	return names
}

// isOurs: sides of this project; others are here to be compared with.
func isOurs(side string) bool {
	return strings.HasPrefix(side, "fullnat") || side == "snat-zone" || side == "ipvsadm-go"
}

// store replaces the bounds of the document's kernel and cases by its ratios and
// a margin, and leaves the promises and the heads of the file as they are.
func (all bounds) store(file string, d *document) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var lines []string
	for _, line := range strings.Split(strings.TrimRight(string(text), "\n"), "\n") {
		words := strings.Fields(line)
		if len(words) == 8 && words[0] == d.Kernel && slices.Contains(d.cases(), words[1]) {
			continue
		}
		lines = append(lines, line)
	}
	for _, r := range d.Results {
		// A real clock does not say the same again.
		if !isOurs(r.Side) || r.Rounds > 0 || r.Way == "forward" || r.Way == "reply" {
			continue
		}
		for _, peer := range storedPeers(r) {
			most := math.Ceil(r.Ratios[peer]*margin(r.Case)*1000-1e-6) / 1000
			lines = append(lines, bound{d.Kernel, r.Case, r.Side, r.Family, r.Way, at(r), peer, most}.String())
		}
	}
	return os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o644)
}
