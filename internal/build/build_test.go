package build

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckPath(t *testing.T) {
	for path, ok := range map[string]bool{
		".": true, "Dockerfile": true, "services/api": true, "a_b-c.d/Dockerfile.prod": true, "..a": true,
		"": false, "/api": false, "api/": false, "../api": false, "api/..": false, "a b": false, "a$(b)": false, "-f": false, "a\nb": false, "a,b": false,
		strings.Repeat("a", maxPath): true, strings.Repeat("a", maxPath+1): false,
	} {
		if err := CheckPath(path); (err == nil) != ok {
			t.Errorf("%q: %v", path, err)
		}
	}
}

// repository is a repository with a commit for each step of a test.
type repository struct {
	t   *testing.T
	dir string
}

func newRepository(t *testing.T) repository {
	t.Helper()
	for name, value := range map[string]string{
		"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com",
		"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_SYSTEM": os.DevNull,
	} {
		t.Setenv(name, value)
	}
	r := repository{t, t.TempDir()}
	r.git("init", "--quiet")
	return r
}

func (r repository) git(args ...string) {
	r.t.Helper()
	command := exec.Command("git", args...)
	command.Dir = r.dir
	if said, err := command.CombinedOutput(); err != nil {
		r.t.Fatalf("git %s: %v: %s", strings.Join(args, " "), err, said)
	}
}

// commit writes a file, and commits it.
func (r repository) commit(name, text string) {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.git("add", "--all")
	r.git("commit", "--quiet", "--message", name)
}

func (r repository) source(b Build, platforms string) string {
	r.t.Helper()
	hash, err := Source(r.t.Context(), r.dir, b, platforms)
	if err != nil {
		r.t.Fatal(err)
	}
	return hash
}

func TestSourceIsWhatDockerTakes(t *testing.T) {
	r := newRepository(t)
	r.commit("Dockerfile", "FROM scratch")
	r.commit(".dockerignore", "*\n!app\napp/*_test.go\n")
	r.commit("app/main.go", "package main")
	b, last := Build{Context: ".", Dockerfile: "Dockerfile"}, ""
	change := func(changes bool, name, text string) {
		t.Helper()
		r.commit(name, text)
		now := r.source(b, "linux/amd64")
		if (now != last) != changes {
			t.Errorf("a change of %s: the hash was %s and is %s", name, last, now)
		}
		last = now
	}
	last = r.source(b, "linux/amd64")
	if len(last) != 40 {
		t.Errorf("the hash is %q", last)
	}
	change(true, "app/main.go", "package main // changed")
	change(true, "app/web/index.html", "<p>")
	change(true, "Dockerfile", "FROM scratch AS other")
	change(false, "README.md", "it is ignored")
	change(false, "app/main_test.go", "so is that")
	change(false, ".dockerignore", "# The same.\n*\n!app\napp/*_test.go\n")
	change(true, ".dockerignore", "*\n!app\n")
	change(true, "app/main_test.go", "taken now")
	// The Dockerfile's own ignore file wins over it.
	change(true, "Dockerfile.dockerignore", "*\n!app/main.go\n")
	change(false, "app/web/index.html", "left out")

	if r.source(b, "linux/amd64,linux/arm64") == last {
		t.Error("another platform is not another image")
	}
	// Uncommitted files are not in a job's checkout.
	if err := os.WriteFile(filepath.Join(r.dir, "app/main.go"), []byte("not committed"), 0o600); err != nil {
		t.Fatal(err)
	}
	if now := r.source(b, "linux/amd64"); now != last {
		t.Error("a change that is not committed counts")
	}
}

// Only the folder counts, also below the root of the repository.
func TestSourceOfAFolder(t *testing.T) {
	r := newRepository(t)
	r.commit("services/api/Dockerfile", "FROM scratch")
	r.commit("services/api/build/Dockerfile.slim", "FROM scratch")
	r.commit("services/api/main.go", "package main")
	b := Build{Context: "services/api", Dockerfile: "Dockerfile"}
	before := r.source(b, "linux/amd64")
	r.commit("services/web/main.go", "package main")
	if r.source(b, "linux/amd64") != before {
		t.Error("another folder counts")
	}
	below := repository{t, filepath.Join(r.dir, "services")}
	if below.source(Build{Context: "api", Dockerfile: "Dockerfile"}, "linux/amd64") != before {
		t.Error("the hash of a folder depends on where it is seen from")
	}
	if r.source(Build{Context: "services/api", Dockerfile: "build/Dockerfile.slim"}, "linux/amd64") == before {
		t.Error("another Dockerfile is not another image")
	}
	r.git("update-index", "--chmod=+x", "services/api/main.go")
	r.git("commit", "--quiet", "--message", "executable")
	if r.source(b, "linux/amd64") == before {
		t.Error("the mode of a file does not count")
	}
}

func TestSourceRefuses(t *testing.T) {
	r := newRepository(t)
	r.commit("api/main.go", "package main")
	for _, test := range []struct {
		dir, want string
	}{
		{r.dir, "there is no api/Dockerfile in the checked-out commit"},
		{t.TempDir(), "not a git repository"},
	} {
		_, err := Source(t.Context(), test.dir, Build{Context: "api", Dockerfile: "Dockerfile"}, "linux/amd64")
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v, want an error that says %q", err, test.want)
		}
	}
}
