package spec

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// maxLabelLength is the longest label of a DNS name (RFC 1035, section 2.3.4).
const maxLabelLength = 63

var labelPattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// A notationError says what is wrong with the notation of a value, and perhaps how to write it. Its text contains no part of the value,
// because the value may be a secret.
type notationError struct {
	problem error
	instead string
}

func (e *notationError) Error() string { return e.problem.Error() }

func (e *notationError) Unwrap() error { return e.problem }

// Instead returns what to write, or "" if that is not known. It contains parts of the value.
func (e *notationError) Instead() string { return e.instead }

// CheckDomain reports why name is not a lower-case DNS name of at least two labels.
func CheckDomain(name string) error {
	problems := hostnameProblems(name)
	if len(problems) == 0 {
		return nil
	}
	instead := plainHostname(name)
	if len(hostnameProblems(instead)) > 0 {
		instead = ""
	}
	return &notationError{errors.New(enumerate(problems)), instead}
}

// CheckHostname reports why name is not a host name, or a wildcard, in the DNS zone.
func CheckHostname(name, zone string) error {
	host, wildcard := strings.CutPrefix(name, "*.")
	if err := CheckDomain(host); err != nil {
		var notation *notationError
		if errors.As(err, &notation) && wildcard && notation.instead != "" {
			notation.instead = "*." + notation.instead
		}
		if inZone := name + "." + zone; labelPattern.MatchString(name) {
			return &notationError{errors.New("is a single label, not a name in the zone"), inZone}
		}
		return err
	}
	if host != zone && !strings.HasSuffix(host, "."+zone) {
		return fmt.Errorf("is not in the zone %s", zone)
	}
	if depth, _ := (Route{Hostname: name}).wildcardDepth(zone); wildcard && depth >= maxWildcardDepth {
		return fmt.Errorf("a wildcard can stand at most %d labels below the zone %s", maxWildcardDepth-1, zone)
	}
	return nil
}

// hostnameProblems returns everything that is wrong with a host name, each as the end of a sentence about it.
func hostnameProblems(name string) []string {
	var problems []string
	add := func(wrong bool, problem string) {
		if wrong {
			problems = append(problems, problem)
		}
	}
	rest := name
	_, afterScheme, hasScheme := strings.Cut(rest, "://")
	if hasScheme {
		rest = afterScheme
	}
	rest, hasPath := cutAny(rest, "/?#")
	rest, port, hasPort := strings.Cut(rest, ":")
	add(hasScheme, "has a scheme")
	add(hasPort && port != "", "has a port")
	add(hasPort && port == "", "has a colon")
	add(hasPath, "has a path")
	add(strings.HasSuffix(rest, "."), "has a dot at its end")
	rest = strings.TrimSuffix(rest, ".")
	if len(rest) > maxHostLength {
		return append(problems, fmt.Sprintf("has %d characters; a load balancer's rules take %d at most", len(rest), maxHostLength))
	}
	add(strings.ToLower(rest) != rest, "has capital letters")
	add(strings.ContainsFunc(rest, func(r rune) bool { return r > unicode.MaxASCII }), "has letters of another script, which DNS writes as xn--…")
	add(strings.Contains(rest, "*"), "has a *, which stands only for the whole first label, as in *.example.com")
	add(strings.Contains(rest, "_"), "has an underscore, which is not allowed in a host name")
	add(strings.ContainsFunc(rest, oddInHostname), "has characters that are not allowed in a host name")
	labels := strings.Split(rest, ".")
	add(len(labels) < 2, "has a single label; a domain has at least two, as in example.com")
	var empty, long, hyphen bool
	for _, label := range labels {
		empty = empty || label == ""
		long = long || len(label) > maxLabelLength
		hyphen = hyphen || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-")
	}
	add(empty && rest != "", "has a dot with nothing before it")
	add(long, fmt.Sprintf("has a label of more than %d characters", maxLabelLength))
	add(hyphen, "has a label that begins or ends with a hyphen")
	return problems
}

// oddInHostname reports whether a character is not allowed in a host name and no other message covers it.
func oddInHostname(r rune) bool {
	return r <= unicode.MaxASCII && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-._*", r)
}

// plainHostname returns the host name that was probably meant.
func plainHostname(name string) string {
	if _, rest, found := strings.Cut(name, "://"); found {
		name = rest
	}
	name, _ = cutAny(name, "/?#")
	name, _, _ = strings.Cut(name, ":")
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if ascii, err := idna.Lookup.ToASCII(name); err == nil {
		return ascii
	}
	return name
}

// cutAny cuts a text at the first of some characters.
func cutAny(text, characters string) (before string, found bool) {
	if i := strings.IndexAny(text, characters); i >= 0 {
		return text[:i], true
	}
	return text, false
}

// enumerate joins parts into one sentence.
func enumerate(parts []string) string {
	if len(parts) == 1 {
		return parts[0]
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}

// withoutQuery returns a path without a query and a fragment, or a URL's path.
func withoutQuery(path string) string {
	if u, err := url.Parse(path); err == nil && u.Host != "" {
		path = u.EscapedPath()
	}
	path, _ = cutAny(path, "?#")
	return path
}
