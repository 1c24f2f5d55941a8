// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os/signal"
	"syscall"
	"time"

	np "github.com/ipvs-fullnat/ipvs-fullnat/netlinkproto"
)

var snatLogCommand = command{
	name: "snat-log", rule: rule{optional: setOf(optJSON, optNumeric)}, run: snatLog,
}

// snatLog prints the translations of zones as they begin and end, until it is
// interrupted.
func snatLog(s *session, r *request) error {
	if err := s.needFullNAT("the log of translations"); err != nil {
		return err
	}
	c, err := s.settled()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(s.ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	log, err := c.LogTranslations(ctx)
	if err != nil {
		return refused(opOther, err)
	}
	defer log.Close()
	print := printTranslation
	if r.json {
		print = printTranslationJSON
	}
	for t, err := range log.Translations(ctx) {
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, np.ErrOverrun):
			fmt.Fprintln(s.env.Stderr, "some translations are missing: they came faster than they were taken")
		case err != nil:
			return refused(opOther, err)
		default:
			if err := print(s.env.Stdout, t); err != nil {
				return failf("%v", err)
			}
		}
	}
	return nil
}

func translationEvent(t np.Translation) string {
	if t.End {
		return "end"
	}
	return "new"
}

func printTranslation(w io.Writer, t np.Translation) error {
	_, err := fmt.Fprintf(w, "%s %s %s %v -> %v as %v\n", t.Time.UTC().Format(time.RFC3339Nano),
		translationEvent(t), t.Protocol, t.Client, t.Real, t.Local)
	return err
}

func printTranslationJSON(w io.Writer, t np.Translation) error {
	return json.NewEncoder(w).Encode(struct {
		Time     time.Time      `json:"time"`
		Event    string         `json:"event"`
		Protocol string         `json:"protocol"`
		Source   netip.AddrPort `json:"source"`
		Dest     netip.AddrPort `json:"destination"`
		Local    netip.AddrPort `json:"local"`
	}{t.Time.UTC(), translationEvent(t), t.Protocol.String(), t.Client, t.Real, t.Local})
}
