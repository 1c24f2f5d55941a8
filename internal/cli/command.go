// SPDX-License-Identifier: Apache-2.0

package cli

import (
	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"

	"github.com/ipvs-fullnat/ipvs-fullnat/internal/argv"
)

// command is one of the things that a line can ask for. One of steps, run and
// atSight does it.
type command struct {
	name    string // long option
	title   string // name in messages where that is another one
	short   byte
	arity   argv.Arity
	aliases []alias
	rule    rule
	// value takes the command's own value, such as "master".
	value func(*request, string) error
	// words takes the words it wants from those that belong to no option,
	// and returns the others.
	words func(*request, []string) ([]string, error)
	// check looks at the whole line before anything is asked of the kernel.
	check func(*request) error
	// steps returns the changes that the command consists of, so that a
	// restore can send many in a few system calls.
	steps func(*session, *request) ([]step, error)
	run   func(*session, *request) error
	// atSight ends the program before anything behind the command is looked
	// at, as ipvsadm does for the usage and the version.
	atSight func(*session) error
}

// subject names the command in messages.
func (c *command) subject() string {
	if c.title != "" {
		return c.title
	}
	return c.name
}

// alias is another name of a command.
type alias struct {
	long  string
	short byte
}

// step is one request to the kernel.
type step struct {
	op  operation
	req np.Request
	// mayMiss: it is no error if what the step deletes is not there.
	mayMiss bool
	// chained: the step is for naught unless the one before succeeded.
	chained bool
	// undo takes back the step before this one, should this one fail.
	undo *np.Request
	// done is called when a step of a chain has succeeded.
	done func()
	// label, if not empty, goes in front of the message of a failure.
	label string
}

// commands is the table of commands. Each has a file of its own, or shares one
// with its opposite.
var commands = []*command{
	&addServiceCommand, &editServiceCommand, &deleteServiceCommand,
	&clearCommand, &listCommand, &zeroCommand,
	&addServerCommand, &editServerCommand, &deleteServerCommand,
	&setCommand, &helpCommand, &versionCommand,
	&restoreCommand, &saveCommand,
	&startDaemonCommand, &stopDaemonCommand,
	&addLocalCommand, &deleteLocalCommand, &listLocalCommand,
	&addZoneCommand, &editZoneCommand, &deleteZoneCommand,
	&addZoneLocalCommand, &deleteZoneLocalCommand,
	&drainCommand, &snatLogCommand,
}

var (
	// table is the option table as the normaliser wants it.
	table *argv.Table
	// commandOf finds the command of a row of the table.
	commandOf = make(map[int]*command)
)

// buildTable makes the option table out of the commands and the options.
func buildTable() {
	rows := make([]argv.Option, len(options))
	for i := range options {
		rows[i] = options[i].Option
	}
	table = argv.NewTable(rows)
	i := 0
	for _, c := range commands {
		for n := 0; n <= len(c.aliases); n++ {
			commandOf[i] = c
			i++
		}
	}
	table.Variant("add-server", 'b', "fullnat")
	table.Variant("edit-server", 'b', "fullnat")
}
