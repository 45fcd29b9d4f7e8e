package stack

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const goMod = `module slipway

require github.com/pulumi/pulumi-random/sdk/v4 v4.18.0

require (
	github.com/pulumi/pulumi-aws/sdk/v6 v6.83.4
	github.com/pulumi/pulumi-cloudflare/sdk/v5 v5.49.1 // pinned
	github.com/pulumi/pulumi/sdk/v3 v3.276.0
	example.com/github.com/pulumi/pulumi-evil/sdk v1.0.0
)
`

func TestPinnedPlugins(t *testing.T) {
	want := []plugin{{"random", "4.18.0"}, {"aws", "6.83.4"}, {"cloudflare", "5.49.1"}}
	if got := pinned(goMod); !slices.Equal(got, want) {
		t.Errorf("pinned are %v, want %v", got, want)
	}
	text, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if got := pinned(string(text)); len(got) != 2 {
		t.Errorf("the program's own are %v", got)
	}
}

// The program's plugins are installed once, before anything needs them. Providers to which the engine is attached are not.
func TestPluginsAreInstalled(t *testing.T) {
	t.Setenv("PULUMI_DEBUG_PROVIDERS", "random:1234,cloudflare:2345")
	dir := project(t, map[string]string{"plugin-install-resource-aws-6.83.4": ""})
	write(t, filepath.Join(dir, "go.mod"), goMod)
	s := open(t, dir)
	if strings.Contains(commands(t), "plugin") {
		t.Errorf("to open a stack installs plugins:\n%s", commands(t))
	}
	for range 2 {
		if _, err := s.Missing(t.Context(), toImport()); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(commands(t), "plugin install"); n != 1 || !strings.Contains(commands(t), "plugin install resource aws 6.83.4 --exact") {
		t.Errorf("plugins are installed %d times:\n%s", n, commands(t))
	}
}

func TestPluginsThatCannotBeInstalled(t *testing.T) {
	dir := project(t, nil)
	write(t, filepath.Join(dir, "go.mod"), goMod)
	s := open(t, dir)
	err := s.Up(t.Context(), "a message", os.Stderr)
	if err == nil || !strings.Contains(err.Error(), ErrNotBegun.Error()) || !strings.Contains(err.Error(), "install the provider random 4.18.0") {
		t.Errorf("the error is %v", err)
	}
	if strings.Contains(commands(t), "up ") {
		t.Errorf("it was asked for\n%s", commands(t))
	}
}

// evilState is what a pull request may write into the state of its stack: a resource of a plugin with its own download URL.
const evilState = `{"version": 3, "deployment": {"manifest": {"time": "2026-01-01T00:00:00Z", "magic": "", "version": ""}, "resources": [
  {"urn": "urn:pulumi:%[1]s::slipway::pulumi:pulumi:Stack::slipway-%[1]s", "custom": false, "type": "pulumi:pulumi:Stack"},
  {"urn": "urn:pulumi:%[1]s::slipway::pulumi:providers:evil::default", "custom": true, "id": "00000000-0000-4000-8000-000000000000",
    "type": "pulumi:providers:evil",
    "inputs": {"version": "1.0.0", "__internal": {"pluginDownloadURL": %[2]q}}, "outputs": {"version": "1.0.0"}},
  {"urn": "urn:pulumi:%[1]s::slipway::evil:index:Thing::a", "custom": true, "id": "a", "type": "evil:index:Thing",
    "provider": "urn:pulumi:%[1]s::slipway::pulumi:providers:evil::default::00000000-0000-4000-8000-000000000000"}
]}}`

// evilStack is a stack of the real CLI with such a state. asked reports whether the plugin was requested from its URL since the last
// call, or whether an installed one was run.
func evilStack(t *testing.T, name string, lying bool) (s *Stack, asked func() bool) {
	t.Helper()
	cli := exec.Command("../../tools/cli")
	if said, err := cli.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	bin, err := filepath.Abs("../../bin")
	if err != nil {
		t.Fatal(err)
	}
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(server.Close)

	dir, state, home := t.TempDir(), t.TempDir(), t.TempDir()
	ran := filepath.Join(home, "ran")
	if lying {
		installEvil(t, home, ran)
	}
	write(t, filepath.Join(dir, "Pulumi.yaml"), "name: slipway\nruntime: go\n")
	write(t, filepath.Join(dir, "state.json"), fmt.Sprintf(evilState, name, server.URL))
	for name, value := range map[string]string{
		"PATH": bin + string(filepath.ListSeparator) + os.Getenv("PATH"), "PULUMI_HOME": home, "PULUMI_BACKEND_URL": "file://" + state,
		"PULUMI_CONFIG_PASSPHRASE": "test", "PULUMI_SKIP_UPDATE_CHECK": "1", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "",
	} {
		t.Setenv(name, value)
	}
	plain := func(args ...string) {
		t.Helper()
		command := exec.Command("pulumi", args...)
		command.Dir = dir
		if said, err := command.CombinedOutput(); err != nil && args[0] == "stack" {
			t.Fatalf("pulumi %q: %v: %s", args, err, said)
		}
	}
	plain("stack", "init", name)
	plain("stack", "import", "--stack", name, "--file", "state.json")
	asked = func() bool {
		started := os.Remove(ran) == nil
		return requests.Swap(0) > 0 || started
	}
	plain("refresh", "--stack", name, "--preview-only", "--non-interactive")
	if !asked() {
		t.Fatal("the plain CLI does not use the plugin: this test shows nothing")
	}
	s, err = Open(t.Context(), dir, name)
	if err != nil {
		t.Fatal(err)
	}
	return s, asked
}

// installEvil installs the plugin as the CLI does: a run of it leaves a file.
func installEvil(t *testing.T, home, ran string) {
	t.Helper()
	dir := filepath.Join(home, "plugins", "resource-evil-v1.0.0")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "pulumi-resource-evil")
	write(t, path, fmt.Sprintf("#!/bin/sh\ntouch '%s'\nexit 1\n", ran))
	if err := os.Chmod(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

// uses are all the ways in which a state is used.
func uses(s *Stack, t *testing.T) map[string]func() error {
	t.Helper()
	return map[string]func() error{
		"drift":     func() error { _, err := s.Drift(t.Context()); return err },
		"creations": func() error { _, err := s.Creations(t.Context()); return err },
		"ask":       func() error { return s.Ask(t.Context(), func(*pulumi.Context) error { return nil }) },
		"missing":   func() error { _, err := s.Missing(t.Context(), toImport()); return err },
		"import":    func() error { _, err := s.Import(t.Context(), toImport()); return err },
		"up":        func() error { return s.Up(t.Context(), "a message", os.Stderr) },
		"destroy": func() error {
			return s.Destroy(t.Context(), []resource.URN{urn("", "evil:index:Thing", "a")}, os.Stderr)
		},
	}
}

// No use of a state requests a plugin that it names.
func TestStatesInstallNoPlugins(t *testing.T) {
	s, asked := evilStack(t, "dev", false)
	for name, use := range uses(s, t) {
		err := use()
		if asked() {
			t.Errorf("%s asks for the plugin that the state names (%v)", name, err)
		}
	}
}

// Nor does it run an installed one, if a pull request may have written the state.
func TestStatesRunNoOtherPlugins(t *testing.T) {
	s, asked := evilStack(t, "pr-7", true)
	for name, use := range uses(s, t) {
		err := use()
		if asked() {
			t.Errorf("%s runs the plugin that the state names", name)
		}
		if err == nil || !strings.Contains(err.Error(), `go.mod pins no provider "evil"`) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := s.Outputs(t.Context()); err == nil || !strings.Contains(err.Error(), "the state of stack pr-7 is not used") {
		t.Errorf("outputs: error %v", err)
	}
}

// The stack that a pull request's stack is copied from decides its allowed configuration.
func TestConfigurationOfPullRequests(t *testing.T) {
	dir := project(t, map[string]string{
		"stack-ls": `[{"name":"pr-7"}]`,
		"stack-export-organization-slipway-pr-7": `{"version": 3, "deployment": {"resources": [{"urn": "urn:pulumi:pr-7::slipway::pulumi:providers:aws::default", "custom": true,
			"type": "pulumi:providers:aws", "inputs": {"version": "6.83.4", "profile": "dev"}}]}}`,
	})
	write(t, filepath.Join(dir, "go.mod"), goMod)
	s, err := Open(t.Context(), dir, "organization/slipway/pr-7")
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ file, says, want string }{
		{"Pulumi.dev.yaml", "config: {aws:profile: other}", "has another value of aws:profile"},
		{"Pulumi.dev.yaml", "config: {aws:profile: other}", "do this from a checkout of the commit before that change"},
		{"Pulumi.dev.yaml", "config: {aws:profile: dev}", ""},
		{"Pulumi.pr-7.yaml", "config: {}", "has another value of aws:profile"},
		{"Pulumi.pr-7.yaml", "config: {aws:profile: dev}", ""},
		{"Pulumi.pr-7.yaml", "- it is none", "Pulumi.pr-7.yaml"},
	} {
		write(t, filepath.Join(dir, step.file), step.says)
		err := s.CheckState(t.Context())
		if step.want == "" && err != nil || step.want != "" && (err == nil || !strings.Contains(err.Error(), step.want)) {
			t.Errorf("%s says %s: error %v, want one that says %q", step.file, step.says, err, step.want)
		}
	}
}
