// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
)

// Client talks to the IPVS families of one network namespace. It is made by
// Dial and is safe for concurrent use: every operation that runs has a socket
// of its own, so the body of a loop over a dump may use the same Client.
//
// All methods return early with the context's error when the context is done.
// The kernel carries a change out while it is being sent, so a change that was
// given up may have happened.
type Client struct {
	dial func() (socket, error)

	mu     sync.Mutex
	idle   []*conn
	busy   map[*conn]struct{}
	ids    map[*family]familyInfo
	closed bool
	// onClose releases what dial needs.
	onClose func() error
}

// maxIdle is how many sockets are kept for later. More than two are in use only
// when the caller nests dumps or runs them side by side.
const maxIdle = 4

// options are what Option functions set.
type options struct {
	netns int
}

// Option changes how Dial works.
type Option func(*options)

// WithNetNS makes the Client work in the network namespace that the open file
// fd refers to, instead of that of the calling thread. The file may be closed
// when Dial has returned.
func WithNetNS(fd int) Option {
	return func(o *options) { o.netns = fd }
}

// Dial opens a Client in the network namespace of the calling thread, or in
// that of WithNetNS, and looks up the family of stock IPVS; ErrNoFamily says
// that ip_vs is not loaded. The family of ip_vs_fullnat is looked up when it is
// first used.
func Dial(ctx context.Context, opts ...Option) (*Client, error) {
	var o options
	for _, f := range opts {
		f(&o)
	}
	dial, onClose, err := newDialer(o)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	c := newClient(dial)
	c.onClose = onClose
	if err := c.lookupFirst(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func newClient(dial func() (socket, error)) *Client {
	return &Client{
		dial: dial,
		busy: map[*conn]struct{}{},
		ids:  map[*family]familyInfo{ctrlFamily: {id: ctrlID}},
	}
}

// lookupFirst fails when stock IPVS is not there.
func (c *Client) lookupFirst(ctx context.Context) error {
	return c.with(ctx, func(n *conn) error {
		_, err := c.resolve(n, stockFamily)
		return err
	})
}

// Close closes the Client's sockets. Operations that run in other goroutines
// end with ErrClosed.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	var errs []error
	for _, n := range c.idle {
		errs = append(errs, n.sock.Close())
	}
	for n := range c.busy {
		errs = append(errs, n.sock.Close())
	}
	c.idle = nil
	if c.onClose != nil {
		errs = append(errs, c.onClose())
	}
	return errors.Join(errs...)
}

// acquire returns a socket that nobody else uses.
func (c *Client) acquire() (*conn, error) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil, ErrClosed
	}
	if i := len(c.idle) - 1; i >= 0 {
		n := c.idle[i]
		c.idle = c.idle[:i]
		c.busy[n] = struct{}{}
		c.mu.Unlock()
		return n, nil
	}
	c.mu.Unlock()

	s, err := c.dial()
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	n := newConn(s)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errors.Join(ErrClosed, s.Close())
	}
	c.busy[n] = struct{}{}
	return n, nil
}

// release gives a socket back. One on which answers may be under way that
// nobody will read is closed, which also ends the kernel's side of a dump.
func (c *Client) release(n *conn, clean bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.busy, n)
	switch {
	case c.closed: // Close has closed it
	case clean && len(c.idle) < maxIdle:
		c.idle = append(c.idle, n)
	default:
		_ = n.sock.Close()
	}
}

// with runs f with a socket, under the context. The socket is used again only
// when f returned with all answers read, which it says by clearing n.dirty; a
// panic in the body of a caller's loop comes through here.
func (c *Client) with(ctx context.Context, f func(*conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	n, err := c.acquire()
	if err != nil {
		return err
	}
	stop := n.watch(ctx)
	returned := false
	defer func() {
		undisturbed := stop()
		c.release(n, returned && undisturbed && !n.dirty && !n.grown())
	}()
	err = f(n)
	returned = true
	return c.explain(ctx, n, err)
}

// explain puts the reason in the place of the error that a closed or timed-out
// socket gives.
func (c *Client) explain(ctx context.Context, n *conn, err error) error {
	if err == nil || !n.dirty {
		return err
	}
	if ctxErr := ctx.Err(); ctxErr != nil {
		return ctxErr
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	return err
}

// familyInfo is what the kernel says about a family.
type familyInfo struct {
	id     uint16
	groups map[string]uint32
}

// resolve returns the family's number, from memory when it is known.
func (c *Client) resolve(n *conn, f *family) (familyInfo, error) {
	c.mu.Lock()
	info, ok := c.ids[f]
	c.mu.Unlock()
	if ok {
		return info, nil
	}
	info, err := n.lookup(f.name)
	if err != nil {
		return familyInfo{}, err
	}
	c.mu.Lock()
	c.ids[f] = info
	c.mu.Unlock()
	return info, nil
}

// moved reports whether err can come from a family number that is no longer
// valid because the module was loaded anew, and whether there is a new number.
// generic netlink answers ENOENT for such a number, as families do for objects.
func (c *Client) moved(n *conn, f *family, old familyInfo, err error) (bool, error) {
	var k *KernelError
	if !errors.As(err, &k) || k.Errno != syscall.ENOENT || k.Msg != "" {
		return false, err
	}
	c.mu.Lock()
	delete(c.ids, f)
	c.mu.Unlock()
	now, lookupErr := c.resolve(n, f)
	if lookupErr != nil {
		return false, lookupErr
	}
	return now.id != old.id, err
}

// Do sends one change and waits for the kernel's answer.
func (c *Client) Do(ctx context.Context, r Request) error {
	return c.call(ctx, r, flagAck, nil)
}

// call sends a request and gives the attributes of each answer to take, until
// take wants no more or the kernel says that it is done.
func (c *Client) call(ctx context.Context, r Request, flags uint16, take func([]byte) (bool, error)) error {
	if r.err != nil {
		return r.err
	}
	if r.family == nil {
		return fmt.Errorf("empty request: %w", ErrInvalid)
	}
	err := c.with(ctx, func(n *conn) error {
		info, err := c.resolve(n, r.family)
		if err != nil {
			return err
		}
		err = n.exchange(info.id, r, flags, take)
		if again, err := c.moved(n, r.family, info, err); !again {
			return err
		}
		if info, err = c.resolve(n, r.family); err != nil {
			return err
		}
		return n.exchange(info.id, r, flags, take)
	})
	return r.wrap(err)
}

// wrap puts what was attempted in front of an error that does not say it yet.
func (r Request) wrap(err error) error {
	var k *KernelError
	if err == nil || errors.As(err, &k) {
		return err
	}
	return fmt.Errorf("%v: %w", r, err)
}
