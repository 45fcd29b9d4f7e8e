package main

import (
	"runtime/debug"
	"testing"
)

func TestDescribe(t *testing.T) {
	stamped := func(modified string) *debug.BuildInfo {
		return &debug.BuildInfo{
			Main: debug.Module{Version: "v1.2.3"},
			Settings: []debug.BuildSetting{
				{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-01-31T12:00:00Z"}, {Key: "vcs.modified", Value: modified},
			},
		}
	}
	set := func(v, c, b string) { version, commit, buildTime = v, c, b }
	defer set(version, commit, buildTime)

	for name, test := range map[string]struct {
		linked [3]string
		build  *debug.BuildInfo
		want   versionInfo
	}{
		"nothing known": {want: versionInfo{"unknown", "unknown", "unknown", "host"}},
		"build info":    {build: stamped("false"), want: versionInfo{"v1.2.3", "2026-01-31T12:00:00Z", "abc", "host"}},
		"dirty":         {build: stamped("true"), want: versionInfo{"v1.2.3", "2026-01-31T12:00:00Z", "abc-dirty", "host"}},
		"linker wins": {
			linked: [3]string{"2.0.0", "def", "2027-01-31T12:00:00Z"}, build: stamped("true"),
			want: versionInfo{"2.0.0", "2027-01-31T12:00:00Z", "def", "host"},
		},
		"linker in part": {
			linked: [3]string{"2.0.0", "", ""}, build: stamped("false"),
			want: versionInfo{"2.0.0", "2026-01-31T12:00:00Z", "abc", "host"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			set(test.linked[0], test.linked[1], test.linked[2])
			if got := describe(test.build, "host"); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}
