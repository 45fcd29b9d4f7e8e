package metricmath

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// parser reads an expression by recursive descent:
//
//	expression = sum { ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) sum }
//	sum        = product { ( "+" | "-" ) product }
//	product    = factor { ( "*" | "/" ) factor }
//	factor     = "-" factor | number | id | function "(" expression { "," expression } ")" | "(" expression ")"
type parser struct {
	text  string
	at    int    // the beginning of the next token
	token string // the current one; empty at the end
	depth int
	ids   []string
}

// maxDepth bounds the stack for a text of only parentheses. AWS lets an expression have 1024 characters.
const maxDepth = 200

func (p *parser) parse() (*Expression, error) {
	if err := p.next(); err != nil {
		return nil, err
	}
	root, err := p.expression()
	if err != nil {
		return nil, err
	}
	if p.token != "" {
		return nil, p.unexpected()
	}
	return &Expression{root: root, ids: p.ids}, nil
}

func (p *parser) unexpected() error {
	if p.token == "" {
		return errors.New("it ends too early")
	}
	if strings.Contains(upper, p.token[:1]) { // AND and OR are operators
		return notModelled(p.token)
	}
	return fmt.Errorf("unexpected %q", p.token)
}

func notModelled(what string) error {
	return fmt.Errorf("the local cloud does not model %s in metric math", what)
}

const (
	digits  = "0123456789"
	lower   = "abcdefghijklmnopqrstuvwxyz"
	upper   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	letters = lower + upper + "_"
	known   = "+-*/()<>,"
)

// next reads a token: a number, a word, an operator or a parenthesis.
func (p *parser) next() error {
	rest := strings.TrimLeft(p.text[p.at:], " \t\r\n")
	p.at = len(p.text) - len(rest)
	n := 0
	switch {
	case rest == "":
	case strings.ContainsAny(rest[:1], digits+"."):
		n = len(rest) - len(strings.TrimLeft(rest, digits+"."))
	case strings.ContainsAny(rest[:1], letters):
		n = len(rest) - len(strings.TrimLeft(rest, letters+digits))
	case len(rest) > 1 && operators[rest[:2]] != nil:
		n = 2
	case strings.ContainsAny(rest[:1], known):
		n = 1
	case strings.ContainsAny(rest[:1], "^&|[]\"'"):
		return notModelled(rest[:1])
	default:
		return fmt.Errorf("unexpected %q", []rune(rest)[0])
	}
	p.token = rest[:n]
	p.at += n
	return nil
}

// take moves on if the current token is one of those.
func (p *parser) take(tokens ...string) (taken string, err error) {
	if p.token == "" || !slices.Contains(tokens, p.token) {
		return "", nil
	}
	taken = p.token
	return taken, p.next()
}

func (p *parser) expect(token string) error {
	if taken, err := p.take(token); taken != "" || err != nil {
		return err
	}
	return p.unexpected()
}

func (p *parser) expression() (node, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxDepth {
		return nil, errors.New("it is nested too deeply")
	}
	return p.chain(p.sum, "==", "!=", "<=", ">=", "<", ">")
}

func (p *parser) sum() (node, error) { return p.chain(p.product, "+", "-") }

func (p *parser) product() (node, error) { return p.chain(p.factor, "*", "/") }

// chain reads operands with operators of the same rank between them, which bind to the left.
func (p *parser) chain(operand func() (node, error), ranked ...string) (node, error) {
	left, err := operand()
	if err != nil {
		return nil, err
	}
	for {
		operator, err := p.take(ranked...)
		if err != nil || operator == "" {
			return left, err
		}
		right, err := operand()
		if err != nil {
			return nil, err
		}
		left = operation{operator: operator, left: left, right: right}
	}
}

func (p *parser) factor() (node, error) {
	word := p.token
	if word == "" {
		return nil, p.unexpected()
	}
	switch {
	case word == "-":
		if err := p.next(); err != nil {
			return nil, err
		}
		p.depth++
		defer func() { p.depth-- }()
		if p.depth > maxDepth {
			return nil, errors.New("it is nested too deeply")
		}
		of, err := p.factor()
		return negation{of}, err
	case word == "(":
		if err := p.next(); err != nil {
			return nil, err
		}
		inner, err := p.expression()
		if err != nil {
			return nil, err
		}
		return inner, p.expect(")")
	case strings.IndexByte(digits+".", word[0]) >= 0:
		v, err := strconv.ParseFloat(word, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is not a number", word)
		}
		return number(v), p.next()
	case strings.Contains(lower, word[:1]): // AWS's ids begin in lower case, and its functions are all upper case
		if !slices.Contains(p.ids, word) {
			p.ids = append(p.ids, word)
		}
		return reference(word), p.next()
	case strings.Contains(upper, word[:1]):
		return p.function(word)
	}
	return nil, p.unexpected()
}

func (p *parser) function(name string) (node, error) {
	if name != "IF" && name != "FILL" {
		return nil, notModelled(name)
	}
	if err := errors.Join(p.next(), p.expect("(")); err != nil {
		return nil, err
	}
	var args []node
	for {
		arg, err := p.expression()
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
		if comma, err := p.take(","); err != nil {
			return nil, err
		} else if comma == "" {
			break
		}
	}
	if err := p.expect(")"); err != nil {
		return nil, err
	}
	switch {
	case name == "IF" && len(args) == 2:
		return choice{condition: args[0], then: args[1]}, nil
	case name == "IF" && len(args) == 3:
		return choice{condition: args[0], then: args[1], otherwise: args[2]}, nil
	case name == "FILL" && len(args) == 2 && !args[0].series():
		return nil, errors.New("the first argument of FILL must be a time series")
	case name == "FILL" && len(args) == 2:
		return filling{of: args[0], with: args[1]}, nil
	}
	return nil, fmt.Errorf("%s does not take %d arguments", name, len(args))
}
