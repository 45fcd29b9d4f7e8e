package lb

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"slipway/localcloud/wildcard"
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
		return func(r *http.Request) bool { return wildcard.MatchAny(patterns, strings.ToLower(hostname(r))) }, nil
	case PathPattern:
		// The path is compared as it was sent, escapes included, and is case-sensitive.
		patterns := compilePatterns(c.Values)
		return func(r *http.Request) bool { return wildcard.MatchAny(patterns, r.URL.EscapedPath()) }, nil
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
			return slices.ContainsFunc(values, func(v string) bool { return wildcard.MatchAny(patterns, strings.ToLower(v)) })
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
	type pair struct{ key, value wildcard.Pattern }
	var want []pair
	for _, p := range pairs {
		key := p.Key
		if key == "" {
			key = "*"
		}
		want = append(want, pair{wildcard.CompileEscaped(strings.ToLower(key)), wildcard.CompileEscaped(strings.ToLower(p.Value))})
	}
	return func(r *http.Request) bool {
		for parameter := range strings.SplitSeq(strings.ToLower(r.URL.RawQuery), "&") {
			key, value, _ := strings.Cut(parameter, "=")
			if slices.ContainsFunc(want, func(p pair) bool { return p.key.Match(key) && p.value.Match(value) }) {
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

// compilePatterns reads patterns as conditions have them, with a backslash to escape wildcards.
func compilePatterns(texts []string) []wildcard.Pattern {
	patterns := make([]wildcard.Pattern, 0, len(texts))
	for _, text := range texts {
		patterns = append(patterns, wildcard.CompileEscaped(text))
	}
	return patterns
}

// foldedPatterns is compilePatterns for what is compared in lower case.
func foldedPatterns(texts []string) []wildcard.Pattern {
	patterns := make([]wildcard.Pattern, 0, len(texts))
	for _, text := range texts {
		patterns = append(patterns, wildcard.CompileEscaped(strings.ToLower(text)))
	}
	return patterns
}
