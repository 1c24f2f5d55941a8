// SPDX-License-Identifier: Apache-2.0

package argv

import (
	"reflect"
	"strings"
	"testing"
)

// testTable has one option of each kind that matters, and a short option whose
// meaning depends on the first one.
func testTable() *Table {
	t := NewTable([]Option{
		{Long: "add-service", Short: 'A'},
		{Long: "add-server", Short: 'a'},
		{Long: "list", Short: 'L'},
		{Long: "list", Short: 'l'},
		{Long: "numeric", Short: 'n'},
		{Long: "tcp-service", Short: 't', Arity: NeedsValue},
		{Long: "scheduler", Short: 's', Arity: NeedsValue},
		{Long: "persistent", Short: 'p', Arity: MayHaveValue},
		{Long: "sched-flags", Short: 'b', Arity: NeedsValue},
		{Long: "fullnat"},
		{Long: "set"},
	})
	t.Variant("add-server", 'b', "fullnat")
	return t
}

// Every expectation was read off popt 1.19 by running stock ipvsadm 1.31 or
// from the message it printed.
func TestParse(t *testing.T) {
	tests := []struct {
		name string
		line string // "|" parts arguments
		want string // Long, parts joined by "|"
		err  string
	}{
		{"bundle", "-Ln", "--list|--numeric", ""},
		{"bundle with glued value", "-Atvip:80", "--add-service|--tcp-service=vip:80", ""},
		{"value in the next argument", "-At|vip:80", "--add-service|--tcp-service=vip:80", ""},
		{"short with equals sign", "-t=vip:80", "--tcp-service=vip:80", ""},
		{"only one equals sign goes", "-t==x", "--tcp-service==x", ""},
		{"long with equals sign", "--scheduler=rr", "--scheduler=rr", ""},
		{"long with empty value", "--scheduler=", "--scheduler=", ""},
		{"empty value", "-s|", "--scheduler=", ""},
		{"value may look like an option", "-s|-p", "--scheduler=-p", ""},
		{"value may be two dashes", "-s|--", "--scheduler=--", ""},
		{"optional value", "-p|360|-s|rr", "--persistent=360|--scheduler=rr", ""},
		{"optional value left out", "-p|-s|rr", "--persistent|--scheduler=rr", ""},
		{"optional value at the end", "-A|-p", "--add-service|--persistent", ""},
		{"optional value glued", "-p360", "--persistent=360", ""},
		{"optional value eats the bundle", "-pn", "--persistent=n", ""},
		{"optional value long", "--persistent|5", "--persistent=5", ""},
		{"optional value empty", "-p|", "--persistent=", ""},
		{"words anywhere", "900|--set|120|300", "--set|--|900|120|300", ""},
		{"words behind two dashes", "-L|--|-n", "--list|--|-n", ""},
		{"a dash is a word", "-L|-", "--list|--|-", ""},
		{"an empty word", "-L|", "--list|--|", ""},
		{"second row of a name", "-l", "--list", ""},
		{"variant", "-a|-b|-n", "--add-server|--fullnat|--numeric", ""},
		{"variant in a bundle", "-abn", "--add-server|--fullnat|--numeric", ""},
		{"no variant", "-A|-b|x", "--add-service|--sched-flags=x", ""},
		{"no variant before the command", "-b|x|-a", "--sched-flags=x|--add-server", ""},
		{"abbreviation", "--add-serv", "", "--add-serv: unknown option"},
		{"single dash long", "-list", "--list", "-list: unknown option"},
		{"unknown short in a bundle", "-L|-n?", "--list|--numeric", "-n?: unknown option"},
		{"missing argument", "-A|-t", "--add-service", "-t: missing argument"},
		{"unwanted value", "--list=x", "", "--list=x: option does not take an argument"},
		{"unwanted value short", "-n=x", "", "-n=x: option does not take an argument"},
		{"equals sign alone", "--=x", "", "--=x: unknown option"},
		{"error names the last argument", "-A|-t|x|-Z", "--add-service|--tcp-service=x", "-Z: unknown option"},
	}
	table := testTable()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := table.Parse(strings.Split(tt.line, "|"))
			if got := strings.Join(l.Long(), "|"); got != tt.want {
				t.Errorf("options %q, want %q", got, tt.want)
			}
			var err string
			if l.Err != nil {
				err = l.Err.Error()
			}
			if err != tt.err {
				t.Errorf("error %q, want %q", err, tt.err)
			}
		})
	}
}

func TestParse_stopAtWord(t *testing.T) {
	table := testTable()
	table.StopAtWord()
	got := table.Parse([]string{"-L", "x", "-n"}).Long()
	if want := []string{"--list", "--", "x", "-n"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestToken_word(t *testing.T) {
	l := testTable().Parse([]string{"-A", "-t", "vip", "-ns", "rr"})
	var words []string
	for _, k := range l.Tokens {
		words = append(words, k.Word)
	}
	if want := []string{"-A", "vip", "-ns", "rr"}; !reflect.DeepEqual(words, want) {
		t.Errorf("got %q, want %q", words, want)
	}
}

func TestVariant_unknown(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	testTable().Variant("no-such", 'b', "fullnat")
}

// FuzzParse holds that the plain form of a line means the same line: it is what
// makes the normaliser safe to put in front of another parser.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"-Atvip:80\x00-p\x00360", "-a\x00-b", "--set\x00900\x00120\x00300",
		"-\x00--\x00-n", "--=\x00-=", "-p\x00\x00-s=",
	} {
		f.Add(s)
	}
	table := testTable()
	f.Fuzz(func(t *testing.T, s string) {
		l := table.Parse(strings.Split(s, "\x00"))
		again := table.Parse(l.Long())
		if again.Err != nil {
			t.Fatalf("%q gives %q: %v", s, l.Long(), again.Err)
		}
		if !reflect.DeepEqual(again.Long(), l.Long()) {
			t.Fatalf("%q gives %q, then %q", s, l.Long(), again.Long())
		}
	})
}
