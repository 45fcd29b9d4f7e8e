package spec

import (
	"strings"
	"testing"
)

func TestReaches(t *testing.T) {
	t.Parallel()
	const database = "sg-0123456789abcdef0"
	for want, reaches := range map[string][]Reach{
		"": {{database, 5432}, {database, 5433}, {"sg-01234567", 5432}},
		`reaches[0].securityGroupId: "sg-": must be the id of a sec`:          {{"sg-", 5432}},
		`reaches[1].securityGroupId: "sg-0123456789ABCDEF0": must be the id`:  {{database, 5432}, {"sg-0123456789ABCDEF0", 5432}},
		"reaches[0].port: 0: must be from 1 to 65535":                         {{database, 0}},
		"reaches[0].port: 65536: must be from 1 to 65535":                     {{database, 65_536}},
		"reaches[1]: is in the list already: sg-0123456789abcdef0, port 5432": {{database, 5432}, {database, 5432}},
	} {
		err := Workload{Reaches: reaches}.reachProblems().Err()
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%v: %v, want %q", reaches, err, want)
		}
	}
}
