package image_test

import (
	"bytes"
	goversion "go/version"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// These tests prove the repository's Dockerfile where there is no Docker: they read it as BuildKit does, compile the service as its
// build stage says, make the image of its last stage, and look into that.

// root is the repository's folder, Docker's build context.
var root = filepath.Join("..", "..")

// given are the build arguments, each with a value that is nowhere else.
var given = map[string]string{
	"VERSION": "1.4.2-proof", "COMMIT": "3f2a91c0ffee", "BUILD_TIME": "2026-01-31T12:34:56Z", "SOURCE": "https://example.com/slipway.git",
}

// recipe is a Dockerfile that was read.
type recipe struct {
	text   []byte
	stages []instructions.Stage
	global []instructions.ArgCommand
	lex    *shell.Lex
}

func readDockerfile(t *testing.T) *recipe {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	stages, global, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(stages) != 2 {
		t.Fatalf("the Dockerfile has %d stages, want one that builds and one that is shipped", len(stages))
	}
	return &recipe{text: text, stages: stages, global: global, lex: shell.NewLex(parsed.EscapeToken)}
}

// step is a RUN instruction: the words that its shell reads, and what is mounted meanwhile.
type step struct {
	words  []string
	mounts []*instructions.Mount
}

// steps returns the RUN instructions of the build stage. Each sees the arguments that the stage has declared by then (Dockerfile
// reference, "Scope").
func (r *recipe) steps(t *testing.T, args map[string]string) (steps []step) {
	t.Helper()
	global, seen := map[string]string{}, map[string]string{}
	declare := func(into map[string]string, arg instructions.KeyValuePairOptional) {
		value, ok := args[arg.Key]
		if !ok && arg.Value != nil {
			value, ok = *arg.Value, true
		}
		if !ok {
			value = global[arg.Key]
		}
		into[arg.Key] = value
	}
	for _, cmd := range r.global {
		for _, arg := range cmd.Args {
			declare(global, arg)
		}
	}
	for _, cmd := range r.stages[0].Commands {
		switch cmd := cmd.(type) {
		case *instructions.ArgCommand:
			for _, arg := range cmd.Args {
				declare(seen, arg)
			}
		case *instructions.RunCommand:
			variables := []string{}
			for name, value := range seen {
				variables = append(variables, name+"="+value)
			}
			words, err := r.lex.ProcessWords(strings.Join(cmd.CmdLine, " "), shell.EnvsFromSlice(variables))
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Expand(func(word string) (string, error) { return word, nil }); err != nil {
				t.Fatal(err)
			}
			steps = append(steps, step{words: words, mounts: instructions.GetMounts(cmd)})
		}
	}
	if len(steps) != 2 || !slices.Equal(steps[0].words, []string{"go", "mod", "download"}) {
		t.Fatalf("the build stage runs %v, want `go mod download` and a build", steps)
	}
	return steps
}

func TestDockerfileStages(t *testing.T) {
	r := readDockerfile(t)
	build, last := r.stages[0], r.stages[1]
	if build.Name != "build" || build.Platform != "$BUILDPLATFORM" {
		t.Errorf("the first stage is %s of %s, want build of $BUILDPLATFORM: emulating the target is slow", build.Name, build.Platform)
	}
	base := regexp.MustCompile(`^golang:([0-9.]+)-alpine[0-9.]*@sha256:[0-9a-f]{64}$`).FindStringSubmatch(build.BaseName)
	if base == nil || !satisfies(base[1], appGo(t)) {
		t.Errorf("the build's base image is %s, want golang:VERSION-alpine by its digest, with Go %s or later", build.BaseName, appGo(t))
	}
	if last.BaseName != "scratch" || last.Platform != "" || last.Name != "" {
		t.Errorf("the last stage is %s, want a plain FROM scratch", last.SourceCode)
	}
	for i, allowed := range []string{"workdir arg run", "arg label copy user expose entrypoint"} {
		for _, cmd := range r.stages[i].Commands {
			if !slices.Contains(strings.Fields(allowed), strings.ToLower(cmd.Name())) {
				t.Errorf("stage %d has the instruction %s, want none but %s", i, cmd, allowed)
			}
		}
	}
}

// appGo is the oldest Go that compiles the service, of the form 1.26 or 1.26.8.
func appGo(t *testing.T) string {
	t.Helper()
	cmd := exec.Command("go", "list", "-m", "-f", "{{.GoVersion}}")
	cmd.Dir = filepath.Join(root, "app")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list -m: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// satisfies reports whether a tag of the golang image, which has exactly that Go, can build a module that needs the other version. A
// tag without a patch is the newest of its minor.
func satisfies(tag, want string) bool {
	tag, want = "go"+tag, "go"+want
	if goversion.Lang(tag) == tag {
		want = goversion.Lang(want)
	}
	return goversion.IsValid(tag) && goversion.Compare(tag, want) >= 0
}

func TestGoVersionSatisfies(t *testing.T) {
	for _, test := range []struct {
		tag, want string
		ok        bool
	}{
		{"1.26", "1.26", true},
		{"1.26", "1.26.8", true},
		{"1.26.9", "1.26.8", true},
		{"1.27", "1.26.8", true},
		{"1.26.7", "1.26.8", false},
		{"1.25", "1.26", false},
		{"latest", "1.26", false},
		{"", "1.26", false},
	} {
		if got := satisfies(test.tag, test.want); got != test.ok {
			t.Errorf("Go %s for %s: %t", test.tag, test.want, got)
		}
	}
}

// A secret in a build argument, in the environment or in a copied file stays readable in the image or in its history.
func TestDockerfileHoldsNoSecrets(t *testing.T) {
	r := readDockerfile(t)
	var names []string
	for _, cmd := range r.global {
		for _, arg := range cmd.Args {
			names = append(names, arg.Key)
		}
	}
	for _, stage := range r.stages {
		for _, cmd := range stage.Commands {
			if cmd, ok := cmd.(*instructions.ArgCommand); ok {
				for _, arg := range cmd.Args {
					names = append(names, arg.Key)
				}
			}
		}
	}
	slices.Sort(names)
	if names = slices.Compact(names); !slices.Equal(names, []string{"BUILD_TIME", "COMMIT", "SOURCE", "TARGETARCH", "TARGETOS", "VERSION"}) {
		t.Errorf("the build arguments are %v", names)
	}
	var copied []string
	for _, cmd := range r.stages[1].Commands {
		if cmd, ok := cmd.(*instructions.CopyCommand); ok {
			copied = append(copied, cmd.From+":"+strings.Join(cmd.SourcePaths, " "))
		}
	}
	if want := []string{"build:/etc/ssl/certs/ca-certificates.crt", "build:/out/app"}; !slices.Equal(copied, want) {
		t.Errorf("what is copied into the image is %v, want %v", copied, want)
	}
}

// The build stage sees the build context only through mounts, which leave nothing behind in a layer.
func TestDockerfileMounts(t *testing.T) {
	r := readDockerfile(t)
	visible := buildContext(t)
	caches := []string{"/go/pkg/mod", "/root/.cache/go-build"} // the golang image's GOMODCACHE, and root's GOCACHE
	for i, step := range r.steps(t, nil) {
		var cached []string
		for _, m := range step.mounts {
			switch m.Type {
			case instructions.MountTypeCache:
				cached = append(cached, m.Target)
			case instructions.MountTypeBind:
				if _, err := os.Stat(filepath.Join(visible, m.Source)); err != nil || m.From != "" || !m.ReadOnly || path.IsAbs(m.Target) {
					t.Errorf("%q binds %+v: want a part of the context, for reading, in the work folder: %v", step.words, m, err)
				}
			default:
				t.Errorf("%q has a mount of type %s", step.words, m.Type)
			}
		}
		if want := caches[:i+1]; !slices.Equal(cached, want) {
			t.Errorf("%q caches %v, want %v", step.words, cached, want)
		}
	}
}

// buildContext returns a copy of the files that Docker's client sends to the builder: all that .dockerignore lets through.
func buildContext(t *testing.T) string {
	t.Helper()
	f, err := os.Open(filepath.Join(root, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	patterns, err := ignorefile.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		t.Fatal(err)
	}
	top, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, entry := range top {
		ignored, err := matcher.MatchesOrParentMatches(entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		if ignored {
			continue
		}
		if entry.Name() != "app" {
			t.Errorf(".dockerignore lets %s through, which the build does not need", entry.Name())
			continue
		}
		copyFolder(t, filepath.Join(root, entry.Name()), filepath.Join(dir, entry.Name()), func(name string) bool {
			ignored, err := matcher.MatchesOrParentMatches(path.Join(entry.Name(), filepath.ToSlash(name)))
			return err == nil && !ignored
		})
	}
	return dir
}

func copyFolder(t *testing.T, from, to string, wanted func(name string) bool) {
	t.Helper()
	err := filepath.WalkDir(from, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(to, relative), 0o755)
		}
		if !wanted(relative) {
			return nil
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, relative), content, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDockerignore(t *testing.T) {
	tests, err := filepath.Glob(filepath.Join(buildContext(t), "app", "*_test.go"))
	if err != nil || len(tests) > 0 {
		t.Errorf(".dockerignore lets tests through, whose change would compile the service anew: %v %v", tests, err)
	}
}
