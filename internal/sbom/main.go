// SPDX-License-Identifier: Apache-2.0

// Command sbom prints what a Go program was built from, as a CycloneDX 1.5
// document. It reads what the toolchain has written into the program itself, so
// that the list cannot differ from what is linked.
//
//	sbom PROGRAM VERSION EPOCH
//
// EPOCH, in seconds, is the date of the document: the same program gives the same
// document, byte by byte.
package main

import (
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

type document struct {
	Format      string       `json:"bomFormat"`
	SpecVersion string       `json:"specVersion"`
	Version     int          `json:"version"`
	Metadata    metadata     `json:"metadata"`
	Components  []component  `json:"components"`
	DependsOn   []dependency `json:"dependencies"`
}

type metadata struct {
	Timestamp string    `json:"timestamp"`
	Component component `json:"component"`
}

type component struct {
	Type    string `json:"type"`
	Ref     string `json:"bom-ref"`
	Name    string `json:"name"`
	Version string `json:"version"`
	PURL    string `json:"purl"`
	Hashes  []hash `json:"hashes,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn"`
}

// module is a library in the document. The sum of go.sum is a SHA-256 over the
// module's files; one that is not of that form is left out.
func module(m *debug.Module) component {
	if m.Replace != nil {
		m = m.Replace
	}
	purl := "pkg:golang/" + m.Path + "@" + m.Version
	c := component{Type: "library", Ref: purl, Name: m.Path, Version: m.Version, PURL: purl}
	if encoded, found := strings.CutPrefix(m.Sum, "h1:"); found {
		if raw, err := base64.StdEncoding.DecodeString(encoded); err == nil {
			c.Hashes = []hash{{Algorithm: "SHA-256", Content: hex.EncodeToString(raw)}}
		}
	}
	return c
}

// describe turns what a program says of itself into a document.
func describe(info *debug.BuildInfo, version string, at time.Time) document {
	purl := "pkg:golang/" + info.Main.Path + "@v" + version
	program := component{
		Type: "application", Ref: purl + "#" + path.Base(info.Path),
		Name: path.Base(info.Path), Version: version, PURL: purl,
	}
	goVersion := strings.TrimPrefix(info.GoVersion, "go")
	std := "pkg:golang/std@" + goVersion
	doc := document{
		Format: "CycloneDX", SpecVersion: "1.5", Version: 1,
		Metadata:   metadata{Timestamp: at.UTC().Format(time.RFC3339), Component: program},
		Components: []component{{Type: "library", Ref: std, Name: "std", Version: goVersion, PURL: std}},
	}
	for _, dep := range info.Deps {
		doc.Components = append(doc.Components, module(dep))
	}
	all := dependency{Ref: program.Ref}
	for _, c := range doc.Components {
		all.DependsOn = append(all.DependsOn, c.Ref)
	}
	doc.DependsOn = []dependency{all}
	return doc
}

func run(args []string, out io.Writer) error {
	if len(args) != 3 {
		return fmt.Errorf("usage: sbom PROGRAM VERSION EPOCH")
	}
	info, err := buildinfo.ReadFile(args[0])
	if err != nil {
		return fmt.Errorf("cannot read what %s was built from: %w", args[0], err)
	}
	epoch, err := strconv.ParseInt(args[2], 10, 64)
	if err != nil {
		return fmt.Errorf("%q is no date: %w", args[2], err)
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(describe(info, args[1], time.Unix(epoch, 0)))
}

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}
