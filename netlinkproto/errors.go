// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// Errors that callers can test for with errors.Is. The first group stands for
// an answer of the kernel; the error itself is then a *KernelError.
var (
	// ErrNotExist: what was to be changed or read is not there. It also
	// holds for ErrNoService.
	ErrNotExist = errors.New("does not exist")
	// ErrNoService: the service that the request names is not there
	// (ESRCH).
	ErrNoService = errors.New("no such service")
	// ErrExist: what was to be added is there already.
	ErrExist = errors.New("exists already")
	// ErrPermission: CAP_NET_ADMIN is missing in the network namespace.
	ErrPermission = errors.New("permission denied")
	// ErrUnsupported: the kernel knows the family, but not this request.
	ErrUnsupported = errors.New("not supported by the kernel")
	// ErrInvalid: the kernel refused a value (EINVAL, ERANGE,
	// EAFNOSUPPORT).
	ErrInvalid = errors.New("refused as invalid")

	// ErrNoFamily: the generic netlink family is absent, because its module
	// is not loaded. The error is a *FamilyError, which has the name.
	ErrNoFamily = errors.New("generic netlink family not found")
	// ErrInterrupted: the table changed while it was dumped, so entries may
	// be missing or doubled.
	ErrInterrupted = errors.New("dump interrupted by a change")
	// ErrOverrun: the kernel had more to say than the socket could hold, so
	// answers or notifications are lost.
	ErrOverrun = errors.New("messages lost")
	// ErrMalformed: a message of the kernel does not follow its own
	// protocol.
	ErrMalformed = errors.New("malformed message")
	// ErrClosed: the Client is closed.
	ErrClosed = errors.New("client closed")
)

// KernelError is a request that the kernel refused. errors.Is compares it with
// the Err variables of this package and with its Errno.
type KernelError struct {
	// Op is what was attempted, such as "add service tcp 192.0.2.1:80".
	Op string
	// Errno is the kernel's answer.
	Errno syscall.Errno
	// Msg is the kernel's own explanation, or empty.
	Msg string
}

// Error returns the operation, the errno's text and the kernel's explanation.
func (e *KernelError) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	b.WriteString(": ")
	b.WriteString(e.Errno.Error())
	if e.Msg != "" {
		b.WriteString(" (")
		b.WriteString(e.Msg)
		b.WriteString(")")
	}
	return b.String()
}

// Unwrap returns the errno.
func (e *KernelError) Unwrap() error { return e.Errno }

// Is reports whether the errno belongs to target, one of this package's errors.
func (e *KernelError) Is(target error) bool {
	switch target {
	case ErrNotExist:
		return e.Errno == syscall.ENOENT || e.Errno == syscall.ESRCH
	case ErrNoService:
		return e.Errno == syscall.ESRCH
	case ErrExist:
		return e.Errno == syscall.EEXIST
	case ErrPermission:
		return e.Errno == syscall.EPERM || e.Errno == syscall.EACCES
	case ErrUnsupported:
		return e.Errno == syscall.EOPNOTSUPP
	case ErrInvalid:
		return e.Errno == syscall.EINVAL || e.Errno == syscall.ERANGE ||
			e.Errno == syscall.EAFNOSUPPORT
	}
	return false
}

// FamilyError is a generic netlink family that the kernel does not have.
type FamilyError struct {
	// Name is the family's name, such as "IPVS_FULLNAT".
	Name string
	// Err is why the lookup failed, usually ENOENT.
	Err error
}

// Error names the family.
func (e *FamilyError) Error() string {
	return fmt.Sprintf("generic netlink family %s: %v", e.Name, e.Err)
}

// Unwrap returns why the lookup failed.
func (e *FamilyError) Unwrap() error { return e.Err }

// Is reports whether target is ErrNoFamily.
func (e *FamilyError) Is(target error) bool { return target == ErrNoFamily }
