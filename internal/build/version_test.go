package build

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

func TestVersionOf(t *testing.T) {
	r := newRepository(t)
	b := Build{Context: ".", Dockerfile: "Dockerfile"}
	version := func() Version {
		t.Helper()
		v, err := VersionOf(t.Context(), r.dir, b)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	change := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(r.dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if v := version(); v != unversioned {
		t.Errorf("without a commit it is %+v", v)
	}
	r.commit("Dockerfile", "FROM scratch")
	r.commit(".dockerignore", "*\n!app\napp/*_test.go\n")
	r.commit("app/main.go", "package main")
	r.git("tag", "v1$(touch${IFS}pwned)")
	first := version()
	if first.Name != "v1--touch--IFS-pwned-" || len(first.Commit) != 40 || !regexp.MustCompile(`^\d{4}-\d\d-\d\dT`).MatchString(first.Time) {
		t.Errorf("the first is %+v", first)
	}
	r.commit("README.md", "it is ignored")
	r.commit("app/main_test.go", "so is that")
	change("notes.txt", "as this, which is in no commit")
	change("app/more_test.go", "and that")
	if v := version(); v != first {
		t.Errorf("what does not count makes %+v of %+v", v, first)
	}

	change("app/main.go", "package main // changed")
	changed := version()
	if !regexp.MustCompile(`^v1--touch--IFS-pwned--[0-9a-f]{7}$`).MatchString(changed.Name) || changed.Commit != first.Commit {
		t.Errorf("a change makes %+v", changed)
	}
	change("app/new.go", "package main")
	more := version()
	if more.Name == changed.Name || more.Name == first.Name {
		t.Errorf("a new file makes %+v of %+v", more, changed)
	}
	if err := os.Remove(filepath.Join(r.dir, "app/new.go")); err != nil {
		t.Fatal(err)
	}
	if v := version(); v != changed {
		t.Errorf("without it the version is %+v, want %+v", v, changed)
	}
	if err := os.Remove(filepath.Join(r.dir, "app/main.go")); err != nil {
		t.Fatal(err)
	}
	if v := version(); v == changed || v == first {
		t.Errorf("a removed file makes %+v", v)
	}

	r.commit("app/main.go", "package main // committed")
	committed := version()
	if committed.Commit == first.Commit || !regexp.MustCompile(`^v1--touch--IFS-pwned--3-g[0-9a-f]+$`).MatchString(committed.Name) {
		t.Errorf("a commit makes %+v", committed)
	}
	// A merge changes what it brings, and is the commit that brought it.
	r.git("checkout", "--quiet", "-b", "topic")
	r.commit("app/topic.go", "package main")
	r.git("checkout", "--quiet", "-")
	r.commit("README.md", "another line")
	r.git("merge", "--quiet", "--no-ff", "-m", "merge", "topic")
	if merged := version(); merged.Commit == committed.Commit || merged.Name == committed.Name {
		t.Errorf("a merge makes %+v", merged)
	}
	if v, err := VersionOf(t.Context(), t.TempDir(), b); err != nil || v != unversioned {
		t.Errorf("outside of a repository it is %+v, %v", v, err)
	}
}

// Of a folder only what is in it counts, and its Dockerfile, also if Docker does not take that.
func TestVersionOfAFolder(t *testing.T) {
	r := newRepository(t)
	r.commit("services/api/Dockerfile", "FROM scratch")
	r.commit("services/api/.dockerignore", "Dockerfile")
	r.commit("services/api/main.go", "package main")
	b := Build{Context: "services/api", Dockerfile: "Dockerfile"}
	first, err := VersionOf(t.Context(), r.dir, b)
	if err != nil {
		t.Fatal(err)
	}
	r.commit("services/web/main.go", "package main")
	if v, err := VersionOf(t.Context(), r.dir, b); err != nil || v != first {
		t.Errorf("another folder makes %+v of %+v: %v", v, first, err)
	}
	r.commit("services/api/Dockerfile", "FROM scratch AS other")
	if v, err := VersionOf(t.Context(), r.dir, b); err != nil || v == first {
		t.Errorf("another Dockerfile makes %+v: %v", v, err)
	}
}
