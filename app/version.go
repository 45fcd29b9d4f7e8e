package main

import (
	"cmp"
	"runtime/debug"
)

// Set by the linker: -ldflags "-X main.version=1.4.2 -X main.commit=3f2a91c -X main.buildTime=2026-01-31T12:00:00Z". An empty one is
// taken from the go command's build information in the binary.
var version, commit, buildTime string

// versionInfo is the body of GET /version.
type versionInfo struct {
	Version   string `json:"version"`
	BuildTime string `json:"build_time"`
	Commit    string `json:"commit"`
	Hostname  string `json:"hostname"`
}

// currentVersion describes the running binary; a missing value is "unknown".
func currentVersion(hostname string) versionInfo {
	build, _ := debug.ReadBuildInfo()
	return describe(build, hostname)
}

func describe(build *debug.BuildInfo, hostname string) versionInfo {
	info := versionInfo{Version: version, BuildTime: buildTime, Commit: commit, Hostname: hostname}
	if build != nil {
		settings := map[string]string{}
		for _, setting := range build.Settings {
			settings[setting.Key] = setting.Value
		}
		revision := settings["vcs.revision"]
		if revision != "" && settings["vcs.modified"] == "true" {
			revision += "-dirty"
		}
		info.Version = cmp.Or(info.Version, build.Main.Version)
		info.Commit = cmp.Or(info.Commit, revision)
		info.BuildTime = cmp.Or(info.BuildTime, settings["vcs.time"])
	}
	info.Version = cmp.Or(info.Version, "unknown")
	info.Commit = cmp.Or(info.Commit, "unknown")
	info.BuildTime = cmp.Or(info.BuildTime, "unknown")
	return info
}
