package spec

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	// maxCommonName is the longest name that ACM takes as a certificate's first (RequestCertificate in its API reference).
	maxCommonName = 64
	// maxCertificateNames is the default quota for the names in a certificate ("Quotas" in ACM's user guide).
	maxCertificateNames = 10
)

// CheckCertificateNames reports why ACM would refuse certificates for the host names.
func CheckCertificateNames(hostnames []string) error {
	_, err := CertificateGroups(hostnames, nil)
	return err
}

// CertificateGroups divides the host names into sorted groups, one for each certificate.
//
// A name stays in the group of the certificate that has it already. So an added or removed name replaces one certificate and not all.
// The first group is the listener's default certificate, and no name leaves it: Pulumi replaces the listener's default certificate
// before it adds certificates, and until then no certificate would have a name that moved.
//
// A certificate does not list a name that its wildcard covers, unless it listed the name before the wildcard came. So the name has no
// validation record. Such a record would hide a name without other records from the wildcard (RFC 4592, section 2.2.2): when the name
// is added, and when only the wildcard serves it again.
func CertificateGroups(hostnames []string, standing [][]string) ([][]string, error) {
	names := slices.Compact(slices.Sorted(slices.Values(hostnames)))
	if len(names) == 0 {
		return nil, errors.New("there is no host name")
	}
	short := slices.IndexFunc(names, isShort)
	if short < 0 {
		return nil, fmt.Errorf("one of the host names must have at most %d characters, for ACM to take it as the certificate's first", maxCommonName)
	}
	// Each division starts from the result of the last. It is repeated until nothing moves, because the next update would move it.
	groups := divide(names, names[short], standing)
	for range maxCertificateNames {
		again := divide(names, names[short], groups)
		if slices.EqualFunc(again, groups, slices.Equal) {
			break
		}
		groups = again
	}
	return groups, nil
}

// divide divides the names into groups once. A group without a short name takes the given one.
func divide(names []string, short string, standing [][]string) [][]string {
	groups, placed := standingGroups(names, standing)
	for _, name := range names { // wildcards first, as they are sorted
		if placed[name] || slices.ContainsFunc(groups, func(group []string) bool { return coveredBy(name, group) }) {
			continue
		}
		room := slices.IndexFunc(groups, func(group []string) bool { return hasRoom(group, name) })
		if room < 0 {
			groups = append(groups, nil)
			room = len(groups) - 1
		}
		groups[room] = append(groups[room], name)
	}
	for i, group := range groups {
		if !slices.ContainsFunc(group, isShort) {
			// Its first name must be short. That name is then in two certificates, and either can serve it.
			group = append(group, short)
		}
		slices.Sort(group)
		if !slices.ContainsFunc(standing, func(has []string) bool { return sameNames(has, group) }) {
			group = slices.DeleteFunc(slices.Clone(group), func(name string) bool { return coveredBy(name, group) })
		}
		groups[i] = group
	}
	return withoutNeedless(groups)
}

// standingGroups returns the names that certificates serve already, grouped by certificate, and the set of these names. A name that
// only a wildcard serves is in no group; the wildcard is, while a name relies on it. If the wildcard went at once, the validation
// record of a name added by the same update would hide it from the wildcard's record.
func standingGroups(names []string, standing [][]string) (groups [][]string, placed map[string]bool) {
	placed = make(map[string]bool, len(names))
	groups = make([][]string, len(standing))
	for i := range standing {
		for _, name := range names {
			if !placed[name] && slices.Contains(standing[i], name) {
				groups[i], placed[name] = append(groups[i], name), true
			}
		}
	}
	for i := range standing {
		for _, name := range names {
			if placed[name] || !coveredBy(name, standing[i]) {
				continue
			}
			placed[name] = true
			if wildcard := wildcardOf(name); !slices.Contains(slices.Concat(names, groups[i]), wildcard) {
				groups[i] = append(groups[i], wildcard)
			}
		}
	}
	return slices.DeleteFunc(groups, func(group []string) bool { return len(group) == 0 }), placed
}

// Certified reports whether certificates with the names serve the host name.
func Certified(hostname string, names []string) bool {
	return slices.Contains(names, hostname) || coveredBy(hostname, names)
}

// coveredBy reports whether one of the names is a wildcard that covers the name. In a certificate, a wildcard stands for one label.
func coveredBy(name string, names []string) bool {
	wildcard := wildcardOf(name)
	return name != wildcard && slices.Contains(names, wildcard)
}

// wildcardOf returns the wildcard that covers a name.
func wildcardOf(name string) string {
	_, parent, _ := strings.Cut(name, ".")
	return "*." + parent
}

func sameNames(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// GroupKey returns the name that tells a group from those before it: its first name that none of them has.
func GroupKey(group []string, before [][]string) string {
	i := slices.IndexFunc(group, func(name string) bool { return !slices.Contains(slices.Concat(before...), name) })
	return group[max(i, 0)]
}

// withoutNeedless returns the groups that have a name of their own.
func withoutNeedless(groups [][]string) [][]string {
	for i := len(groups) - 1; i > 0; i-- {
		others := slices.Concat(slices.Concat(groups[:i]...), slices.Concat(groups[i+1:]...))
		if !slices.ContainsFunc(groups[i], func(name string) bool { return !slices.Contains(others, name) }) {
			groups = slices.Delete(groups, i, i+1)
		}
	}
	return groups
}

// hasRoom reports whether the group can take the name and still the short name that must be first in its certificate.
func hasRoom(group []string, name string) bool {
	size := len(group) + 1
	if !isShort(name) && !slices.ContainsFunc(group, isShort) {
		size++
	}
	return size <= maxCertificateNames
}

func isShort(name string) bool { return len(name) <= maxCommonName }

// CommonName returns the name that comes first in a certificate.
func CommonName(sorted []string) string { return sorted[slices.IndexFunc(sorted, isShort)] }
