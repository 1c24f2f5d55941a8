// SPDX-License-Identifier: Apache-2.0

// Package argv splits a command line as popt 1.19 does, the library that
// ipvsadm parses with, and turns it into plain long options.
//
// popt takes what the usual Go parsers refuse: options behind positional words,
// optional values, values glued to a short option, bundles. It does not take
// what one would expect of it: abbreviated long options. The package is pure:
// it knows the option table it is given and nothing of ipvsadm.
package argv

import "strings"

// Arity says whether an option takes a value.
type Arity uint8

// The three kinds of options that popt calls ARG_NONE, ARG_STRING and
// ARG_STRING with ARGFLAG_OPTIONAL.
const (
	NoValue Arity = iota
	NeedsValue
	MayHaveValue
)

// Option is one row of an option table. Short is 0 when there is none.
type Option struct {
	Long  string
	Short byte
	Arity Arity
}

// Table finds options by name. A Table is read-only after NewTable and may be
// shared.
type Table struct {
	options []Option
	long    map[string]int
	short   [256]int16
	// variants replaces a short option once the first option of the line is
	// known: ipvsadm's -b means one thing behind -A and another behind -a.
	variants map[int]map[byte]int
	// getopt stops the search for options at the first word that is none,
	// as POSIXLY_CORRECT asks popt to.
	getopt bool
}

// NewTable returns a Table of options. Where two rows share a name the first
// one is found, as in popt.
func NewTable(options []Option) *Table {
	t := &Table{
		options:  options,
		long:     make(map[string]int, len(options)),
		variants: make(map[int]map[byte]int),
	}
	for i := range t.short {
		t.short[i] = -1
	}
	for i, o := range options {
		if _, dup := t.long[o.Long]; !dup && o.Long != "" {
			t.long[o.Long] = i
		}
		if o.Short != 0 && t.short[o.Short] < 0 {
			t.short[o.Short] = int16(i)
		}
	}
	return t
}

// Variant makes short mean the long option target when the first option of the
// line is the long option first. It panics on names that the table lacks.
func (t *Table) Variant(first string, short byte, target string) {
	f, ok1 := t.long[first]
	to, ok2 := t.long[target]
	if !ok1 || !ok2 {
		panic("argv: variant of an unknown option: " + first + ", " + target)
	}
	if t.variants[f] == nil {
		t.variants[f] = make(map[byte]int)
	}
	t.variants[f][short] = to
}

// StopAtWord makes Parse take everything behind the first word as words. It is
// for POSIXLY_CORRECT, which popt obeys.
func (t *Table) StopAtWord() { t.getopt = true }

// Len returns the number of rows.
func (t *Table) Len() int { return len(t.options) }

// Token is one option of a line.
type Token struct {
	// Index is the row in the table.
	Index int
	// Name is the long name of that row.
	Name string
	// Value is the option's value if HasValue.
	Value    string
	HasValue bool
	// Word is the argument that popt would name in a message about this
	// option: the last one it has read.
	Word string
}

// String returns the token as a plain long option.
func (k Token) String() string {
	if !k.HasValue {
		return "--" + k.Name
	}
	return "--" + k.Name + "=" + k.Value
}

// Line is a split command line: options in their order, then the words that
// belong to no option. Err is what stopped the parser, behind the last token.
type Line struct {
	Tokens []Token
	Words  []string
	Err    *SyntaxError
}

// Long returns the line as plain long options with their values behind an
// equals sign, then "--" and the words if there are any.
func (l Line) Long() []string {
	out := make([]string, 0, len(l.Tokens)+len(l.Words)+1)
	for _, k := range l.Tokens {
		out = append(out, k.String())
	}
	if len(l.Words) > 0 {
		out = append(append(out, "--"), l.Words...)
	}
	return out
}

// Reason is why a line cannot be split. Its text is popt's.
type Reason string

// The reasons that popt's parser can have with a table of these arities.
const (
	UnknownOption   Reason = "unknown option"
	MissingArgument Reason = "missing argument"
	UnwantedValue   Reason = "option does not take an argument"
)

// SyntaxError is a line that popt refuses.
type SyntaxError struct {
	// Word is the argument at which the parser stopped.
	Word   string
	Reason Reason
}

// Error returns the message that ipvsadm prints for it.
func (e *SyntaxError) Error() string { return e.Word + ": " + string(e.Reason) }

// Parse splits args, which do not include the program's name.
func (t *Table) Parse(args []string) Line {
	p := parser{table: t, args: args, first: -1}
	for p.next < len(args) && p.line.Err == nil {
		p.word()
	}
	return p.line
}

// parser is the state of one Parse.
type parser struct {
	table *Table
	args  []string
	next  int // the argument behind the last one read
	first int // row of the line's first option, or -1
	rest  bool
	line  Line
}

// word takes one argument and the values it asks for.
func (p *parser) word() {
	w := p.args[p.next]
	p.next++
	switch {
	case p.rest || len(w) < 2 || w[0] != '-':
		p.rest = p.rest || p.table.getopt
		p.line.Words = append(p.line.Words, w)
	case w == "--":
		p.rest = true
	case w[1] == '-':
		p.long(w[2:])
	default:
		p.bundle(w[1:])
	}
}

// long takes the name behind "--" with the value that "=" may glue to it.
func (p *parser) long(name string) {
	name, value, glued := strings.Cut(name, "=")
	i, ok := p.table.long[name]
	if !ok {
		p.fail(UnknownOption)
		return
	}
	if glued && p.table.options[i].Arity == NoValue {
		p.fail(UnwantedValue)
		return
	}
	p.option(i, value, glued)
}

// bundle takes the letters behind a single dash. The first option that takes a
// value takes the rest of the word.
func (p *parser) bundle(letters string) {
	for len(letters) > 0 && p.line.Err == nil {
		i := p.lookup(letters[0])
		letters = letters[1:]
		if i < 0 {
			p.fail(UnknownOption)
			return
		}
		glued := len(letters) > 0
		if p.table.options[i].Arity != NoValue {
			p.option(i, strings.TrimPrefix(letters, "="), glued)
			return
		}
		if glued && letters[0] == '=' {
			p.fail(UnwantedValue)
			return
		}
		p.option(i, "", false)
	}
}

// lookup returns the row of a short option, or -1.
func (p *parser) lookup(c byte) int {
	if i, ok := p.table.variants[p.first][c]; ok {
		return i
	}
	return int(p.table.short[c])
}

// option appends the option of row i. A value that is not glued to it is the
// next argument, whatever that looks like; only an optional one leaves an
// argument alone that begins with a dash.
func (p *parser) option(i int, value string, glued bool) {
	o := p.table.options[i]
	k := Token{Index: i, Name: o.Long, Value: value, HasValue: glued}
	if !glued && o.Arity != NoValue {
		switch {
		case p.next < len(p.args) &&
			(o.Arity == NeedsValue || !strings.HasPrefix(p.args[p.next], "-")):
			k.Value, k.HasValue = p.args[p.next], true
			p.next++
		case o.Arity == NeedsValue:
			p.fail(MissingArgument)
			return
		}
	}
	k.Word = p.args[p.next-1]
	if p.first < 0 {
		p.first = i
	}
	p.line.Tokens = append(p.line.Tokens, k)
}

func (p *parser) fail(r Reason) {
	p.line.Err = &SyntaxError{Word: p.args[p.next-1], Reason: r}
}
