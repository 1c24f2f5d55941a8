// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"time"
)

// EventKind says what an Event is about.
type EventKind uint8

// The kinds of events. Zones have their own when the module has CapZone.
const (
	EventAddLocalAddr        EventKind = ipvsFnatCmdNewLaddr
	EventDeleteLocalAddr     EventKind = ipvsFnatCmdDelLaddr
	EventAddZone             EventKind = ipvsFnatCmdNewZone
	EventSetZone             EventKind = ipvsFnatCmdSetZone
	EventDeleteZone          EventKind = ipvsFnatCmdDelZone
	EventAddZoneLocalAddr    EventKind = ipvsFnatCmdNewLaddrZone
	EventDeleteZoneLocalAddr EventKind = ipvsFnatCmdDelLaddrZone
	EventSetService          EventKind = ipvsFnatCmdSetService
	EventDeleteService       EventKind = ipvsFnatCmdDelService
	EventFlush               EventKind = ipvsFnatCmdFlush
)

var eventNames = map[EventKind]string{
	EventAddLocalAddr:        "add local address",
	EventDeleteLocalAddr:     "delete local address",
	EventAddZone:             "add zone",
	EventSetZone:             "set zone",
	EventDeleteZone:          "delete zone",
	EventAddZoneLocalAddr:    "add local address of zone",
	EventDeleteZoneLocalAddr: "delete local address of zone",
	EventSetService:          "set service extension",
	EventDeleteService:       "delete service extension",
	EventFlush:               "flush",
}

// String returns what happened, such as "add local address".
func (k EventKind) String() string {
	if s, ok := eventNames[k]; ok {
		return s
	}
	return fmt.Sprintf("EventKind(%d)", uint8(k))
}

// Event is a change of what IPVS_FULLNAT holds, made by anybody.
type Event struct {
	Kind EventKind
	// Service is the service, with its flags for EventSetService; zero
	// where the event is about a zone or everything.
	Service ServiceExt
	// Zone is the zone, where the event is about one.
	Zone netip.Prefix
	// LocalAddr is the local address, where the event is about one.
	LocalAddr netip.Addr
}

// Subscription receives events. It is used by one goroutine at a time, but may
// be closed by any.
type Subscription struct {
	client *Client
	conn   *conn
	id     uint16
}

// Subscribe starts to receive the events of IPVS_FULLNAT. Everything that
// happens after it has returned is delivered, so a dump that is made then
// misses nothing.
func (c *Client) Subscribe(ctx context.Context) (*Subscription, error) {
	return c.subscribe(ctx, "subscribe to FULLNAT events", ipvsFnatMcgrpConfig)
}

func (c *Client) subscribe(ctx context.Context, op, name string) (*Subscription, error) {
	s := &Subscription{client: c}
	err := c.with(ctx, func(n *conn) error {
		info, err := c.resolve(n, fullnatFamily)
		if err != nil {
			return err
		}
		s.id = info.id
		group, ok := info.groups[name]
		if !ok {
			return fmt.Errorf("group %s: %w", name, ErrUnsupported)
		}
		sock, err := c.dial()
		if err != nil {
			return err
		}
		if err := sock.joinGroup(group); err != nil {
			return errors.Join(err, sock.Close())
		}
		s.conn = newConn(sock)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	if err := c.adopt(s.conn); err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	return s, nil
}

// adopt makes Close of the Client close n too.
func (c *Client) adopt(n *conn) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errors.Join(ErrClosed, n.sock.Close())
	}
	n.dirty = true
	c.busy[n] = struct{}{}
	return nil
}

// Close ends the subscription.
func (s *Subscription) Close() error {
	s.client.release(s.conn, false)
	return nil
}

// Events yields events until the context is done, which is also an error.
// ErrOverrun says that events were lost because they came faster than they were
// taken; more can be taken after it. Any other error is the last thing yielded.
func (s *Subscription) Events(ctx context.Context) iter.Seq2[Event, error] {
	return receive(ctx, s, func(cmd uint8, b []byte) (Event, error) {
		return decodeEvent(EventKind(cmd), b)
	})
}

// receive yields what decode makes of each message.
func receive[T any](ctx context.Context, s *Subscription, decode func(uint8, []byte) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		stop := s.conn.watch(ctx)
		defer func() {
			if !stop() { // ready for another call
				_ = s.conn.sock.setDeadline(time.Time{})
			}
		}()
		for {
			stopped, err := receiveOne(ctx, s, decode, yield)
			if stopped {
				return
			}
			if err != nil && (!yield(none, err) || !errors.Is(err, ErrOverrun)) {
				return
			}
		}
	}
}

// receiveOne yields the messages of one datagram.
func receiveOne[T any](ctx context.Context, s *Subscription, decode func(uint8, []byte) (T, error),
	yield func(T, error) bool) (stopped bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	n, err := s.conn.sock.recv(s.conn.in)
	if err != nil {
		return false, s.client.explain(ctx, s.conn, err)
	}
	return walkMessages(s.conn.in[:n], func(h header, data []byte) (bool, error) {
		if h.typ != s.id {
			return false, nil
		}
		cmd, attrs, err := genlPayload(data)
		if err != nil {
			return false, err
		}
		e, err := decode(cmd, attrs)
		if err != nil {
			return false, err
		}
		return !yield(e, nil), nil
	})
}

// decodeEvent reads a notification: the attributes of the request that it is
// about.
func decodeEvent(kind EventKind, b []byte) (Event, error) {
	e := Event{Kind: kind}
	err := walk(b, func(a attr) (err error) {
		switch a.typ {
		case ipvsFnatAttrService:
			e.Service, err = decodeServiceExtAttr(a.data)
		case ipvsFnatAttrZone:
			e.Zone, err = decodeZoneAttr(a.data)
		}
		return err
	})
	if err != nil {
		return Event{}, err
	}
	af := e.Service.Family
	if e.Zone.IsValid() {
		af = FamilyOf(e.Zone.Addr())
	}
	err = walk(b, func(a attr) error {
		if a.typ != ipvsFnatAttrLaddr {
			return nil
		}
		l, err := decodeLocalAddrAttr(a.data, af)
		e.LocalAddr = l.Addr
		return err
	})
	if err != nil {
		return Event{}, err
	}
	return e, nil
}
