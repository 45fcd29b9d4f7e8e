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
// In a stack whose names fit in one certificate, a name that a wildcard is good for is not in it by itself. So it has no validation record
// either, which would be left below it for a moment when its own record goes, and hide it from the wildcard (RFC 4592, section 2.2.2).
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
	for _, name := range names {
		if placed[name] {
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
		if len(names) <= maxCertificateNames && !slices.ContainsFunc(standing, func(has []string) bool { return sameNames(has, group) }) {
			group = slices.DeleteFunc(slices.Clone(group), func(name string) bool { return coveredBy(name, group) })
		}
		groups[i] = group
	}
	return withoutNeedless(groups)
}

// standingGroups returns those of the names that certificates serve already, by certificate, and which names these are.
func standingGroups(names []string, standing [][]string) (groups [][]string, placed map[string]bool) {
	placed = make(map[string]bool, len(names))
	all := make([][]string, len(standing))
	place := func(serves func(name string, certificate int) bool) {
		for i := range standing {
			for _, name := range names {
				if !placed[name] && serves(name, i) {
					all[i], placed[name] = append(all[i], name), true
				}
			}
		}
	}
	place(func(name string, i int) bool { return slices.Contains(standing[i], name) })
	place(func(name string, i int) bool { return coveredBy(name, standing[i]) && hasRoom(all[i], name) })
	return slices.DeleteFunc(all, func(group []string) bool { return len(group) == 0 }), placed
}

// coveredBy reports whether one of the names is a wildcard that is good for the name: a certificate's stands for one label.
func coveredBy(name string, names []string) bool {
	_, parent, _ := strings.Cut(name, ".")
	wildcard := "*." + parent
	return name != wildcard && slices.Contains(names, wildcard)
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
