package spec

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	// maxCommonName is the longest name ACM takes as a certificate's first (RequestCertificate in its API reference).
	maxCommonName = 64
	// maxCertificateNames is how many names ACM puts in a certificate ("Quotas" in its user guide), unless the quota is raised.
	maxCertificateNames = 10
)

// CheckCertificateNames reports why ACM would not issue certificates for the host names.
func CheckCertificateNames(hostnames []string) error {
	_, err := CertificateGroups(hostnames, nil)
	return err
}

// CertificateGroups divides the host names into groups, each for a certificate. Each group is sorted.
//
// A name stays in the group of the certificate that it is in already, so that a name that comes or goes replaces one certificate and not
// all. The first group is the listener's default certificate, and no name leaves it: Pulumi gives the listener another default
// certificate before it adds certificates to it, and a name that moved would be in none for that long.
//
// A name that a wildcard is good for is not in a certificate by itself, unless it was before the wildcard came. So it has no validation
// record either, which would hide it from the wildcard as long as the name has no other record (RFC 4592, section 2.2.2): when the name
// comes, and when it is left to the wildcard again.
func CertificateGroups(hostnames []string, standing [][]string) ([][]string, error) {
	names := slices.Compact(slices.Sorted(slices.Values(hostnames)))
	if len(names) == 0 {
		return nil, errors.New("there is no host name")
	}
	short := slices.IndexFunc(names, isShort)
	if short < 0 {
		return nil, fmt.Errorf("one of the host names must have at most %d characters, for ACM to take it as the certificate's first", maxCommonName)
	}
	// What one division leads to is what the next one begins with: it goes on until nothing more moves, or the next update would move it.
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

// divide is one division of the names into groups. A group that has no short name takes the given one.
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
			// Its first name has to be a short one. That is then in two certificates, either of which serves it.
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

// standingGroups returns those of the names that certificates serve already, by certificate, and which names these are. A name that is
// served by a wildcard alone is in no group: the wildcard is, for as long as a name relies on it. If it went at once, a name that comes
// with the same update would be validated by a record that hides it from the wildcard's.
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

// coveredBy reports whether one of the names is a wildcard that is good for the name: a certificate's stands for one label.
func coveredBy(name string, names []string) bool {
	wildcard := wildcardOf(name)
	return name != wildcard && slices.Contains(names, wildcard)
}

// wildcardOf returns the wildcard that is good for a name.
func wildcardOf(name string) string {
	_, parent, _ := strings.Cut(name, ".")
	return "*." + parent
}

func sameNames(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// GroupKey returns the name by which a group is told from those before it: its first that none of them has.
func GroupKey(group []string, before [][]string) string {
	i := slices.IndexFunc(group, func(name string) bool { return !slices.Contains(slices.Concat(before...), name) })
	return group[max(i, 0)]
}

// withoutNeedless returns the groups less those that have no name of their own.
func withoutNeedless(groups [][]string) [][]string {
	for i := len(groups) - 1; i > 0; i-- {
		others := slices.Concat(slices.Concat(groups[:i]...), slices.Concat(groups[i+1:]...))
		if !slices.ContainsFunc(groups[i], func(name string) bool { return !slices.Contains(others, name) }) {
			groups = slices.Delete(groups, i, i+1)
		}
	}
	return groups
}

// hasRoom reports whether the group can take the name, and still the short one that its certificate begins with.
func hasRoom(group []string, name string) bool {
	size := len(group) + 1
	if !isShort(name) && !slices.ContainsFunc(group, isShort) {
		size++
	}
	return size <= maxCertificateNames
}

func isShort(name string) bool { return len(name) <= maxCommonName }

// CommonName returns the name that is to be a certificate's first.
func CommonName(sorted []string) string { return sorted[slices.IndexFunc(sorted, isShort)] }
