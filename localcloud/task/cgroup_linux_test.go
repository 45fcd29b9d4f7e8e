package task

import (
	"maps"
	"testing"
)

func TestParseGroups(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		own  string
		want map[string]string
	}{
		"version 2": {"0::/user.slice/user-1000.slice/user@1000.service/app.slice\n", map[string]string{"": "/user.slice/user-1000.slice/user@1000.service/app.slice"}},
		"version 1": {
			"4:memory:/docker/1\n3:cpu,cpuacct:/docker/2\n1:name=systemd:/a:b\n0::/\n",
			map[string]string{"memory": "/docker/1", "cpu": "/docker/2", "cpuacct": "/docker/2", "name=systemd": "/a:b", "": "/"},
		},
		"none":      {"", map[string]string{}},
		"malformed": {"memory\n", map[string]string{}},
	} {
		if got := parseGroups(c.own); !maps.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
