package lb

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// predicate is a compiled condition.
type predicate func(r *http.Request) bool

// compile turns the condition into a function, following "Condition types for listener rules".
func (c Condition) compile() (predicate, error) {
	if len(c.Values) == 0 && len(c.Query) == 0 {
		return nil, fmt.Errorf("condition %s has no values", c.Field)
	}
	switch c.Field {
	case HostHeader:
		patterns := foldedPatterns(c.Values)
		return func(r *http.Request) bool { return matchAny(patterns, strings.ToLower(hostname(r))) }, nil
	case PathPattern:
		// The path is compared as it was sent, escapes included, and is case-sensitive.
		patterns := compilePatterns(c.Values)
		return func(r *http.Request) bool { return matchAny(patterns, r.URL.EscapedPath()) }, nil
	case HTTPHeader:
		if c.Header == "" {
			return nil, errors.New("condition http-header names no header")
		}
		name, patterns := http.CanonicalHeaderKey(c.Header), foldedPatterns(c.Values)
		return func(r *http.Request) bool {
			values := r.Header[name]
			if name == "Host" {
				values = []string{r.Host} // net/http keeps it apart from the other headers
			}
			return slices.ContainsFunc(values, func(v string) bool { return matchAny(patterns, strings.ToLower(v)) })
		}, nil
	case RequestMethod:
		return func(r *http.Request) bool { return slices.Contains(c.Values, r.Method) }, nil
	case QueryString:
		return queryPredicate(c.Query), nil
	case SourceIP:
		return sourcePredicate(c.Values)
	}
	return nil, fmt.Errorf("condition field %q is unknown", c.Field)
}

func queryPredicate(pairs []QueryPair) predicate {
	type pair struct{ key, value pattern }
	var want []pair
	for _, p := range pairs {
		key := p.Key
		if key == "" {
			key = "*"
		}
		want = append(want, pair{compilePattern(strings.ToLower(key)), compilePattern(strings.ToLower(p.Value))})
	}
	return func(r *http.Request) bool {
		for parameter := range strings.SplitSeq(strings.ToLower(r.URL.RawQuery), "&") {
			key, value, _ := strings.Cut(parameter, "=")
			if slices.ContainsFunc(want, func(p pair) bool { return p.key.match(key) && p.value.match(value) }) {
				return true
			}
		}
		return false
	}
}

func sourcePredicate(blocks []string) (predicate, error) {
	var prefixes []netip.Prefix
	for _, block := range blocks {
		prefix, err := netip.ParsePrefix(block)
		if err != nil {
			return nil, fmt.Errorf("condition source-ip: %w", err)
		}
		prefixes = append(prefixes, prefix)
	}
	return func(r *http.Request) bool {
		client := clientAddr(r)
		return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(client) })
	}, nil
}

// hostname is the request's host without its port.
func hostname(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		return host
	}
	return r.Host
}

// clientAddr is the address at the other end of the connection; headers have no say in it.
func clientAddr(r *http.Request) netip.Addr {
	client, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return client.Addr().Unmap()
}

// pattern is text in which * stands for any characters, none included, and ? for exactly one. A backslash takes the
// meaning from the character that follows it.
type pattern []symbol

type symbol struct {
	kind kind
	char byte // for literal
}

type kind uint8

const (
	literal kind = iota
	anyChar
	anyRun
)

func compilePatterns(texts []string) []pattern {
	patterns := make([]pattern, 0, len(texts))
	for _, text := range texts {
		patterns = append(patterns, compilePattern(text))
	}
	return patterns
}

func foldedPatterns(texts []string) []pattern {
	patterns := make([]pattern, 0, len(texts))
	for _, text := range texts {
		patterns = append(patterns, compilePattern(strings.ToLower(text)))
	}
	return patterns
}

func compilePattern(text string) pattern {
	p := make(pattern, 0, len(text))
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '*':
			p = append(p, symbol{kind: anyRun})
		case c == '?':
			p = append(p, symbol{kind: anyChar})
		case c == '\\' && i+1 < len(text):
			i++
			p = append(p, symbol{char: text[i]})
		default:
			p = append(p, symbol{char: c})
		}
	}
	return p
}

func matchAny(patterns []pattern, text string) bool {
	return slices.ContainsFunc(patterns, func(p pattern) bool { return p.match(text) })
}

// match compares in at most len(p) times len(text) steps: it goes back to the last * alone, never further, so that no
// request can make it slow.
func (p pattern) match(text string) bool {
	i, j := 0, 0         // next symbol, next character
	run, resume := -1, 0 // last * passed, and the character at which it ends if it takes one more
	for j < len(text) {
		switch {
		case i < len(p) && p[i].kind == anyRun:
			run, resume = i, j
			i++
		case i < len(p) && (p[i].kind == anyChar || p[i].char == text[j]):
			i++
			j++
		case run >= 0:
			resume++
			i, j = run+1, resume
		default:
			return false
		}
	}
	for i < len(p) && p[i].kind == anyRun {
		i++
	}
	return i == len(p)
}
