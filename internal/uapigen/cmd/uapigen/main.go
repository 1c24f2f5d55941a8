// SPDX-License-Identifier: Apache-2.0

// Command uapigen writes the constants of a kernel header as a Go file.
//
//	uapigen -header FILE -source NAME -package P [-match REGEXP] -o FILE
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"

	"github.com/ipvs-fullnat/ipvs-fullnat/internal/uapigen"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "uapigen:", err)
		os.Exit(1)
	}
}

func run() error {
	header := flag.String("header", "", "header to read")
	source := flag.String("source", "", "name of the header in comments")
	pkg := flag.String("package", "", "package of the Go file")
	match := flag.String("match", "", "regular expression that C names must match")
	out := flag.String("o", "", "Go file to write")
	flag.Parse()

	o := uapigen.Options{Package: *pkg, Source: *source}
	if *match != "" {
		re, err := regexp.Compile(*match)
		if err != nil {
			return fmt.Errorf("-match: %w", err)
		}
		o.Match = re
	}
	f, err := os.Open(*header)
	if err != nil {
		return err
	}
	defer f.Close()
	b, err := uapigen.Generate(f, o)
	if err != nil {
		return err
	}
	return os.WriteFile(*out, b, 0o644)
}
