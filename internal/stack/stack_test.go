package stack

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"

	"slipway/spec"
)

// A copy of this test program under the name of pulumi stands for the Pulumi CLI. It answers as the test laid out in the
// folder that $FAKE_PULUMI names: a file for each command, called after its words.
const fakeFolder = "FAKE_PULUMI"

func TestMain(m *testing.M) {
	if folder := os.Getenv(fakeFolder); folder != "" && filepath.Base(os.Args[0]) == "pulumi" {
		os.Exit(fakeCLI(folder, os.Args[1:]))
	}
	os.Exit(m.Run())
}

func fakeCLI(folder string, args []string) int {
	log, err := os.OpenFile(filepath.Join(folder, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	fmt.Fprintln(log, strings.Join(args, " "))
	log.Close()
	args = slices.DeleteFunc(args, func(arg string) bool { return arg == "--non-interactive" })
	switch args[0] {
	case "version":
		fmt.Println("v3.250.0")
		return 0
	case "import":
		return fakeImport(folder, args)
	case "preview":
		return fakePreview(args)
	case "up":
		patience, err := time.ParseDuration(os.Getenv("FAKE_PULUMI_PATIENCE"))
		if err != nil {
			panic(err)
		}
		return slowUpdate(patience)
	}
	if name, asked := strings.CutSuffix(strings.Join(args, " "), " --show-name"); asked {
		return fakeStack(folder, strings.TrimPrefix(name, "stack --stack "))
	}
	words := slices.DeleteFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "-") && arg != "--show-secrets" })
	name := strings.NewReplacer("/", "-", " ", "-").Replace(strings.Join(words, " "))
	answer, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		fmt.Fprintln(os.Stderr, "error: nobody laid out", name)
		return 255
	}
	os.Stdout.Write(answer)
	return 0
}

// fakeStack looks for a stack, by its name or its full name, in the list.
func fakeStack(folder, name string) int {
	text, err := os.ReadFile(filepath.Join(folder, "stack-ls"))
	if err != nil {
		panic(err)
	}
	var listed []auto.StackSummary
	if err := json.Unmarshal(text, &listed); err != nil {
		panic(err)
	}
	for _, s := range listed {
		if name == s.Name || name == "organization/slipway/"+s.Name {
			fmt.Println(s.Name)
			return 0
		}
	}
	fmt.Fprintf(os.Stderr, "error: no stack named '%s' found\n", name)
	return notFound
}

// slowUpdate prints each interrupt, and ends after the second one, or if none comes for a while.
func slowUpdate(patience time.Duration) int {
	signals := make(chan os.Signal, 10)
	signal.Notify(signals, os.Interrupt)
	fmt.Println("updating")
	<-signals
	fmt.Println("interrupted once")
	select {
	case <-signals:
		fmt.Println("interrupted twice")
	case <-time.After(patience):
		fmt.Println("cleaned up")
	}
	return 1
}

var configuration = `# As it is.
encryptionsalt: v1:salt
config:
  slipway:domain: slipway.test
  slipway:services:
    hello:
      image: r.test/hello@` + digestAA + ` # by digest
      secrets:
        API_KEY:
          secure: v1:cipher
    api: {image: "r.test:5000/api:1", before: {command: [migrate], image: "r.test:5000/migrate:1"}}
`

// project lays out a project with a stack, dev, and the answers of the Pulumi CLI.
func project(t *testing.T, answers map[string]string) (dir string) {
	t.Helper()
	dir, bin, folder := t.TempDir(), t.TempDir(), t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, "pulumi")); err != nil {
		t.Fatal(err)
	}
	answers = maps.Clone(answers)
	if answers == nil {
		answers = map[string]string{}
	}
	if answers["stack-ls"] == "" {
		answers["stack-ls"] = `[{"name":"prod"},{"name":"dev","lastUpdate":"2026-01-31T12:00:00.500Z","resourceCount":46}]`
	}
	for name, answer := range answers {
		write(t, filepath.Join(folder, name), answer)
	}
	write(t, filepath.Join(dir, "Pulumi.yaml"), "name: slipway\nruntime: go\n")
	write(t, filepath.Join(dir, "Pulumi.dev.yaml"), configuration)
	t.Setenv(fakeFolder, folder)
	t.Setenv("PATH", bin)
	t.Setenv("GORACE", "atexit_sleep_ms=0") // otherwise each copy would wait for a second
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// commands returns the calls of the Pulumi CLI.
func commands(t *testing.T) string {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(os.Getenv(fakeFolder), "log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(log)
}

func open(t *testing.T, dir string) *Stack {
	t.Helper()
	s, err := Open(t.Context(), dir, "dev")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStacks(t *testing.T) {
	p, err := OpenProject(t.Context(), project(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Stacks(t.Context())
	want := []Summary{
		{Name: "dev", LastUpdate: time.Date(2026, 1, 31, 12, 0, 0, 5e8, time.UTC), Resources: 46},
		{Name: "prod"},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v (%v), want %+v", got, err, want)
	}
	if p.Name() != "slipway" {
		t.Errorf("the project is called %s", p.Name())
	}
}

func TestOpen(t *testing.T) {
	dir := project(t, nil)
	open(t, dir)
	if strings.Contains(commands(t), "stack ls") {
		t.Errorf("a stack that is there was looked for among all:\n%s", commands(t))
	}
	for name, want := range map[string]string{
		"dev":                      "",
		"organization/slipway/dev": "",
		"stage":                    "project slipway has no stack stage; there are: dev, prod",
		"organization/other/dev":   "has no stack organization/other/dev",
	} {
		s, err := Open(t.Context(), dir, name)
		if want == "" && (err != nil || s.Name() != name || s.ConfigFile() != filepath.Join(dir, "Pulumi.dev.yaml")) {
			t.Errorf("%s: %v, %v", name, s, err)
		}
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want an error that says %q", name, err, want)
		}
	}
	if strings.Contains(commands(t), "select") {
		t.Errorf("a stack was selected for the user:\n%s", commands(t))
	}
	write(t, filepath.Join(os.Getenv(fakeFolder), "stack-ls"), "[]")
	if _, err := Open(t.Context(), dir, "dev"); err == nil || !strings.Contains(err.Error(), "has no stack dev; make it with `pulumi stack init dev`") {
		t.Errorf("without any stack: %v", err)
	}
}

func TestOpenWithoutWhatItNeeds(t *testing.T) {
	if _, err := Open(t.Context(), t.TempDir(), "dev"); err == nil || !strings.Contains(err.Error(), "there is no Pulumi.yaml in") {
		t.Errorf("without a project: %v", err)
	}
	dir := project(t, nil)
	t.Setenv("PATH", t.TempDir())
	if _, err := Open(t.Context(), dir, "dev"); err == nil || !strings.Contains(err.Error(), "the Pulumi CLI is not on PATH; install it") {
		t.Errorf("without the CLI: %v", err)
	}
}

func TestOutputs(t *testing.T) {
	s := open(t, project(t, map[string]string{"stack-output-dev": `{"urls":{"hello":"https://h.test/"},"images":{"hello":"r.test/hello@` + digestAA + `"},"cluster":"c"}`}))
	for file, text := range map[string]string{
		"eu": "config: {slipway:domain: Example.org}", "us": "config: {slipway:domain: example.org}", "pr-7": "config: {other:domain: evil.test}",
		"broken": "config: [", "secret": "config: {slipway:domain: {secure: v1:cipher}}",
	} {
		write(t, filepath.Join(s.project.Dir(), "Pulumi."+file+".yaml"), text)
	}
	got, err := s.Outputs(t.Context())
	if err != nil || got.URLs["hello"] != "https://h.test/" || got.Images["hello"] != (spec.Image{Registry: "r.test", Repository: "hello", Digest: digestAA}) || got.Cluster != "c" ||
		len(got.Checks) != 0 {
		t.Errorf("%+v (%v)", got, err)
	}
	if !slices.Equal(got.Domains, Domains{"example.org", "slipway.test"}) {
		t.Errorf("the domains are %v", got.Domains)
	}
	s = open(t, project(t, map[string]string{"stack-output-dev": `{"checks":{"hello":{"healthPath":"/up","healthCodes":"200-299","healthRouted":true,` +
		`"versionPath":"/v","websocketPath":"/ws","paths":["/"]}}}`}))
	if got, err := s.Outputs(t.Context()); err != nil || fmt.Sprint(got.Checks["hello"]) != "{/up 200-299 true /v /ws [/]}" {
		t.Errorf("%+v (%v)", got, err)
	}
	s = open(t, project(t, map[string]string{"stack-output-dev": `{}`}))
	if got, err := s.Outputs(t.Context()); err != nil || len(got.URLs) != 0 {
		t.Errorf("%+v (%v)", got, err)
	}
	// Names from the state go to terminals, and anyone who may write the state chooses them.
	for _, outputs := range []string{`{"urls":{"\u001b[2J":"https://h.test/"}}`, `{"images":{"hello":"r.test/hello@sha256:\u001b[2J"}}`, `{"images":{"hello":"r.test/a b"}}`} {
		s = open(t, project(t, map[string]string{"stack-output-dev": outputs}))
		if got, err := s.Outputs(t.Context()); err == nil || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%s is taken for %+v (%v)", outputs, got, err)
		}
	}
	s = open(t, project(t, nil))
	if _, err := s.Outputs(t.Context()); err == nil || !strings.Contains(err.Error(), "read the outputs of stack dev: pulumi stack output") ||
		!strings.Contains(err.Error(), "error: nobody laid out") {
		t.Errorf("the error is %v", err)
	}
}

// Calls of the backend have the environment with which the project was opened.
func TestEnvironment(t *testing.T) {
	dir, other := project(t, map[string]string{"stack-output-dev": `{"cluster":"ours"}`}), t.TempDir()
	write(t, filepath.Join(other, "stack-ls"), `[{"name":"dev"}]`)
	write(t, filepath.Join(other, "stack-output-dev"), `{"cluster":"theirs"}`)
	p, err := OpenProject(t.Context(), dir, fakeFolder+"="+other)
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.Stack(t.Context(), "dev")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Outputs(t.Context()); err != nil || got.Cluster != "theirs" {
		t.Errorf("%+v (%v)", got, err)
	}
}

// history is the CLI's output for three updates, with the images in services, or withheld if that is empty.
func history(t *testing.T, services ...string) string {
	t.Helper()
	entries := make([]auto.UpdateSummary, len(services))
	for i, value := range services {
		end := "2026-01-31T12:00:07.000Z"
		entries[i] = auto.UpdateSummary{
			Kind: "update", Result: "succeeded", Message: `"say \"hello\""`,
			StartTime: "2026-01-31T12:00:00.000Z", EndTime: &end,
			ResourceChanges: &map[string]int{"create": 2},
			Config:          auto.ConfigMap{"slipway:services": {Value: value, Secret: value == "" || strings.Contains(value, "API_KEY")}},
		}
	}
	text, err := json.Marshal(entries)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Digests of images.
var (
	digestAA = "sha256:" + strings.Repeat("a", 64)
	digestBB = "sha256:" + strings.Repeat("b", 64)
)

var helloAA = `{"hello":{"image":"r.test/hello@` + digestAA + `"}}`

func TestHistory(t *testing.T) {
	s := open(t, project(t, map[string]string{"stack-history-dev-1": history(t, helloAA)}))
	u, updated, err := s.LastUpdate(t.Context())
	if err != nil || !updated || !u.Succeeded() || u.Message != `say "hello"` || u.End.Sub(u.Start) != 7*time.Second || u.Changes["create"] != 2 {
		t.Errorf("%+v, %t (%v)", u, updated, err)
	}
	s = open(t, project(t, map[string]string{"stack-history-dev-1": "[]"}))
	if u, updated, err := s.LastUpdate(t.Context()); updated || err != nil {
		t.Errorf("%+v, %t (%v)", u, updated, err)
	}
}

func TestReleases(t *testing.T) {
	s := open(t, project(t, map[string]string{"stack-history-dev-9": history(t, helloAA, helloAA)}))
	got, err := s.Releases(t.Context(), 9)
	if err != nil || len(got) != 2 || got[0].Images["hello"].Digest != digestAA {
		t.Errorf("%+v (%v)", got, err)
	}
	if strings.Contains(commands(t), "--show-secrets") {
		t.Errorf("secrets were read that are not needed:\n%s", commands(t))
	}

	// An object with a secret is withheld as a whole, and read a second time.
	secret := `{"hello":{"image":"r.test/hello@` + digestBB + `","secrets":{"API_KEY":"hunter2"}}}`
	s = open(t, project(t, map[string]string{
		"stack-history-dev-9":                history(t, helloAA, ""),
		"stack-history-dev-9---show-secrets": history(t, helloAA, secret),
	}))
	got, err = s.Releases(t.Context(), 9)
	if err != nil || len(got) != 2 || got[1].Images["hello"].Digest != digestBB {
		t.Errorf("%+v (%v)", got, err)
	}
	if strings.Contains(fmt.Sprintf("%#v", got), "hunter2") {
		t.Error("a secret is in the releases")
	}
}

func TestReleasesOfKinds(t *testing.T) {
	config := func(services string) auto.ConfigMap { return auto.ConfigMap{"p:services": {Value: services}} }
	got := releases([]Update{
		{Kind: "refresh", config: config(helloAA)},
		{Kind: "update", Version: 1, config: config(helloAA)},
		{Kind: "destroy", config: config(helloAA)},
		{Kind: "update", Version: 2, config: config("ERROR_UNABLE_TO_DECRYPT")},
		{Kind: "update", Version: 3},
	}, "p:services")
	if len(got) != 3 || got[0].Images["hello"].Digest != digestAA || got[1].Images != nil || got[2].Images != nil {
		t.Errorf("%+v", got)
	}
}

func TestConfiguredImages(t *testing.T) {
	dir := project(t, nil)
	got, before, err := open(t, dir).ConfiguredImages()
	want := map[string]spec.Image{
		"hello": {Registry: "r.test", Repository: "hello", Digest: digestAA},
		"api":   {Registry: "r.test:5000", Repository: "api", Tag: "1"},
	}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%v (%v), want %v", got, err, want)
	}
	if want := map[string]spec.Image{"api": {Registry: "r.test:5000", Repository: "migrate", Tag: "1"}}; !maps.Equal(before, want) {
		t.Errorf("before services run %v, want %v", before, want)
	}
	write(t, filepath.Join(dir, "Pulumi.dev.yaml"), "config: {slipway:domain: slipway.test}")
	if _, _, err := open(t, dir).ConfiguredImages(); err == nil || !strings.Contains(err.Error(), "has no slipway:services") {
		t.Errorf("without services: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "Pulumi.dev.yaml")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := open(t, dir).ConfiguredImages(); err == nil || !strings.Contains(err.Error(), "stack dev has no configuration: there is no") {
		t.Errorf("without the file: %v", err)
	}
}

// The file is unchanged before Save, and equal to the original, byte for byte, after Restore.
func TestDraft(t *testing.T) {
	dir := project(t, map[string]string{})
	s := open(t, dir)
	read := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	// There is no CLI that edits here: nothing may be edited.
	d, err := s.Draft(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	write(t, d.path, "changed")
	if read(s.ConfigFile()) != configuration {
		t.Error("the draft is the file itself")
	}
	if err := d.Save(); err != nil || read(s.ConfigFile()) != "changed" {
		t.Errorf("saved %q (%v)", read(s.ConfigFile()), err)
	}
	if err := d.Restore(); err != nil || read(s.ConfigFile()) != configuration {
		t.Errorf("restored %q (%v)", read(s.ConfigFile()), err)
	}
	d.Discard()
	if _, err := os.Stat(d.path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the draft is left behind: %v", err)
	}
}

// A reader during Save reads the old file or the new one: it is another file, in the same place.
func TestSaveReplacesTheFile(t *testing.T) {
	dir := project(t, map[string]string{})
	s := open(t, dir)
	elsewhere := filepath.Join(t.TempDir(), "dev.yaml")
	if err := errors.Join(os.Rename(s.ConfigFile(), elsewhere), os.Chmod(elsewhere, 0o640), os.Symlink(elsewhere, s.ConfigFile())); err != nil {
		t.Fatal(err)
	}
	reader, err := os.Open(s.ConfigFile())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	d, err := s.Draft(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Discard()
	write(t, d.path, "changed")
	if err := d.Save(); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(reader); err != nil || string(text) != configuration {
		t.Errorf("who had it open reads %q (%v)", text, err)
	}
	if text, err := os.ReadFile(elsewhere); err != nil || string(text) != "changed" {
		t.Errorf("the file that the link leads to holds %q (%v)", text, err)
	}
	if info, err := os.Stat(elsewhere); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("its mode is %v (%v)", info.Mode(), err)
	}
	if left, err := os.ReadDir(filepath.Dir(elsewhere)); err != nil || len(left) != 1 {
		t.Errorf("beside it there are %v (%v)", left, err)
	}
}

// The program reads the draft, as the engine does.
func TestDraftIsPreviewedByItsName(t *testing.T) {
	s := open(t, project(t, map[string]string{}))
	d, err := s.Draft(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Discard()
	var progress strings.Builder
	if err := d.Preview(t.Context(), &progress); err == nil || !strings.Contains(progress.String(), "no preview here, with the file "+d.path) {
		t.Errorf("%q (%v) does not tell of %s", progress.String(), err, d.path)
	}
	if log := commands(t); !strings.Contains(log, "--config-file="+d.path) && !strings.Contains(log, "--config-file "+d.path) {
		t.Errorf("the engine did not get it:\n%s", log)
	}
}

func TestDraftSetsImages(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := open(t, project(t, nil))
	_, err := s.Draft(t.Context(), map[string]spec.Image{"hello": {Registry: "r.test", Repository: "hello", Digest: digestBB}})
	if err == nil || !strings.Contains(err.Error(), "set the image of service hello") {
		t.Errorf("the CLI's error was lost: %v", err)
	}
	if left, _ := os.ReadDir(os.TempDir()); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	log := commands(t)
	for _, want := range []string{
		"config set --stack dev --config-file " + os.TempDir(), `--plaintext --path slipway:services["hello"].image -- r.test/hello@` + digestBB,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("%q is not in\n%s", want, log)
		}
	}
}
