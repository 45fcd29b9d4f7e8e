// Package ci tests the scripts of the workflows, and tools/recover, and checks the workflows' rules. Each file below testdata/script
// drives one script, a copy in the test's own project. The Pulumi CLI is real, with a backend of files; testdata/fake has fakes for
// everything that would leave the machine.
package ci

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var (
	tools  string // the folder with this folder's programs, built
	pulumi string // the Pulumi CLI: the one in bin/, or an installed one if that will do
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		var err error
		if tools, err = os.MkdirTemp("", "slipway-ci"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(tools)
		if err := build(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// build builds the programs that the tests run in addition to the scripts.
func build() error {
	for _, command := range [][]string{{"../tools/cli"}, {"go", "build", "-o", tools, "./check-state", "./pin-images", "./pr-config"}} {
		cmd := exec.Command(command[0], command[1:]...)
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s: %w", strings.Join(command, " "), err)
		}
	}
	own, err := filepath.Abs("../bin/pulumi")
	if err != nil {
		return err
	}
	if pulumi, err = exec.LookPath(own); errors.Is(err, fs.ErrNotExist) {
		pulumi, err = exec.LookPath("pulumi")
	}
	return err
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup:               setup,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"asked": asked},
	})
}

// asked fails unless a plugin was requested at $PLUGINS since the last call; "! asked" fails if one was.
func asked(ts *testscript.TestScript, negated bool, args []string) {
	if len(args) > 0 {
		ts.Fatalf("usage: asked")
	}
	requests := ts.Value(requestsKey{}).(*atomic.Int32).Swap(0)
	if (requests == 0) != negated {
		ts.Fatalf("a plugin was asked for %d times", requests)
	}
}

type requestsKey struct{}

// servePlugins starts a server without plugins, and counts requests for them.
func servePlugins(env *testscript.Env) {
	requests := new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		w.WriteHeader(http.StatusNotFound)
	}))
	env.Defer(server.Close)
	env.Values[requestsKey{}] = requests
	env.Setenv("PLUGINS", server.URL)
}

// fakes are the default fakes of commands; a test can have its own file for one.
var fakes = map[string]string{
	"aws":        "",
	"docker":     "",
	"gh":         "",
	"git":        "",
	"go":         `if [[ $1 == run ]]; then exec "$TOOLS/${2#./ci/}" "${@:3}"; fi`, // go run ./ci/NAME …
	"localcloud": "",                                                               // as bin/localcloud
	"orphans":    "",                                                               // cmd/orphans, as bin/orphans
	"ship":       "",                                                               // cmd/ship, as bin/ship
	"pulumi":     `exec "$PULUMI" "$@"`,
}

// setup lays out a project in the test's folder: the scripts, Pulumi.yaml, and the fakes in front of everything else on PATH.
func setup(env *testscript.Env) error {
	scripts, err := filepath.Abs(".")
	if err != nil {
		return err
	}
	if err := os.Symlink(scripts, filepath.Join(env.WorkDir, "ci")); err != nil {
		return err
	}
	if err := os.Symlink(filepath.Join(filepath.Dir(scripts), "tools"), filepath.Join(env.WorkDir, "tools")); err != nil {
		return err
	}
	project, err := os.ReadFile("../Pulumi.yaml")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(env.WorkDir, "Pulumi.yaml"), project, 0o600); err != nil {
		return err
	}
	if err := os.Symlink(filepath.Join(filepath.Dir(scripts), "Makefile"), filepath.Join(env.WorkDir, "Makefile")); err != nil {
		return err
	}
	for _, dir := range []string{"bin", "fakes", "state"} {
		if err := os.MkdirAll(filepath.Join(env.WorkDir, dir), 0o700); err != nil {
			return err
		}
	}
	for name, does := range fakes {
		if err := os.Symlink(filepath.Join(scripts, "testdata", "fake"), filepath.Join(env.WorkDir, "bin", name)); err != nil {
			return err
		}
		file := filepath.Join(env.WorkDir, "fakes", name)
		if _, err := os.Stat(file); err == nil {
			continue
		}
		if err := os.WriteFile(file, []byte(does), 0o600); err != nil {
			return err
		}
	}
	env.Setenv("PATH", filepath.Join(env.WorkDir, "bin")+string(filepath.ListSeparator)+os.Getenv("PATH"))
	env.Setenv("TOOLS", tools)
	env.Setenv("PULUMI", pulumi)
	env.Setenv("PULUMI_BACKEND_URL", "file://"+filepath.Join(env.WorkDir, "state"))
	env.Setenv("PULUMI_CONFIG_PASSPHRASE", "test")
	env.Setenv("PULUMI_HOME", filepath.Join(env.WorkDir, ".pulumi"))
	env.Setenv("PULUMI_SKIP_UPDATE_CHECK", "1")
	servePlugins(env)
	return nil
}
