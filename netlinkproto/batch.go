// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"context"
	"errors"
	"fmt"
	"syscall"
)

// Limits of one system call of a batch. Every refused request is answered with
// a message that waits in the socket's receive buffer until the batch has been
// carried out; 128 of them fit into the smallest default (212 992 bytes, about
// 1 300 for a message with its bookkeeping).
const (
	batchMaxRequests = 128
	batchMaxBytes    = 32 << 10
)

// Batch sends changes in the order given, many to a system call, and waits for
// the kernel's answers. The kernel carries out each one whether or not one
// before was refused. The result has one entry for each request, nil where it
// succeeded.
//
// When the context ends or the socket fails, the requests that have no answer
// get that error; they may have been carried out if they were sent already.
func (c *Client) Batch(ctx context.Context, reqs []Request) []error {
	errs := make([]error, len(reqs))
	for start := 0; start < len(reqs); {
		n, err := c.batchChunk(ctx, reqs[start:], errs[start:])
		start += n
		if err != nil {
			for i := start; i < len(reqs); i++ {
				errs[i] = reqs[i].wrap(err)
			}
			break
		}
	}
	return errs
}

// batchChunk sends as many of reqs as fit into a system call and returns how
// many that were. An error means that the requests behind them will fail too.
func (c *Client) batchChunk(ctx context.Context, reqs []Request, errs []error) (int, error) {
	b := batch{client: c, reqs: reqs, errs: errs}
	err := c.with(ctx, func(n *conn) error {
		if err := b.run(n); err != nil {
			return err
		}
		return b.rerunMoved(n)
	})
	if err != nil {
		for _, i := range b.sent[b.answered:] {
			errs[i] = reqs[i].wrap(err)
		}
	}
	return b.taken, err
}

// batch is the state of one chunk.
type batch struct {
	client *Client
	reqs   []Request
	errs   []error

	families map[*family]lookedUp
	taken    int      // requests looked at
	sent     []int    // the index of each that was sent, in order
	ids      []uint16 // the family numbers they were sent with
	firstSeq uint32
	answered int // requests of sent before this one have their answer
}

func (b *batch) run(n *conn) error {
	if err := b.lookUp(n); err != nil {
		return err
	}
	b.pack(n)
	if len(b.sent) == 0 {
		return nil
	}
	n.dirty = true
	if err := n.sock.send(n.out); err != nil {
		return err
	}
	for {
		got, err := n.sock.recv(n.in)
		if err != nil {
			return err
		}
		done, err := walkMessages(n.in[:got], b.answer)
		if err != nil {
			return err
		}
		if done {
			n.dirty = false
			return nil
		}
	}
}

// rerunMoved sends again what was refused because a family has a new number;
// see Client.moved.
func (b *batch) rerunMoved(n *conn) error {
	moved := map[*family]bool{}
	for place, i := range b.sent {
		r := b.reqs[i]
		if !errors.Is(b.errs[i], syscall.ENOENT) {
			continue
		}
		if _, known := moved[r.family]; !known {
			moved[r.family], _ = b.client.moved(n, r.family, familyInfo{id: b.ids[place]}, b.errs[i])
		}
		if !moved[r.family] {
			continue
		}
		info, err := b.client.resolve(n, r.family)
		if err == nil {
			err = n.exchange(info.id, r, flagAck, nil)
		}
		if n.dirty {
			return err
		}
		b.errs[i] = r.wrap(err)
	}
	return nil
}

// pack puts requests into n.out. Only the last one asks for an answer in any
// case: the kernel works in order, so its answer says that all have been
// carried out, and the others are answered when they are refused.
func (b *batch) pack(n *conn) {
	n.out = n.out[:0]
	b.firstSeq = n.seq + 1
	last := 0
	for b.taken < min(len(b.reqs), batchMaxRequests) {
		r := b.reqs[b.taken]
		size := msgHeaderLen + genlHeaderLen + align4(len(r.attrs))
		if len(b.sent) > 0 && len(n.out)+size > batchMaxBytes {
			break
		}
		id, err := b.idFor(r)
		if err != nil {
			b.errs[b.taken] = err
		} else {
			n.seq++
			last = len(n.out)
			n.out = appendMessage(n.out, header{typ: id, flags: flagRequest, seq: n.seq}, r.cmd, r.family.version, r.attrs)
			b.sent = append(b.sent, b.taken)
			b.ids = append(b.ids, id)
		}
		b.taken++
	}
	if len(b.sent) > 0 {
		setFlags(n.out[last:], flagRequest|flagAck)
	}
}

// lookUp finds the numbers of the families in the next system call, because a
// look-up uses the same socket. A family that is not there is an error of its
// requests alone: the others may be of one that is.
func (b *batch) lookUp(n *conn) error {
	b.families = map[*family]lookedUp{}
	for _, r := range b.reqs[:min(len(b.reqs), batchMaxRequests)] {
		if _, known := b.families[r.family]; known || r.family == nil {
			continue
		}
		info, err := b.client.resolve(n, r.family)
		if err != nil && n.dirty {
			return err
		}
		b.families[r.family] = lookedUp{info.id, err}
	}
	return nil
}

// lookedUp is the result of looking up a family.
type lookedUp struct {
	id  uint16
	err error
}

// idFor returns the number of the request's family.
func (b *batch) idFor(r Request) (uint16, error) {
	switch {
	case r.err != nil:
		return 0, r.err
	case r.family == nil:
		return 0, fmt.Errorf("empty request: %w", ErrInvalid)
	}
	f := b.families[r.family]
	return f.id, r.wrap(f.err)
}

// answer handles one message of the kernel.
func (b *batch) answer(h header, data []byte) (done bool, err error) {
	i := int(h.seq - b.firstSeq)
	if h.typ != msgError || i < 0 || i >= len(b.sent) {
		return false, nil
	}
	errno, text, err := parseStatus(h, data)
	if err != nil {
		return false, err
	}
	if errno != 0 {
		r := b.reqs[b.sent[i]]
		b.errs[b.sent[i]] = &KernelError{Op: r.String(), Errno: errno, Msg: text}
	}
	b.answered = i + 1
	return b.answered == len(b.sent), nil
}

// FirstError returns the first error of a result of Batch that is not nil, with
// its index, or -1 and nil.
func FirstError(errs []error) (int, error) {
	for i, err := range errs {
		if err != nil {
			return i, err
		}
	}
	return -1, nil
}
