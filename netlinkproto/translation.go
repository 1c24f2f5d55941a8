// SPDX-License-Identifier: Apache-2.0

package netlinkproto

import (
	"context"
	"iter"
	"time"
)

// Translation is a flow of a SNAT zone that begins or ends: Client is the machine
// of the zone and Real whom it talks to, who sees Local. For ICMP echoes the
// ports of Client and Local are identifiers.
type Translation struct {
	Conn
	// End says that the flow has ended; else it begins.
	End bool
	// Time is that of the director's clock.
	Time time.Time
}

// TranslationLog receives what the zones of a namespace translate. It is used by
// one goroutine at a time, but may be closed by any.
type TranslationLog struct{ s *Subscription }

// LogTranslations starts to receive the translations of SNAT zones. Everything
// that begins or ends after it has returned is delivered.
func (c *Client) LogTranslations(ctx context.Context) (*TranslationLog, error) {
	s, err := c.subscribe(ctx, "log translations", ipvsFnatMcgrpSnat)
	if err != nil {
		return nil, err
	}
	return &TranslationLog{s}, nil
}

// Close ends the log.
func (l *TranslationLog) Close() error { return l.s.Close() }

// Translations yields as [Subscription.Events] does.
func (l *TranslationLog) Translations(ctx context.Context) iter.Seq2[Translation, error] {
	return receive(ctx, l.s, decodeTranslation)
}

func decodeTranslation(cmd uint8, b []byte) (t Translation, err error) {
	t.End = cmd == ipvsFnatCmdSnatEnd
	if t.Conn, err = decodeConn(b); err != nil {
		return Translation{}, err
	}
	t.Time, err = decodeNested(b, ipvsFnatAttrConn, func(b []byte) (at time.Time, err error) {
		err = walk(b, func(a attr) error {
			if a.typ != ipvsFnatConnAttrTime {
				return nil
			}
			var ns uint64
			err := setU64(a, &ns)
			at = time.Unix(0, int64(ns))
			return err
		})
		return at, err
	})
	return t, err
}
