// SPDX-License-Identifier: Apache-2.0

// Package spec reads and prints the things that ipvsadm's command line names:
// addresses with ports, firewall marks, masks, scheduler flags, zones, ranges.
// It follows ipvsadm 1.31 and the C library functions below it, odd corners
// included, because scripts lean on them. The package is pure: host and service
// names are looked up through an interface.
package spec

import (
	"fmt"
	"math"
	"strings"
)

// cSpace are the characters that isspace accepts in the C locale.
const cSpace = " \t\n\v\f\r"

// strtol reads a decimal number as C's strtol does: white space, a sign, then
// digits. It returns what follows the number; ok is false when there are no
// digits, fits is false when the number does not fit.
func strtol(s string) (n int64, rest string, ok, fits bool) {
	s = strings.TrimLeft(s, cSpace)
	neg := strings.HasPrefix(s, "-")
	if neg || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	fits = true
	i := 0
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		d := int64(s[i] - '0')
		if n > (math.MaxInt64-d)/10 {
			fits = false
			continue
		}
		n = n*10 + d
	}
	if neg {
		n = -n
	}
	return n, s[i:], i > 0, fits
}

// Number reads a whole decimal number between lo and hi.
func Number(s string, lo, hi int64) (int64, bool) {
	n, rest, ok, fits := strtol(s)
	return n, ok && fits && rest == "" && lo <= n && n <= hi
}

// LeadingInt reads the number that s begins with and ignores the rest, as
// C's atoi does. It is 0 when there is none or it does not fit.
func LeadingInt(s string) int {
	n, _, ok, fits := strtol(s)
	if !ok || !fits || n < math.MinInt32 || n > math.MaxInt32 {
		return 0
	}
	return int(n)
}

// MaxTimeout is the longest timeout that ipvsadm accepts, 31 days in seconds.
const MaxTimeout = 86400 * 31

// Timeout reads a timeout in seconds, at least lo.
func Timeout(s string, lo int64) (uint32, error) {
	n, ok := Number(s, lo, MaxTimeout)
	if !ok {
		return 0, fmt.Errorf("invalid timeout value `%s' specified", s)
	}
	return uint32(n), nil
}

// FirewallMark reads a mark, which is not 0.
func FirewallMark(s string) (uint32, error) {
	n, ok := Number(s, 1, math.MaxUint32)
	if !ok {
		return 0, fmt.Errorf("invalid fwmark value `%s' specified", s)
	}
	return uint32(n), nil
}
