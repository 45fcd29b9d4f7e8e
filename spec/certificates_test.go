package spec

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCertificateGroups(t *testing.T) {
	t.Parallel()
	long := func(i int) string { return fmt.Sprintf("%s%02d.example.com", strings.Repeat("a", 60), i) }
	var longs []string
	for i := range 10 {
		longs = append(longs, long(i))
	}
	for name, test := range map[string]struct {
		names    []string
		standing [][]string
		want     [][]string
	}{
		"first":               {[]string{"b.x", "a.x", "b.x"}, nil, [][]string{{"a.x", "b.x"}}},
		"one goes":            {[]string{"a.x"}, [][]string{{"a.x", "b.x"}}, [][]string{{"a.x"}}},
		"one comes":           {[]string{"a.x", "b.x", "0.x"}, [][]string{{"a.x"}, {"b.x"}}, [][]string{{"0.x", "a.x"}, {"b.x"}}},
		"the default goes":    {[]string{"b.x"}, [][]string{{"a.x"}, {"b.x"}}, [][]string{{"b.x"}}},
		"in two":              {[]string{"a.x", "b.x"}, [][]string{{"a.x"}, {"a.x", "b.x"}}, [][]string{{"a.x"}, {"b.x"}}},
		"a raised quota":      {numbered(12), [][]string{numbered(12)}, [][]string{numbered(12)}},
		"the eleventh":        {numbered(11), [][]string{numbered(10)}, [][]string{numbered(10), {"n10.x"}}},
		"covered":             {[]string{"a.x.y", "b.a.x.y", "*.x.y"}, nil, [][]string{{"*.x.y", "b.a.x.y"}}},
		"a wildcard comes":    {[]string{"a.x.y", "*.x.y"}, [][]string{{"a.x.y"}}, [][]string{{"*.x.y"}}},
		"in another one":      {append(numbered(9), "a.x.y", "*.x.y"), [][]string{append(numbered(9), "a.x.y")}, [][]string{append([]string{"a.x.y"}, numbered(9)...), {"*.x.y"}}},
		"ten behind one":      {numbered(10), [][]string{{"*.x"}}, [][]string{{"*.x"}}},
		"many behind one":     {numbered(11), [][]string{{"*.x"}}, [][]string{{"*.x"}}},
		"many of the second":  {append(numbered(11), "a.y.x"), [][]string{{"a.y.x"}, {"*.x"}}, [][]string{{"a.y.x"}, {"*.x"}}},
		"none is left":        {[]string{"a.y.x"}, [][]string{{"*.x", "a.y.x"}}, [][]string{{"a.y.x"}}},
		"taken":               {append(numbered(11), "*.x"), [][]string{{"*.x"}}, [][]string{{"*.x"}}},
		"many at once":        {append(numbered(11), "*.x"), nil, [][]string{{"*.x"}}},
		"one of many taken":   {append(numbered(12), "*.x"), [][]string{numbered(10), {"*.x"}}, [][]string{numbered(10), {"*.x"}}},
		"of yesterday":        {[]string{"a.x.y", "*.x.y"}, [][]string{{"a.x.y", "*.x.y"}}, [][]string{{"*.x.y", "a.x.y"}}},
		"the wildcard goes":   {[]string{"a.x.y"}, [][]string{{"*.x.y"}}, [][]string{{"*.x.y"}}},
		"long ones get short": {append([]string{"z.x"}, longs...), nil, [][]string{append(slices.Clone(longs[:9]), "z.x"), {longs[9], "z.x"}}},
	} {
		got, err := CertificateGroups(test.names, test.standing)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(test.want) {
			t.Errorf("%s: %v (%v), want %v", name, got, err, test.want)
		}
	}
}

func numbered(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("n%02d.x", i)
	}
	return names
}

// serves reports whether a certificate with the names covers the name.
func serves(group []string, name string) bool {
	return slices.Contains(group, name) || coveredBy(name, group)
}

// Names come and go at random. Each is in a certificate. No certificate has more than ten names or begins with a long one. A name that
// stays is where it was, and none leaves the default certificate, not even one that only a wildcard in it serves.
func TestCertificateGroupsAreStable(t *testing.T) {
	t.Parallel()
	name := rapid.Custom(func(t *rapid.T) string {
		if rapid.IntRange(0, 9).Draw(t, "wildcard") == 0 {
			return "*.example.com"
		}
		label := rapid.SampledFrom([]string{"n", strings.Repeat("m", 60)}).Draw(t, "label")
		return fmt.Sprintf("%s%02d.example.com", label, rapid.IntRange(0, 40).Draw(t, "number"))
	})
	rapid.Check(t, func(t *rapid.T) {
		var standing [][]string
		for range rapid.IntRange(1, 5).Draw(t, "steps") {
			names := append(rapid.SliceOfNDistinct(name, 0, 35, rapid.ID).Draw(t, "names"), "short.example.com")
			groups, err := CertificateGroups(names, standing)
			if err != nil {
				t.Fatal(err)
			}
			for i, group := range groups {
				if len(group) > maxCertificateNames || len(CommonName(group)) > maxCommonName || !slices.IsSorted(group) {
					t.Fatalf("group %d is %v", i, group)
				}
			}
			for _, name := range names {
				if !slices.ContainsFunc(groups, func(group []string) bool { return serves(group, name) }) {
					t.Fatalf("%s is in no group of %v", name, groups)
				}
			}
			for _, name := range names {
				others := func(group []string) bool { return serves(group, name) } // they stay until the update ends
				if len(standing) > 0 && serves(standing[0], name) && !serves(groups[0], name) && !slices.ContainsFunc(standing[1:], others) {
					t.Fatalf("%s left the default certificate", name)
				}
			}
			standing = groups
			again, err := CertificateGroups(names, standing)
			if err != nil || fmt.Sprint(again) != fmt.Sprint(groups) {
				t.Fatalf("%v becomes %v without a change (%v)", groups, again, err)
			}
		}
	})
}
