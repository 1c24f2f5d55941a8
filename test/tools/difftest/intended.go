// SPDX-License-Identifier: Apache-2.0

package main

import (
	_ "embed"
	"fmt"
	"regexp"
	"strings"
)

//go:embed intended.txt
var intendedText string

// rule is a difference that is meant. It changes our result so that it equals
// stock's, where the command line matches and the text is there.
type rule struct {
	name    string
	command *regexp.Regexp
	// field is status, stdout or stderr.
	field string
	// text is what is replaced in our result, by with. The whole field is
	// replaced by stock's when text is nil, or found and with is wholeField.
	text *regexp.Regexp
	with string
	// stock, if not nil, must match stock's field.
	stock  *regexp.Regexp
	reason string
	used   int
}

// wholeField stands for all of stock's field.
const wholeField = "(stock)"

// loadIntended reads intended.txt: paragraphs of "key: value" lines.
func loadIntended() ([]*rule, error) {
	var rules []*rule
	for _, para := range strings.Split(intendedText, "\n\n") {
		r, err := parseRule(para)
		if err != nil {
			return nil, fmt.Errorf("intended.txt: %w", err)
		}
		if r != nil {
			rules = append(rules, r)
		}
	}
	return rules, nil
}

func parseRule(para string) (*rule, error) {
	r := &rule{}
	for _, line := range strings.Split(para, "\n") {
		if strings.HasPrefix(line, "#") || line == "" {
			continue
		}
		key, value, _ := strings.Cut(line, ":")
		if err := r.set(key, strings.TrimPrefix(value, " ")); err != nil {
			return nil, err
		}
	}
	switch {
	case r.name == "" && r.command == nil:
		return nil, nil
	case r.name == "" || r.command == nil || r.field == "" || r.reason == "":
		return nil, fmt.Errorf("incomplete rule %q", para)
	}
	return r, nil
}

func (r *rule) set(key, value string) (err error) {
	switch key {
	case "name":
		r.name = value
	case "command":
		r.command, err = regexp.Compile(value)
	case "field":
		r.field = value
	case "ours":
		r.text, err = regexp.Compile(value)
	case "becomes":
		r.with = strings.ReplaceAll(value, `\n`, "\n")
	case "stock":
		r.stock, err = regexp.Compile(value)
	case "reason":
		r.reason = value
	default:
		err = fmt.Errorf("unknown key %q", key)
	}
	return err
}

// excuse applies the rules to our result.
func (d *differ) excuse(s step, want, got result) result {
	line := s.String()
	for _, r := range d.rules {
		theirs, field := r.pick(&want), r.pick(&got)
		if *theirs == *field || !r.command.MatchString(line) ||
			r.stock != nil && !r.stock.MatchString(*theirs) {
			continue
		}
		changed := r.apply(*theirs, *field)
		if changed != *field {
			r.used++
			*field = changed
		}
	}
	return got
}

// apply returns our field as the rule changes it.
func (r *rule) apply(theirs, ours string) string {
	switch {
	case r.text == nil, r.with == wholeField && r.text.MatchString(ours):
		return theirs
	case r.with == wholeField:
		return ours
	}
	return r.text.ReplaceAllString(ours, r.with)
}

func (r *rule) pick(res *result) *string {
	switch r.field {
	case "status":
		return &res.status
	case "stdout":
		return &res.stdout
	}
	return &res.stderr
}
