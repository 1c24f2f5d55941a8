// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
	"strings"
)

// plot is a drawing of a case.
type plot struct {
	name, title, file, svg string
}

// The colours are told apart by the colour-blind, too.
const (
	ourColour   = "#0b6e99"
	otherColour = "#b8c4cc"
	inkColour   = "#222222"
	gridColour  = "#e3e7ea"
)

var lineColours = []string{"#0b6e99", "#d1702a", "#4b8b3b", "#8a4fa0", "#777777", "#b03a48"}

// plots: bars for what sides cost, lines for what changes with a number.
func (d *document) plots() []plot {
	var all []plot
	for _, name := range d.cases() {
		results := d.of(name)
		for _, family := range distinct(results, func(r result) string { return r.Family }) {
			for _, way := range plotWays(results) {
				var shown []result
				for _, r := range results {
					if r.Family == family && r.Way == way && !slices.Contains(bases, r.Side) {
						shown = append(shown, r)
					}
				}
				if p, ok := d.plot(name, family, way, shown); ok {
					all = append(all, p)
				}
			}
		}
	}
	return all
}

// plotWays: the mean stands for both ways.
func plotWays(results []result) []string {
	ways := distinct(results, func(r result) string { return r.Way })
	if slices.Contains(ways, "mean") {
		return []string{"mean"}
	}
	return ways
}

func (d *document) plot(name, family, way string, shown []result) (plot, bool) {
	if len(shown) < 2 {
		return plot{}, false
	}
	kernel := "kernel " + d.Kernel
	if shown[0].Rounds > 0 {
		kernel = d.Native
	}
	title := fmt.Sprintf("%s, %s, %s", name, way, kernel)
	file := fmt.Sprintf("%s-%s", name, way)
	if family != "-" {
		title = fmt.Sprintf("%s, IPv%s, %s, %s", name, family, way, kernel)
		file += "-ipv" + family
	}
	p := plot{name: name, title: title, file: file + ".svg"}
	if len(distinct(shown, func(r result) string { return r.At })) > 1 {
		p.svg = lines(title, shown)
	} else {
		p.svg = bars(title, shown)
	}
	return p, true
}

func text(x, y float64, anchor, class, s string) string {
	return fmt.Sprintf("<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"%s\" class=\"%s\">%s</text>\n", x, y, anchor, class, html.EscapeString(s))
}

func line(x1, y1, x2, y2 float64, colour string) string {
	return fmt.Sprintf("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n", x1, y1, x2, y2, colour)
}

func svg(width, height float64, title, body string) string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img">
<title>%s</title>
<style>text{font:13px sans-serif;fill:%s}.t{font-weight:bold;font-size:15px}.s{fill:#555}</style>
<rect width="100%%" height="100%%" fill="#ffffff"/>
%s%s</svg>
`, width, height, width, height, html.EscapeString(title), inkColour, text(12, 22, "start", "t", title), body)
}

// steps are round numbers from nought up to at least most.
func steps(most float64) []float64 {
	size := math.Pow(10, math.Floor(math.Log10(most)))
	for _, part := range []float64{0.2, 0.5, 1, 2} {
		if most/(size*part) <= 7 {
			size *= part
			break
		}
	}
	all := []float64{0}
	for all[len(all)-1] < most {
		all = append(all, size*float64(len(all)))
	}
	return all
}

func mostOf(shown []result) float64 {
	most := 1.0
	for _, r := range shown {
		most = math.Max(most, r.Value)
	}
	return most
}

// label is a bar's figure, and its ratio to the first peer that it has one to.
func label(r result) string {
	for _, peer := range peers {
		if ratio, ok := r.Ratios[peer]; ok {
			return fmt.Sprintf("%s (%.2f of %s)", grouped(r.Value), ratio, peer)
		}
	}
	return grouped(r.Value)
}

// bars has one for each side, the cheapest first.
func bars(title string, shown []result) string {
	const left, top, wide, high, right = 150.0, 44.0, 400.0, 28.0, 190.0
	shown = slices.Clone(shown)
	slices.SortStableFunc(shown, func(a, b result) int {
		if isRate(a) {
			a, b = b, a
		}
		return int(a.Value - b.Value)
	})
	ticks := steps(mostOf(shown))
	scale := wide / ticks[len(ticks)-1]
	bottom := top + high*float64(len(shown))
	var b strings.Builder
	for _, tick := range ticks {
		x := left + tick*scale
		b.WriteString(line(x, top, x, bottom, gridColour))
		b.WriteString(text(x, bottom+18, "middle", "s", grouped(tick)))
	}
	for i, r := range shown {
		y := top + high*float64(i)
		colour := otherColour
		if isOurs(r.Side) {
			colour = ourColour
		}
		width := math.Max(0, r.Value*scale)
		fmt.Fprintf(&b, "<rect x=\"%.0f\" y=\"%.0f\" width=\"%.1f\" height=\"%.0f\" fill=\"%s\"/>\n", left, y+4, width, high-8, colour)
		b.WriteString(text(left-8, y+high/2+5, "end", "", r.Side))
		b.WriteString(text(left+width+6, y+high/2+5, "start", "", label(r)))
	}
	b.WriteString(text(left+wide/2, bottom+40, "middle", "s", shown[0].Unit))
	return svg(left+wide+right, bottom+54, title, b.String())
}

// parameter is the number in NAME=NUMBER.
func parameter(r result) (string, float64) {
	name, number, _ := strings.Cut(r.At, "=")
	n, _ := strconv.ParseFloat(number, 64)
	return name, n
}

// spread moves labels apart that would lie on each other.
func spread(ys []float64) []float64 {
	order := make([]int, len(ys))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return int(ys[a] - ys[b]) })
	out := slices.Clone(ys)
	for i := 1; i < len(order); i++ {
		out[order[i]] = math.Max(out[order[i]], out[order[i-1]]+15)
	}
	return out
}

// lines has one for each side, over the logarithm of the parameter.
func lines(title string, shown []result) string {
	const left, top, wide, high, right = 80.0, 44.0, 420.0, 240.0, 240.0
	name, first := parameter(shown[0])
	last := first
	for _, r := range shown {
		_, n := parameter(r)
		last = math.Max(last, n)
	}
	ticks := steps(mostOf(shown))
	x := func(n float64) float64 { return left + wide*math.Log(n/first)/math.Log(last/first) }
	y := func(v float64) float64 { return top + high - high*v/ticks[len(ticks)-1] }
	var b strings.Builder
	for _, tick := range ticks {
		b.WriteString(line(left, y(tick), left+wide, y(tick), gridColour))
		b.WriteString(text(left-8, y(tick)+4, "end", "s", grouped(tick)))
	}
	for _, at := range distinct(shown, func(r result) string { return r.At }) {
		_, n := parameter(result{At: at})
		b.WriteString(text(x(n), top+high+18, "middle", "s", grouped(n)))
	}
	sides := distinct(shown, func(r result) string { return r.Side })
	ends := make([]float64, len(sides))
	names := make([]string, len(sides))
	for i, side := range sides {
		var points []string
		colour := lineColours[i%len(lineColours)]
		for _, r := range shown {
			if r.Side != side {
				continue
			}
			_, n := parameter(r)
			points = append(points, fmt.Sprintf("%.1f,%.1f", x(n), y(r.Value)))
			fmt.Fprintf(&b, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", x(n), y(r.Value), colour)
			ends[i], names[i] = y(r.Value), side+" "+grouped(r.Value)
		}
		fmt.Fprintf(&b, "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n", strings.Join(points, " "), colour)
	}
	for i, end := range spread(ends) {
		fmt.Fprintf(&b, "<text x=\"%.0f\" y=\"%.0f\" style=\"fill:%s\">%s</text>\n", left+wide+10, end+4,
			lineColours[i%len(lineColours)], html.EscapeString(names[i]))
	}
	b.WriteString(text(left+wide/2, top+high+40, "middle", "s", name))
	b.WriteString(text(12, top-6, "start", "s", shown[0].Unit))
	return svg(left+wide+right, top+high+54, title, b.String())
}
