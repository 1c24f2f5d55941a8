// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"
)

// Exit statuses of ipvsadm: a refusal of the kernel or of the option parser
// leaves main as -1.
const (
	exitOK      = 0
	exitList    = 1
	exitUsage   = 2
	exitRefused = 255
)

// exitError ends the program, also from within a restore.
type exitError struct {
	status int
	// text is printed with a newline behind it, unless it is empty.
	text string
}

func (e *exitError) Error() string { return e.text }

// failf is the error for a mistake in the command line.
func failf(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Sprintf(format, args...)}
}

// lineError spoils one line and not the lines behind it in a restore.
type lineError struct{ text string }

func (e *lineError) Error() string { return e.text }

// operation is what was asked of the kernel: the same errno has different words
// for different operations.
type operation uint8

const (
	opOther operation = iota
	opAddService
	opEditService
	opDelService
	opZero
	opAddServer
	opEditServer
	opDelServer
	opStartDaemon
	opStopDaemon
	opList
	// From here on our own module is asked.
	opAddLocal
	opDelLocal
	opListLocal
	opAddZone
	opEditZone
	opDelZone
	opSynProxy
	opSwitchSNAT
)

// isOurs reports whether our own module is asked, and not stock's.
func (op operation) isOurs() bool { return op >= opAddLocal }

type opErrno struct {
	op    operation
	errno syscall.Errno
}

// messages are the words of ipvsadm, and ours in their manner for what it does
// not have.
var messages = map[opErrno]string{
	{opAddService, syscall.EEXIST}:  "Service already exists",
	{opAddService, syscall.ENOENT}:  "Scheduler or persistence engine not found",
	{opEditService, syscall.ESRCH}:  "No such service",
	{opEditService, syscall.ENOENT}: "Scheduler or persistence engine not found",
	{opDelService, syscall.ESRCH}:   "No such service",
	{opZero, syscall.ESRCH}:         "No such service",
	{opAddServer, syscall.ESRCH}:    "Service not defined",
	{opAddServer, syscall.EEXIST}:   "Destination already exists",
	{opEditServer, syscall.ESRCH}:   "Service not defined",
	{opEditServer, syscall.ENOENT}:  "No such destination",
	{opDelServer, syscall.ESRCH}:    "Service not defined",
	{opDelServer, syscall.ENOENT}:   "No such destination",
	{opStartDaemon, syscall.EEXIST}: "Daemon has already run",
	{opStopDaemon, syscall.ESRCH}:   "No daemon is running",
	{opList, syscall.ESRCH}:         "No such service",

	{opAddLocal, syscall.ESRCH}:   "Service not defined",
	{opAddLocal, syscall.ENOENT}:  "No such zone",
	{opAddLocal, syscall.EEXIST}:  "Local address already exists",
	{opDelLocal, syscall.ESRCH}:   "Service not defined",
	{opDelLocal, syscall.ENOENT}:  "No such local address",
	{opListLocal, syscall.ESRCH}:  "No such service",
	{opListLocal, syscall.ENOENT}: "No such zone",
	{opAddZone, syscall.EEXIST}:   "Zone already exists",
	{opEditZone, syscall.ENOENT}:  "No such zone",
	{opDelZone, syscall.ENOENT}:   "No such zone",
	{opSynProxy, syscall.ESRCH}:   "No such service",
}

// general are the words that hold for every operation.
var general = map[syscall.Errno]string{
	syscall.EPERM:        "Permission denied (you must be root)",
	syscall.EINVAL:       "Invalid operation.  Possibly wrong module version, address not unicast, ...",
	syscall.ENOPROTOOPT:  "Protocol not available",
	syscall.ENOMEM:       "Memory allocation problem",
	syscall.EOPNOTSUPP:   "Operation not supported with IPv6",
	syscall.EAFNOSUPPORT: "Operation not supported with specified address family",
	syscall.EMSGSIZE:     "Module is wrong version",
}

// explain returns the line that is printed for an error of the kernel. What the
// kernel itself says about it follows in brackets.
func explain(op operation, err error) string {
	var ke *np.KernelError
	var errno syscall.Errno
	switch {
	case errors.As(err, &ke):
		s := errnoText(op, ke.Errno)
		if ke.Msg != "" {
			s += " (" + ke.Msg + ")"
		}
		return s
	case errors.As(err, &errno):
		return errnoText(op, errno)
	}
	return err.Error()
}

func errnoText(op operation, e syscall.Errno) string {
	if s, ok := messages[opErrno{op, e}]; ok {
		return s
	}
	if op.isOurs() && e == syscall.EOPNOTSUPP {
		// The general words are stock's, which means IPv6 by it.
		return "Not supported by the " + fullnatModule + " that is loaded"
	}
	if s, ok := general[e]; ok {
		return s
	}
	return strerror(e)
}

// strerror returns C's text: Go's is the same with a small first letter.
func strerror(e syscall.Errno) string {
	s := e.Error()
	return strings.ToUpper(s[:1]) + s[1:]
}

// refused is the error for what the kernel refused.
func refused(op operation, err error) error {
	if err == nil {
		return nil
	}
	var ee *exitError
	if errors.As(err, &ee) {
		return err
	}
	return &lineError{explain(op, err)}
}

// listFailed is the error for a list that the kernel refused: it ends the
// program with another status than a change.
func listFailed(op operation, err error) error {
	if err == nil {
		return nil
	}
	var ee *exitError
	if errors.As(err, &ee) {
		return err
	}
	return &exitError{exitList, explain(op, err)}
}
