// SPDX-License-Identifier: Apache-2.0

package main

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed corpus/*.txt
var corpusFiles embed.FS

// step is one thing that a case does on both sides.
type step struct {
	args  []string
	stdin string
	// same runs both tools in the first namespace, to compare what they
	// show of one table.
	same bool
	// carry takes the tables through files of both tools; see differ.carry.
	carry bool
	// udp, if not empty, sends packets to an address instead.
	udp string
	// shell, if not nil, runs another program in both namespaces.
	shell []string
}

func (s step) String() string {
	switch {
	case s.carry:
		return "-S | -R"
	case s.udp != "":
		return "!udp " + s.udp
	case s.shell != nil:
		return "!" + strings.Join(s.shell, " ")
	}
	return "ipvsadm " + strings.Join(s.args, " ")
}

// testCase starts with empty tables.
type testCase struct {
	file, name string
	steps      []step
}

// loadCorpus reads the files of the corpus. In them
//
//	# COMMENT
//	-A -t 10.0.0.1:80       a line outside of a session is a case
//	== NAME                 begins a session, which an empty line ends
//	-R                      may be followed by its standard input:
//	| -A -t 10.0.0.1:80
//	~ -Ln                   both tools look at the same table
//	!udp 10.0.0.1:53 3      sends packets
//	!ip link set lo up      runs another program on both sides
//
// Words are parted by blanks; single quotes hold them together.
func loadCorpus() ([]testCase, error) {
	names, err := fs.Glob(corpusFiles, "corpus/*.txt")
	if err != nil {
		return nil, err
	}
	var cases []testCase
	for _, name := range names {
		b, err := corpusFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		cs, err := parseCorpus(path.Base(name), string(b))
		if err != nil {
			return nil, err
		}
		cases = append(cases, cs...)
	}
	return cases, nil
}

func parseCorpus(file, text string) ([]testCase, error) {
	var cases []testCase
	inSession := false
	for i, line := range strings.Split(text, "\n") {
		where := fmt.Sprintf("%s:%d", file, i+1)
		switch {
		case strings.HasPrefix(line, "#"):
		case line == "":
			inSession = false
		case strings.HasPrefix(line, "== "):
			cases = append(cases, testCase{file: file, name: where + " " + line[3:]})
			inSession = true
		case strings.HasPrefix(line, "|"):
			if len(cases) == 0 {
				return nil, fmt.Errorf("%s: input for nothing", where)
			}
			steps := cases[len(cases)-1].steps
			steps[len(steps)-1].stdin += strings.TrimPrefix(line[1:], " ") + "\n"
		default:
			s, err := parseStep(line)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", where, err)
			}
			if !inSession {
				cases = append(cases, testCase{file: file, name: where + " " + line})
			}
			cs := &cases[len(cases)-1]
			cs.steps = append(cs.steps, s)
		}
	}
	return cases, nil
}

func parseStep(line string) (step, error) {
	same := strings.HasPrefix(line, "~")
	words, err := splitWords(strings.TrimPrefix(line, "~"))
	if err != nil {
		return step{}, err
	}
	switch {
	case len(words) == 1 && words[0] == "(none)":
		return step{same: same}, nil
	case len(words) > 1 && words[0] == "!udp":
		return step{udp: words[1]}, nil
	case len(words) > 0 && strings.HasPrefix(words[0], "!"):
		words[0] = words[0][1:]
		return step{shell: words}, nil
	}
	return step{args: words, same: same}, nil
}

// splitWords parts a line at blanks outside of quotes.
func splitWords(line string) ([]string, error) {
	var words []string
	for line = strings.TrimLeft(line, " "); line != ""; line = strings.TrimLeft(line, " ") {
		var w string
		for line != "" && line[0] != ' ' {
			if line[0] != '\'' {
				w, line = w+line[:1], line[1:]
				continue
			}
			quoted, rest, ok := strings.Cut(line[1:], "'")
			if !ok {
				return nil, fmt.Errorf("open quote")
			}
			w, line = w+quoted, rest
		}
		words = append(words, w)
	}
	return words, nil
}
