// SPDX-License-Identifier: Apache-2.0

// Command difftest runs command lines through stock ipvsadm and through ours,
// each in a network namespace of its own, and compares exit status, standard
// output, standard error, and the table that results as stock ipvsadm reads it.
// Differences that are meant are listed in intended.txt; anything else fails.
//
// The lines come from the files below corpus and from a generator.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"sort"
	"strings"
	"time"
)

type config struct {
	stock, ours string
	seed        uint64
	generate    int
	only        string
	verbose     bool
}

func main() {
	var c config
	flag.StringVar(&c.stock, "stock", "/sbin/ipvsadm", "stock ipvsadm")
	flag.StringVar(&c.ours, "ours", "/lab/bin/ipvsadm-go", "the tool under test")
	flag.Uint64Var(&c.seed, "seed", uint64(time.Now().UnixNano()), "seed of the generated sessions")
	flag.IntVar(&c.generate, "generate", 40, "number of generated sessions")
	flag.StringVar(&c.only, "only", "", "run only cases whose name contains this")
	flag.BoolVar(&c.verbose, "v", false, "name every case")
	flag.Parse()
	if err := run(c); err != nil {
		fmt.Fprintln(os.Stderr, "difftest:", err)
		os.Exit(1)
	}
}

func run(c config) error {
	cases, err := loadCorpus()
	if err != nil {
		return err
	}
	cases = append(cases, generate(rand.New(rand.NewPCG(c.seed, 1)), c.generate)...)
	rules, err := loadIntended()
	if err != nil {
		return err
	}
	d, err := newDiffer(c.stock, c.ours, rules)
	if err != nil {
		return err
	}
	defer d.close()

	start, ran, lines := time.Now(), 0, 0
	failed := map[string]int{}
	for _, cs := range cases {
		if !strings.Contains(cs.name, c.only) {
			continue
		}
		if c.verbose {
			fmt.Println("#", cs.name)
		}
		ran++
		lines += len(cs.steps)
		if diffs := d.run(cs); len(diffs) > 0 {
			failed[cs.file]++
			fmt.Printf("FAIL %s\n%s", cs.name, strings.Join(diffs, ""))
		}
	}
	fmt.Printf("%d cases with %d command lines in %.1f s, seed %d\n",
		ran, lines, time.Since(start).Seconds(), c.seed)
	return verdict(failed, rules, c.only == "")
}

// verdict fails if a case did, or if a rule of intended.txt met nothing: then
// the difference is no longer there and the rule hides others.
func verdict(failed map[string]int, rules []*rule, all bool) error {
	var bad []string
	for f, n := range failed {
		bad = append(bad, fmt.Sprintf("%d cases of %s differ", n, f))
	}
	for _, r := range rules {
		if all && r.used == 0 {
			bad = append(bad, fmt.Sprintf("intended.txt: no case needs %q", r.name))
		}
	}
	sort.Strings(bad)
	if len(bad) > 0 {
		return fmt.Errorf("%s", strings.Join(bad, "; "))
	}
	return nil
}
