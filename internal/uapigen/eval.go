// SPDX-License-Identifier: Apache-2.0

package uapigen

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
)

// intSuffix is C's suffix of an integer literal, which Go does not have.
var intSuffix = regexp.MustCompile(`\b(0[xX][0-9a-fA-F]+|[0-9]+)[uUlL]+\b`)

// eval computes an integer expression. The integer operators of C that headers
// use are also Go's, except for the complement; precedence differs, but headers
// put parentheses where that would matter.
func (p *reader) eval(s string) (uint64, error) {
	s = intSuffix.ReplaceAllString(strings.TrimSpace(s), "$1")
	e, err := parser.ParseExpr(strings.ReplaceAll(s, "~", "^"))
	if err != nil {
		return 0, fmt.Errorf("expression %q: %w", s, err)
	}
	return p.value(e)
}

func (p *reader) value(e ast.Expr) (uint64, error) {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return p.value(e.X)
	case *ast.BasicLit:
		if e.Kind != token.INT {
			return 0, fmt.Errorf("literal %s", e.Value)
		}
		return strconv.ParseUint(e.Value, 0, 64)
	case *ast.Ident:
		v, ok := p.values[e.Name]
		if !ok {
			return 0, fmt.Errorf("unknown name %s", e.Name)
		}
		return v, nil
	case *ast.UnaryExpr:
		v, err := p.value(e.X)
		if err != nil {
			return 0, err
		}
		switch e.Op {
		case token.SUB:
			return -v, nil
		case token.XOR:
			return uint64(^uint32(v)), nil
		}
	case *ast.BinaryExpr:
		return p.binary(e)
	}
	return 0, fmt.Errorf("expression of type %T", e)
}

func (p *reader) binary(e *ast.BinaryExpr) (uint64, error) {
	x, err := p.value(e.X)
	if err != nil {
		return 0, err
	}
	y, err := p.value(e.Y)
	if err != nil {
		return 0, err
	}
	switch e.Op {
	case token.ADD:
		return x + y, nil
	case token.SUB:
		return x - y, nil
	case token.MUL:
		return x * y, nil
	case token.OR:
		return x | y, nil
	case token.AND:
		return x & y, nil
	case token.SHL:
		if y > 63 {
			return 0, fmt.Errorf("shift by %d", y)
		}
		return x << y, nil
	}
	return 0, fmt.Errorf("operator %v", e.Op)
}
