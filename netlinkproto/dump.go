// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"context"
	"errors"
	"iter"
)

// dumpAttempts is how often a dump that the kernel marks as interrupted is
// made before it is returned as it is.
const dumpAttempts = 5

// one sends a query that has one answer.
func one[T any](ctx context.Context, c *Client, r Request, decode func([]byte) (T, error)) (T, error) {
	var v T
	got := false
	err := c.call(ctx, r, flagAck, func(b []byte) (more bool, err error) {
		v, err = decode(b)
		got = true
		return true, err
	})
	if err == nil && !got {
		err = r.wrap(malformed("no answer"))
	}
	if err != nil {
		var zero T
		return zero, err
	}
	return v, nil
}

// stream makes a dump and yields its objects as they come. An error is the last
// thing it yields.
func stream[T any](ctx context.Context, c *Client, r Request, decode func([]byte) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		err := c.call(ctx, r, flagDump, func(b []byte) (bool, error) {
			v, err := decode(b)
			if err != nil {
				return true, err
			}
			return yield(v, nil), nil
		})
		if err != nil {
			var zero T
			yield(zero, err)
		}
	}
}

// collect makes a slice of a stream. When the dump was interrupted it is made
// again; when that goes on, the objects of the last one come with the error.
func collect[T any](seq iter.Seq2[T, error]) (out []T, err error) {
	for range dumpAttempts {
		out, err = out[:0], nil
		for v, e := range seq {
			if e != nil {
				err = e
				break
			}
			out = append(out, v)
		}
		if !errors.Is(err, ErrInterrupted) {
			break
		}
	}
	if err != nil && !errors.Is(err, ErrInterrupted) {
		return nil, err
	}
	return out, err
}
