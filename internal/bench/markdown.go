// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// grouped is a number with blanks between thousands, as the documents have them;
// small ones with two digits behind the point.
func grouped(v float64) string {
	if v > -100 && v < 100 && v != float64(int64(v)) {
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	s := strconv.FormatInt(int64(math.Round(v)), 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

func row(cells ...string) string {
	return "| " + strings.Join(cells, " | ") + " |\n"
}

// familyName heads a column.
func familyName(family string) string {
	if family == "-" {
		return ""
	}
	return "IPv" + family
}

// severalParameters: is the case about how a figure changes with a number?
func severalParameters(results []result) bool {
	for _, family := range distinct(results, func(r result) string { return r.Family }) {
		var of []result
		for _, r := range results {
			if r.Family == family {
				of = append(of, r)
			}
		}
		if len(distinct(of, at)) > 1 {
			return true
		}
	}
	return false
}

// table is one case: a line for each side and parameter, a column for each way
// and ratio of each family.
func table(name string, results []result) string {
	families := distinct(results, func(r result) string { return r.Family })
	ways := distinct(results, func(r result) string { return r.Way })
	var inCase []string
	for _, peer := range append(slices.Clone(peers), "least") {
		if slices.ContainsFunc(results, func(r result) bool { _, ok := r.Ratios[peer]; return ok }) {
			inCase = append(inCase, peer)
		}
	}
	head := []string{"side"}
	if severalParameters(results) {
		head = append(head, "at")
	}
	for _, family := range families {
		for _, way := range ways {
			head = append(head, strings.TrimSpace(familyName(family)+" "+way))
		}
		for _, peer := range inCase {
			head = append(head, ": "+peer)
		}
	}
	out := row(head...) + row(slices.Repeat([]string{"---"}, len(head))...)
	for _, key := range distinct(results, func(r result) string { return r.Side + "\n" + r.At }) {
		side, at, _ := strings.Cut(key, "\n")
		out += row(cells(results, side, at, families, ways, inCase)...)
	}
	return out
}

// cells are one line of a table. Ratios are those of the mean, or of the last way.
func cells(results []result, side, at string, families, ways, inCase []string) []string {
	line := []string{side}
	if severalParameters(results) {
		line = append(line, at)
	}
	for _, family := range families {
		var ratios map[string]float64
		var quartiles map[string][2]float64
		for _, way := range ways {
			text := ""
			for _, r := range results {
				if r.Side == side && r.At == at && r.Family == family && r.Way == way {
					text, ratios, quartiles = grouped(r.Value), r.Ratios, r.Quartiles
				}
			}
			line = append(line, text)
		}
		for _, peer := range inCase {
			text := ""
			if ratio, ok := ratios[peer]; ok {
				text = strconv.FormatFloat(ratio, 'f', 2, 64)
			}
			if q, ok := quartiles[peer]; ok {
				text += fmt.Sprintf(" (%.2f to %.2f)", q[0], q[1])
			}
			line = append(line, text)
		}
	}
	return line
}

func (d *document) markdown(plots []plot) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<!-- SPDX-License-Identifier: Apache-2.0 -->\n# make bench KERNEL=%s\n\n", d.Kernel)
	fmt.Fprintf(&b, "Kernel %s; commit %s. Written by `make bench`; [performance.md](../../performance.md) says what it means.\n",
		d.Release, strings.Join(d.Commits, ", "))
	fmt.Fprintf(&b, "Ratios (`: peer`) are those of the mean, or else of the last way in front of them.\n")
	if d.Native != "" {
		fmt.Fprintf(&b, "What has rounds is from kernel %s as a program, by a real clock; behind its ratios are their quartiles.\n", d.Native)
	}
	for _, name := range d.cases() {
		results := d.of(name)
		fmt.Fprintf(&b, "\n## %s\n\n%s%s.\n\n%s", name, strings.ToUpper(results[0].Unit[:1]), describe(results), table(name, results))
		for _, p := range plots {
			if p.name == name {
				fmt.Fprintf(&b, "\n![%s](%s)\n", p.title, p.file)
			}
		}
	}
	return b.String()
}

// describe is the unit, less its first letter, what the figures are above, and
// the parameters that hold for all of a family.
func describe(results []result) string {
	text := results[0].Unit[1:]
	if !severalParameters(results) && results[0].At != "" {
		for _, family := range distinct(results, func(r result) string { return r.Family }) {
			i := slices.IndexFunc(results, func(r result) bool { return r.Family == family })
			text += ", " + strings.TrimSpace(familyName(family)+" "+results[i].At)
		}
	}
	if i := slices.IndexFunc(results, func(r result) bool { return slices.Contains(bases, r.Side) }); i >= 0 {
		text += ", above `" + results[i].Side + "`"
	}
	if n := results[0].Rounds; n > 0 {
		text += fmt.Sprintf("; medians of %d rounds", n)
		if isRate(results[0]) {
			text += ", ratios of time for a packet: above one is slower"
		}
	}
	return text
}
