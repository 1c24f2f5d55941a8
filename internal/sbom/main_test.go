// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

func TestDescribe(t *testing.T) {
	info := &debug.BuildInfo{
		GoVersion: "go1.25.0", Path: "example.org/tool/cmd/tool", Main: debug.Module{Path: "example.org/tool"},
		Deps: []*debug.Module{
			{Path: "example.org/lib", Version: "v1.2.3", Sum: "h1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="},
			{Path: "example.org/old", Version: "v1.0.0", Replace: &debug.Module{Path: "example.org/new", Version: "v2.0.0"}},
		},
	}
	doc := describe(info, "0.1.0", time.Unix(0, 0))
	if got := doc.Metadata.Component; got.Name != "tool" || got.Version != "0.1.0" {
		t.Errorf("program: %+v", got)
	}
	if doc.Metadata.Timestamp != "1970-01-01T00:00:00Z" {
		t.Errorf("date: %s", doc.Metadata.Timestamp)
	}
	want := []string{"pkg:golang/std@1.25.0", "pkg:golang/example.org/lib@v1.2.3", "pkg:golang/example.org/new@v2.0.0"}
	if got := strings.Join(doc.DependsOn[0].DependsOn, " "); got != strings.Join(want, " ") {
		t.Errorf("parts: %s", got)
	}
	sum := doc.Components[1].Hashes
	if len(sum) != 1 || sum[0].Content != "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f" {
		t.Errorf("sum: %+v", sum)
	}
	if doc.Components[2].Hashes != nil {
		t.Errorf("a module without a sum has %+v", doc.Components[2].Hashes)
	}
}

func TestRun(t *testing.T) {
	// This test is a Go program itself.
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var first, second bytes.Buffer
	for _, out := range []*bytes.Buffer{&first, &second} {
		if err := run([]string{self, "1", "7"}, out); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two runs differ")
	}
	var doc document
	if err := json.Unmarshal(first.Bytes(), &doc); err != nil || doc.Format != "CycloneDX" {
		t.Errorf("%v, format %q", err, doc.Format)
	}
	other := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(other, []byte("no program"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{other, "1", "7"}, {self, "1", "x"}, {self}} {
		if run(args, &bytes.Buffer{}) == nil {
			t.Errorf("%q: no error", args)
		}
	}
}
