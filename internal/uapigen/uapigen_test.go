// SPDX-License-Identifier: Apache-2.0

package uapigen

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// consts parses a header and leaves the lines out of the result.
func consts(t *testing.T, src string) []Group {
	t.Helper()
	groups, err := Parse(strings.NewReader(src))
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups {
		for i := range g.Consts {
			g.Consts[i].Line = 0
		}
	}
	return groups
}

func TestParse(t *testing.T) {
	num := func(name string, v uint64) Const { return Const{Name: name, Value: v} }
	hex := func(name string, v uint64) Const { return Const{Name: name, Value: v, Hex: true} }
	one := func(cs ...Const) []Group { return []Group{{Consts: cs}} }
	tests := []struct {
		name, src string
		want      []Group
	}{
		{"empty", "", nil},
		{"numbers", "#define A 1\n#define B 0x10\n#define C (1 << 3)\n#define D 010\n", one(num("A", 1), hex("B", 16), hex("C", 8), num("D", 8))},
		{"suffixes", "#define A 1U\n#define B 0x10ULL\n#define C (1UL << 3)\n", one(num("A", 1), hex("B", 16), hex("C", 8))},
		{"names", "#define A 0x1\n#define B A\n#define C (A + 2)\n#define D (A | 0x4)\n", one(hex("A", 1), hex("B", 1), hex("C", 3), hex("D", 5))},
		{"operators", "#define A (7 - 2)\n#define B (3 * 5)\n#define C (6 & 3)\n#define D ~0\n#define E -1\n",
			one(num("A", 5), num("B", 15), num("C", 2), num("D", 0xffffffff), num("E", 1<<64-1))},
		{"string", `#define NAME "IPVS"`, one(Const{Name: "NAME", Text: "IPVS", IsString: true})},
		{"passed over", "#ifndef _H\n#define _H\n#include <linux/types.h>\n#define F(x) ((x) >> 8)\n#define G unknown\n#define H 1.5\n#define I (1 << 70)\n#define J (8 / 2)\n#endif\n", nil},
		{"enum", "enum {\n\tA,\n\tB = 5,\n\tC, D,\n\t__E\n};\n", one(num("A", 0), num("B", 5), num("C", 6), num("D", 7), num("__E", 8))},
		{"named enum", "enum x {\n\tA = 3,\n};\n#define MAX (A - 1)\n", []Group{{Consts: []Const{num("A", 3)}}, {Consts: []Const{num("MAX", 2)}}}},
		{"struct", "struct s {\n\t__u32 A;\n\t__be16 B[4];\n};\n#define A 1\n", one(num("A", 1))},
		{"continued", "#define A (1 | \\\n\t\t2 | \\\n\t\t4)\n", one(num("A", 7))},
		{"empty line ends a group", "#define A 1\n\n#define B 2\n", []Group{{Consts: []Const{num("A", 1)}}, {Consts: []Const{num("B", 2)}}}},
		{"empty line inside of an enum", "enum {\n\tA,\n\n\tB,\n};\n", one(num("A", 0), num("B", 1))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := consts(t, tt.src); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got\n%+v, want\n%+v", got, tt.want)
			}
		})
	}
}

func TestParse_comments(t *testing.T) {
	groups := consts(t, `/* SPDX */
#ifndef _H

/* not about what follows the empty line */

/*
 * Two lines
 * of doc.
 */
enum {
	A,	/* about A */
	/* above B,
	 * in two lines
	 */
	B,
	C, /* begins here
	    * and goes on */
	D,
};

/* Flags. */
#define F1 0x1	/* first */
/* the second */
#define F2 0x2
`)
	if len(groups) != 2 {
		t.Fatalf("%+v", groups)
	}
	e, f := groups[0], groups[1]
	for i, pair := range [][2]string{
		{e.Doc, "Two lines\nof doc."},
		{e.Consts[0].Note, "about A"},
		{e.Consts[1].Doc, "above B,\nin two lines"},
		{e.Consts[2].Note, "begins here\nand goes on"},
		{e.Consts[3].Doc, ""},
		{f.Doc, "Flags."},
		{f.Consts[0].Note, "first"},
		{f.Consts[1].Doc, "the second"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("comment %d is %q, want %q", i, pair[0], pair[1])
		}
	}
}

func TestParse_lines(t *testing.T) {
	groups, err := Parse(strings.NewReader("\n#define A 1\n#define B (1 | \\\n 2)\nenum {\n\tC,\n};\n"))
	if err != nil {
		t.Fatal(err)
	}
	got := []int{groups[0].Consts[0].Line, groups[0].Consts[1].Line, groups[1].Consts[0].Line}
	if !reflect.DeepEqual(got, []int{2, 3, 6}) {
		t.Errorf("lines %v", got)
	}
}

func TestParse_errors(t *testing.T) {
	for name, src := range map[string]string{
		"comment without end":  "/* a\n",
		"enum without end":     "enum {\nA,\n",
		"continued at the end": "#define A \\\n",
		"not a name":           "enum {\n1A,\n};\n",
		"not an expression":    "enum {\nA = 1 +,\n};\n",
		"unknown name":         "enum {\nA = B,\n};\n",
	} {
		if _, err := Parse(strings.NewReader(src)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestGoName(t *testing.T) {
	for c, want := range map[string]string{
		"IPVS_CMD_NEW_SERVICE":     "ipvsCmdNewService",
		"IP_VS_SVC_F_PERSISTENT":   "ipvsSvcFPersistent",
		"IPVS_SVC_ATTR_STATS64":    "ipvsSvcAttrStats64",
		"IPVS_FNAT_CAP_TOA":        "ipvsFnatCapToa",
		"IPVS_DAEMON_ATTR_SYNC_ID": "ipvsDaemonAttrSyncId",
	} {
		if got := GoName(c); got != want {
			t.Errorf("%s becomes %s, want %s", c, got, want)
		}
	}
}

func TestGenerate(t *testing.T) {
	src := `/* What it is. */
enum {
	IPVS_UNSPEC,
	IPVS_ONE,	/* the first */
	__IPVS_MAX,
};
#define IPVS_NAME "x"
#define IPVS_FLAG (1 << 4)
#define OTHER 1
`
	got, err := Generate(strings.NewReader(src), Options{Package: "p", Source: "x.h", Match: regexp.MustCompile("^IPVS_")})
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "generated.golden")
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("generated\n%s\nwant\n%s", got, want)
	}
}

func TestGenerate_errors(t *testing.T) {
	o := Options{Package: "p", Source: "x.h"}
	if _, err := Generate(strings.NewReader("enum {"), o); err == nil || !strings.Contains(err.Error(), "x.h") {
		t.Errorf("broken header: %v", err)
	}
	if _, err := Generate(strings.NewReader("struct s {\n};\n"), o); err == nil {
		t.Error("a header without constants is accepted")
	}
	o.Package = "not a name"
	if _, err := Generate(strings.NewReader("#define A 1\n"), o); err == nil {
		t.Error("a bad package name is accepted")
	}
}

// FuzzParse: a header of any kind gives constants or an error.
func FuzzParse(f *testing.F) {
	f.Add("enum {\n\tA = 1, /* c */\n};\n#define B (A << 3)\n")
	f.Add("/* a\n * b */\n#define S \"t\"\n#define X(y) y\nstruct s {\n int a;\n};\n")
	f.Fuzz(func(t *testing.T, src string) {
		_, _ = Parse(strings.NewReader(src))
	})
}
