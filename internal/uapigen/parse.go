// SPDX-License-Identifier: Apache-2.0

// Package uapigen turns the enums and #defines of a kernel header into Go
// constants, so that the header stays the only place where a number of the
// protocol is written down.
//
// It reads the small part of C that such headers consist of: enumerations with
// and without values, object-like macros that are integers, integer expressions
// over names seen before, or string literals, and block comments. Structures,
// macros with parameters and macros of any other kind are passed over.
package uapigen

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Const is one constant of a header.
type Const struct {
	// Name is the C name.
	Name string
	// Value is the number, or the text when IsString is set.
	Value    uint64
	Text     string
	IsString bool
	// Hex says that the header writes the number in hexadecimal or as a
	// shift, as flags are.
	Hex bool
	// Line is the line of the header.
	Line int
	// Doc is the comment above, Note the one behind, without C's markers.
	Doc, Note string
}

// Group is a run of constants that belong together: an enum, or #defines
// without an empty line between them.
type Group struct {
	Doc    string
	Consts []Const
}

// Parse reads a header.
func Parse(r io.Reader) ([]Group, error) {
	p := &reader{values: map[string]uint64{}, hex: map[string]bool{}}
	sc := bufio.NewScanner(r)
	for sc.Scan() {
		p.line++
		if err := p.take(sc.Text()); err != nil {
			return nil, fmt.Errorf("line %d: %w", p.line, err)
		}
	}
	if err := sc.Err(); err != nil {
		return nil, err
	}
	switch {
	case p.inComment:
		return nil, fmt.Errorf("line %d: comment has no end", p.line)
	case p.inEnum:
		return nil, fmt.Errorf("line %d: enum has no end", p.line)
	case p.joined != "":
		return nil, fmt.Errorf("line %d: continued line has no end", p.line)
	}
	p.close()
	return p.groups, nil
}

type reader struct {
	groups []Group
	cur    Group
	values map[string]uint64
	hex    map[string]bool
	line   int

	inComment bool
	behind    bool     // the comment began behind code
	comment   []string // lines of the comment being read
	doc       string   // finished comment that stands alone

	inEnum bool
	body   bool // inside of struct or union braces
	next   uint64

	joined     string // lines ended by a backslash
	joinedLine int
}

// take handles one line: comments first, then continuation, then C.
func (p *reader) take(s string) error {
	code, note := p.strip(s)
	if p.joined == "" {
		p.joinedLine = p.line
	}
	if strings.HasSuffix(code, `\`) {
		p.joined += strings.TrimSuffix(code, `\`) + " "
		return nil
	}
	code, p.joined = strings.TrimSpace(p.joined+code), ""
	switch {
	case code == "" && note == "" && !p.inComment && strings.TrimSpace(s) == "" && !p.inEnum:
		p.close()
		p.doc = ""
		return nil
	case code == "":
		return nil
	case p.body:
		p.body = !strings.HasPrefix(code, "}")
		p.doc = ""
		return nil
	case p.inEnum:
		return p.enumLine(code, note)
	case strings.HasPrefix(code, "#define"):
		return p.define(code, note)
	case strings.HasPrefix(code, "enum") && strings.HasSuffix(code, "{"):
		p.close()
		p.inEnum, p.next = true, 0
		p.cur.Doc, p.doc = p.doc, ""
		return nil
	case strings.HasSuffix(code, "{") && !strings.HasPrefix(code, "extern"):
		p.body = true
	}
	p.doc = ""
	return nil
}

// strip takes comments out of a line. A comment that shares the line with code
// is returned as its note; one that stands alone becomes the doc of what comes
// next.
func (p *reader) strip(s string) (code, note string) {
	for s != "" {
		if p.inComment {
			i := strings.Index(s, "*/")
			if i < 0 {
				p.comment = append(p.comment, cleanComment(s))
				return strings.TrimRight(code, " \t"), note
			}
			p.comment = append(p.comment, cleanComment(s[:i]))
			s, p.inComment = s[i+2:], false
			text := strings.Trim(strings.Join(p.comment, "\n"), "\n")
			p.comment = nil
			if strings.TrimSpace(code) != "" {
				note = text
			} else if strings.TrimSpace(s) == "" {
				p.attach(text)
			}
			continue
		}
		i := strings.Index(s, "/*")
		if i < 0 {
			code += s
			break
		}
		code += s[:i]
		s, p.inComment = s[i+2:], true
		p.behind = strings.TrimSpace(code) != ""
	}
	return strings.TrimRight(code, " \t"), note
}

// attach files a comment that stands alone on its lines. One that began behind
// code and goes on below belongs to the constant before.
func (p *reader) attach(text string) {
	last := len(p.cur.Consts) - 1
	switch {
	case !p.behind:
		p.doc = text
	case last >= 0:
		p.cur.Consts[last].Note = text
	}
}

func cleanComment(s string) string {
	s = strings.TrimSpace(s)
	s = strings.TrimPrefix(s, "*")
	return strings.TrimSpace(s)
}

// close ends the group being read.
func (p *reader) close() {
	if len(p.cur.Consts) > 0 {
		p.groups = append(p.groups, p.cur)
	}
	p.cur = Group{}
}

// enumLine handles a line between the braces of an enum.
func (p *reader) enumLine(code, note string) error {
	if strings.HasPrefix(code, "}") {
		p.inEnum, p.doc = false, ""
		p.close()
		return nil
	}
	parts := strings.Split(strings.TrimSuffix(code, ","), ",")
	for _, part := range parts {
		name, expr, has := strings.Cut(part, "=")
		name = strings.TrimSpace(name)
		if !isIdent(name) {
			return fmt.Errorf("enum entry %q", part)
		}
		c := Const{Name: name, Value: p.next, Line: p.line, Doc: p.doc, Note: note}
		if has {
			v, err := p.eval(expr)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			c.Value, c.Hex = v, p.isHex(expr)
		}
		p.doc = ""
		p.next = c.Value + 1
		p.add(c)
	}
	return nil
}

// define handles an object-like macro.
func (p *reader) define(code, note string) error {
	rest := strings.TrimSpace(strings.TrimPrefix(code, "#define"))
	name, expr := rest, ""
	if i := strings.IndexAny(rest, " \t("); i >= 0 {
		name, expr = rest[:i], rest[i:]
	}
	doc := p.doc
	p.doc = ""
	if !isIdent(name) || strings.HasPrefix(expr, "(") || strings.TrimSpace(expr) == "" {
		return nil // a macro with parameters, or the include guard
	}
	expr = strings.TrimSpace(expr)
	c := Const{Name: name, Line: p.joinedLine, Note: note}
	if len(p.cur.Consts) == 0 {
		p.cur.Doc = doc
	} else {
		c.Doc = doc
	}
	if len(expr) >= 2 && expr[0] == '"' && expr[len(expr)-1] == '"' {
		c.Text, c.IsString = expr[1:len(expr)-1], true
		p.add(c)
		return nil
	}
	v, err := p.eval(expr)
	if err != nil {
		return nil // not an integer: none of our business
	}
	c.Value, c.Hex = v, p.isHex(expr)
	p.add(c)
	return nil
}

func (p *reader) add(c Const) {
	if !c.IsString {
		p.values[c.Name], p.hex[c.Name] = c.Value, c.Hex
	}
	p.cur.Consts = append(p.cur.Consts, c)
}

// isHex reports whether an expression is of bits: it, or a name in it, is
// written in hexadecimal or as a shift.
func (p *reader) isHex(expr string) bool {
	if strings.Contains(expr, "0x") || strings.Contains(expr, "<<") {
		return true
	}
	for _, w := range strings.FieldsFunc(expr, func(r rune) bool { return !isIdent(string(r)) && (r < '0' || r > '9') }) {
		if p.hex[w] {
			return true
		}
	}
	return false
}

func isIdent(s string) bool {
	for i, r := range s {
		switch {
		case r == '_', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z':
		case i > 0 && r >= '0' && r <= '9':
		default:
			return false
		}
	}
	return s != ""
}
