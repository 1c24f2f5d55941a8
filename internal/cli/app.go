// SPDX-License-Identifier: Apache-2.0

// Package cli is the command line of ipvsadm-go. One table holds every option
// and another one every command; each command has a file. The line is first
// split by package argv as popt would; the program's own line then goes through
// urfave/cli as plain long options, the lines of a restore straight into the
// same table.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	ucli "github.com/urfave/cli/v2"

	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"

	"github.com/ipvs-fullnat/ipvs-fullnat/internal/argv"
	"github.com/ipvs-fullnat/ipvs-fullnat/internal/names"
	"github.com/ipvs-fullnat/ipvs-fullnat/internal/spec"
)

// Names looks names up in both directions.
type Names interface {
	spec.Resolver
	spec.Namer
}

// Env is the world outside of the program.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Names          Names
	// Dial opens the connection to the kernel.
	Dial func(context.Context) (*np.Client, error)
	// Modprobe loads a kernel module.
	Modprobe func(module string) error
	// Loaded reports whether a module is in the kernel.
	Loaded func(module string) bool
}

// System is the Env of the real program.
func System() *Env {
	return &Env{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Names:    &names.Resolver{},
		Dial:     func(ctx context.Context) (*np.Client, error) { return np.Dial(ctx) },
		Modprobe: modprobe,
		Loaded:   isLoaded,
	}
}

// isLoaded looks for a module in sysfs; where that is not mounted, as in some
// containers, any module may be loaded.
func isLoaded(module string) bool {
	_, err := os.Stat("/sys/module/" + module)
	if err == nil {
		return true
	}
	_, err = os.Stat("/sys/module")
	return err != nil
}

// modprobe runs modprobe from the place that ipvsadm takes it from. Its own
// messages are dropped: the caller has a clearer one.
func modprobe(module string) error {
	return exec.Command("/sbin/modprobe", "--", module).Run()
}

// Run runs a command line, args[0] being the program's name, and returns the
// exit status.
func Run(ctx context.Context, args []string, env *Env) int {
	s := &session{env: env, ctx: ctx, program: args[0]}
	err := s.runArgs(args[1:])
	if s.client != nil {
		s.client.Close() // all answers are in
	}
	var le *lineError
	var ee *exitError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &le):
		fmt.Fprintln(env.Stderr, le.text)
		return exitRefused
	case errors.As(err, &ee):
		if ee.text != "" {
			fmt.Fprintln(env.Stderr, ee.text)
		}
		return ee.status
	}
	fmt.Fprintf(env.Stderr, "%s: %v\n", s.program, err)
	return exitList
}

// tryHelp is the error for a line without a command.
func (s *session) tryHelp() error {
	return &exitError{exitRefused, fmt.Sprintf(
		"Try `%s -h' or '%s --help' for more information.", s.program, s.program)}
}

// runArgs runs the program's own line.
func (s *session) runArgs(args []string) error {
	if len(args) == 0 {
		return listAll(s, newRequest(&listCommand, s.program, s.env.Names))
	}
	l, r, err := s.split(args)
	if err != nil {
		return err
	}
	if err := s.takeCommand(r, l.Tokens[0]); err != nil {
		return err
	}
	return s.dispatch(l, r)
}

// runLine runs a line of a restore.
func (s *session) runLine(args []string) error {
	l, r, err := s.split(args)
	if err != nil {
		return err
	}
	if err := s.takeCommand(r, l.Tokens[0]); err != nil {
		return err
	}
	if err := r.apply(l.Tokens[1:]); err != nil {
		return err
	}
	return s.execute(r, l.Words, l.Err)
}

// split parts a line and finds its command, which is its first option.
func (s *session) split(args []string) (argv.Line, *request, error) {
	l := table.Parse(args)
	if len(l.Tokens) == 0 {
		return l, nil, s.tryHelp()
	}
	cmd := commandOf[l.Tokens[0].Index]
	if cmd == nil {
		return l, nil, s.tryHelp()
	}
	return l, newRequest(cmd, s.program, s.env.Names), nil
}

// takeCommand gives the command its value, or runs it where the rest of the line
// is of no matter to it.
func (s *session) takeCommand(r *request, k argv.Token) error {
	switch {
	case r.cmd.atSight != nil:
		return r.cmd.atSight(s)
	case r.cmd.value != nil:
		return r.cmd.value(r, k.Value)
	}
	return nil
}

// execute checks a line whose options have been taken, and does what it asks.
func (s *session) execute(r *request, words []string, syntax *argv.SyntaxError) error {
	if err := r.finish(words, syntax); err != nil {
		return err
	}
	if r.cmd.run != nil {
		return r.cmd.run(s, r)
	}
	if _, err := s.kernel(); err != nil {
		return err
	}
	steps, err := r.cmd.steps(s, r)
	if err != nil {
		return err
	}
	return s.submit(steps)
}

// dispatch hands the line to urfave/cli, the command being one of its commands.
func (s *session) dispatch(l argv.Line, r *request) error {
	in := &intake{request: r, tokens: l.Tokens[1:]}
	app := &ucli.App{
		Name: s.program, HideHelp: true, HideVersion: true,
		Writer: s.env.Stdout, ErrWriter: s.env.Stderr,
		ExitErrHandler: func(*ucli.Context, error) {},
		OnUsageError:   in.usageError,
		Commands: []*ucli.Command{{
			Name: r.cmd.name, HideHelp: true, OnUsageError: in.usageError,
			Flags: in.flags(),
			Action: func(c *ucli.Context) error {
				return s.execute(r, c.Args().Slice(), l.Err)
			},
		}},
	}
	l.Tokens = l.Tokens[1:]
	line := append([]string{s.program, r.cmd.name}, l.Long()...)
	return app.RunContext(s.ctx, line)
}

// intake is where urfave/cli leaves the options, in the order of the line.
type intake struct {
	request *request
	tokens  []argv.Token
	err     error
}

// usageError returns the error with which an option was refused instead of the
// text that the flag package makes of it.
func (in *intake) usageError(_ *ucli.Context, err error, _ bool) error {
	if in.err != nil {
		return in.err
	}
	return failf("%v", err)
}

// flags makes a flag of every option that is on the line. The normaliser has
// found them all in the table, and each flag more would cost urfave/cli a search
// through all flags for every one that is set, several milliseconds in all.
func (in *intake) flags() []ucli.Flag {
	flags := make([]ucli.Flag, 0, len(in.tokens))
	seen := make(map[string]bool, len(in.tokens))
	for _, k := range in.tokens {
		o := &options[k.Index]
		if seen[o.Long] {
			continue
		}
		seen[o.Long] = true
		flags = append(flags, &ucli.GenericFlag{
			Name: o.Long, Value: &flagValue{in, o.Arity != argv.NeedsValue},
		})
	}
	return flags
}

// flagValue takes one option. The flag package calls Set in the order of the
// line, so the next token is the one that is meant.
type flagValue struct {
	in *intake
	// bare options can do without a value.
	bare bool
}

func (v *flagValue) IsBoolFlag() bool { return v.bare }

func (v *flagValue) String() string { return "" }

func (v *flagValue) Set(string) error {
	k := v.in.tokens[0]
	v.in.tokens = v.in.tokens[1:]
	v.in.err = v.in.request.applyToken(k)
	return v.in.err
}
