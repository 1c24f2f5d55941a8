// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"testing"

	"github.com/ipvs-fullnat/ipvs-fullnat/internal/uapigen"
)

const (
	ownHeader   = "../kernel/include/uapi/linux/ip_vs_fullnat.h"
	stockHeader = "/usr/include/linux/ip_vs.h"
)

// TestGenerated_ownHeader: zz_uapi.go is what the header gives.
func TestGenerated_ownHeader(t *testing.T) {
	f, err := os.Open(ownHeader)
	must(t, err)
	defer f.Close()
	want, err := uapigen.Generate(f, uapigen.Options{Package: "netlinkproto", Source: "linux/ip_vs_fullnat.h"})
	must(t, err)
	have, err := os.ReadFile("zz_uapi.go")
	must(t, err)
	if !bytes.Equal(have, want) {
		t.Errorf("zz_uapi.go does not match %s; run go generate ./netlinkproto", ownHeader)
	}
}

// TestGenerated_stockHeader: the constants of zz_ipvs.go have the values of
// this system's header, which may be another version than the one they were
// generated from and have more.
func TestGenerated_stockHeader(t *testing.T) {
	f, err := os.Open(stockHeader)
	if os.IsNotExist(err) {
		t.Skip("the kernel's user-space headers (linux-libc-dev) are not installed")
	}
	must(t, err)
	defer f.Close()
	groups, err := uapigen.Parse(f)
	must(t, err)
	header := map[string]uapigen.Const{}
	for _, g := range groups {
		for _, c := range g.Consts {
			header[uapigen.GoName(c.Name)] = c
		}
	}
	consts := generatedConsts(t, "zz_ipvs.go")
	if len(consts) < 100 {
		t.Fatalf("only %d constants in zz_ipvs.go", len(consts))
	}
	for name, text := range consts {
		c, ok := header[name]
		if !ok {
			t.Errorf("%s is not in %s", name, stockHeader)
			continue
		}
		if c.IsString {
			if text != strconv.Quote(c.Text) {
				t.Errorf("%s is %s, the header has %q", name, text, c.Text)
			}
			continue
		}
		v, err := strconv.ParseUint(text, 0, 64)
		// The largest attribute grows with the kernel.
		if err != nil || (v != c.Value && c.Value < v) || (v != c.Value && name[len(name)-3:] != "Max") {
			t.Errorf("%s is %s, the header has %d", name, text, c.Value)
		}
	}
}

// generatedConsts returns the constants of a Go file with their literals.
func generatedConsts(t *testing.T, file string) map[string]string {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	must(t, err)
	consts := map[string]string{}
	ast.Inspect(tree, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok {
			consts[v.Names[0].Name] = v.Values[0].(*ast.BasicLit).Value
		}
		return true
	})
	return consts
}

// TestGenerated_sharedNumbers: both families lay out a service's key alike,
// which the encoder of keys relies on.
func TestGenerated_sharedNumbers(t *testing.T) {
	for _, pair := range [][2]int{
		{ipvsCmdAttrService, ipvsFnatAttrService},
		{ipvsSvcAttrAf, ipvsFnatSvcAttrAf},
		{ipvsSvcAttrProtocol, ipvsFnatSvcAttrProtocol},
		{ipvsSvcAttrAddr, ipvsFnatSvcAttrAddr},
		{ipvsSvcAttrPort, ipvsFnatSvcAttrPort},
		{ipvsSvcAttrFwmark, ipvsFnatSvcAttrFwmark},
	} {
		if pair[0] != pair[1] {
			t.Errorf("attribute %d of stock is %d of ours", pair[0], pair[1])
		}
	}
	if uint32(FullNAT)&ipvsConnFFwdMask != uint32(FullNAT) {
		t.Errorf("method %d is cut off by stock's mask", FullNAT)
	}
}
