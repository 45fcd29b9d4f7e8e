// Package e2e drives the real engine, the real program and the real local cloud through whole lives of stacks. Each file
// below testdata/script is one life; the commands that the scripts have beside testscript's own are those of this file.
package e2e

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"slipway/localcloud/e2e/binary"
	"slipway/localcloud/e2e/stack"
	"slipway/localcloud/task"
)

// root is the repository's folder.
var root = func() string {
	dir, err := filepath.Abs("../..")
	if err != nil {
		panic(err)
	}
	return dir
}()

func bin(name string) string { return filepath.Join(root, "bin", name) }

func TestMain(m *testing.M) {
	testscript.Main(built{m}, map[string]func(){"client": client})
}

// built are the tests, run with the engine, the program and the cloud built as users build them.
type built struct{ *testing.M }

func (b built) Run() int {
	flag.Parse()
	if err := sideBySide(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	build := exec.Command("make", "-C", root, "cli", "build", "commands")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build what the tests drive:", err)
		return 1
	}
	cache, err := binary.NewCache()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	binaries = cache
	code := b.M.Run()
	if err := cache.Remove(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// binaries are the programs that the tests deploy.
var binaries *binary.Cache

// sideBySide lets more tests run at a time than there are processors, unless a flag says how many: each waits most of the time, until tasks
// are healthy or old ones have drained.
func sideBySide() error {
	const name, eachProcessor = "test.parallel", 3
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == name })
	if said {
		return nil
	}
	if err := flag.Set(name, strconv.Itoa(eachProcessor*runtime.GOMAXPROCS(0))); err != nil {
		return fmt.Errorf("run tests side by side: %w", err)
	}
	return nil
}

// shares lets a test run in parallel with others, except for a whole sweep or a long walk by a flag: that runs alone.
func shares(t *testing.T) {
	t.Helper()
	if !*full && *steps == 0 {
		t.Parallel()
	}
}

func TestScripts(t *testing.T) {
	shares(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup:               setup,
		Condition:           condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"cloud":       startCloud,
			"environment": environment,
			"program":     program,
			"ownresource": ownResource,
			"image":       image,
			"page":        page,
			"get":         get,
			"websocket":   websocketEcho,
			"inventory":   inventory,
			"find":        find,
			"eventually":  eventually,
			"secretless":  secretless,
			"private":     private,
			"command":     command,
		},
	})
}

// condition knows [containers]: this system lets tasks be containers in the network of their VPC.
func condition(name string) (bool, error) {
	if name != "containers" {
		return false, fmt.Errorf("there is no condition %s", name)
	}
	return containers()
}

// containers finds out by trying, as the local cloud does.
var containers = sync.OnceValues(func() (bool, error) {
	dir, err := os.MkdirTemp("", "containers-*")
	if err != nil {
		return false, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	r, err := task.NewRunner(dir)
	if err != nil {
		return false, err
	}
	return r.Containers() == nil, nil
})

// setup lays out a stack's folder: the project, which runs the program that `make build` built, and the local stack's configuration;
// and next to it that of bootstrap.
func setup(env *testscript.Env) error {
	if err := stack.LayOut(root, env.WorkDir, ".", "bin/slipway"); err != nil {
		return err
	}
	if err := stack.LayOut(root, filepath.Join(env.WorkDir, "bootstrap"), "bootstrap", "../bin/slipway-bootstrap"); err != nil {
		return err
	}
	config, err := os.ReadFile(filepath.Join(root, "Pulumi.local.yaml"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(env.WorkDir, "Pulumi.local.yaml"), config, 0o600); err != nil {
		return err
	}
	// The Go caches of the user are used; everything else is the test's own.
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOFLAGS", "GOPROXY"} {
		value, err := exec.Command("go", "env", name).Output()
		if err != nil {
			return fmt.Errorf("go env %s: %w", name, err)
		}
		env.Setenv(name, strings.TrimSpace(string(value)))
	}
	env.Setenv("XDG_CACHE_HOME", filepath.Join(env.WorkDir, ".cache"))
	env.Setenv("GOARCH", runtime.GOARCH)
	env.Setenv("ROOT", root)
	if collector := os.Getenv("GOGC"); collector != "" { // or else that of Go
		env.Setenv("GOGC", collector)
	}
	env.Setenv("PATH", bin("")+string(filepath.ListSeparator)+os.Getenv("PATH"))
	env.Defer(func() {
		// A script that failed leaves its cloud running.
		cmd := exec.Command(bin("localcloud"), "-dir", filepath.Join(env.WorkDir, ".localcloud"), "stop")
		if out, err := cmd.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%v: %s", err, out)
		}
	})
	return nil
}

// startCloud starts the local cloud, makes the script's `pulumi` use it, and pushes the service's image as version v1.
//
//	cloud [flags of localcloud start]
func startCloud(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "cloud")
	ts.Check(ts.Exec("localcloud", append([]string{"start", "-zone", "slipway.test"}, args...)...))
	environment(ts, false, nil)
	ts.Check(ts.Exec("pulumi", "stack", "select", "--create", "local"))
	image(ts, false, []string{"local", "v1"})
}

// environment makes the script's commands use the local cloud, as a shell's `eval "$(localcloud env)"` does.
//
//	environment [flags of localcloud env]
func environment(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "environment")
	ts.Check(ts.Exec("localcloud", append([]string{"env"}, args...)...))
	for _, variable := range stack.Environment(ts.ReadFile("stdout")) {
		name, value, _ := strings.Cut(variable, "=")
		ts.Setenv(name, value)
	}
}

// image pushes the service, built as a separate version, under a tag; or, given a folder of testdata, the Go program there instead.
// $DIGEST is then the image's.
//
//	image TAG VERSION [FOLDER]
func image(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "image")
	if len(args) < 2 {
		ts.Fatalf("usage: image TAG VERSION [FOLDER]")
	}
	source := filepath.Join(root, "app")
	if len(args) == 3 {
		source = filepath.Join(root, "localcloud", "e2e", "testdata", args[2])
	}
	built, err := binaries.Program(context.Background(), source, map[string]string{"main.version": args[1]})
	ts.Check(err)
	file := ts.MkAbs("app-" + args[0])
	if err := os.Remove(file); !os.IsNotExist(err) {
		ts.Check(err)
	}
	ts.Check(os.Symlink(built, file))
	ts.Check(ts.Exec("image", "-dockerfile", filepath.Join(root, "Dockerfile"),
		"-file", "/out/app="+file, "-arg", "VERSION="+args[1], ts.Getenv("LOCALCLOUD_REGISTRY")+"/"+stack.Repository+":"+args[0]))
	digest, _, _ := strings.Cut(ts.ReadFile("stdout"), " ")
	ts.Setenv("DIGEST", digest)
}

// inventory fails unless nothing is alive in the cloud; with ! unless something is.
func inventory(ts *testscript.TestScript, neg bool, _ []string) {
	s := readStatus(ts)
	if empty := len(s.Resources) == 0; empty == neg {
		ts.Fatalf("%d resources are alive: %v", len(s.Resources), s.Resources)
	}
}

// find sets a variable to the id of the one living resource of a type whose name or id matches a pattern.
//
//	find VARIABLE TYPE [PATTERN]
func find(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "find")
	pattern := regexp.MustCompile(strings.Join(args[2:], ""))
	var found []string
	for _, r := range readStatus(ts).Resources {
		if r.Type == args[1] && (pattern.MatchString(r.Name) || pattern.MatchString(r.ID)) {
			found = append(found, r.ID)
		}
	}
	if len(found) != 1 {
		ts.Fatalf("%d resources of type %s match %s: %v", len(found), args[1], pattern, found)
	}
	ts.Setenv(args[0], found[0])
}

// eventually waits until the status of the cloud matches a pattern, for a minute at most.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "eventually")
	pattern := regexp.MustCompile(strings.Join(args, " "))
	var shown string
	for end := time.Now().Add(time.Minute); time.Now().Before(end); <-time.After(100 * time.Millisecond) {
		ts.Check(ts.Exec("localcloud", "status"))
		if shown = ts.ReadFile("stdout"); pattern.MatchString(shown) {
			return
		}
	}
	ts.Fatalf("after a minute the status does not match %s:\n%s", pattern, shown)
}

// secretless fails if a text, such as a secret, is in any file of the stack's folder: state, configuration, logs.
func secretless(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "secretless")
	ts.Check(ts.Exec("pulumi", "stack", "export"))
	if strings.Contains(ts.ReadFile("stdout"), args[0]) {
		ts.Fatalf("the exported state holds the secret")
	}
	// What stands for AWS itself, that is Secrets Manager, knows the secret; so do the images, by chance.
	own := []string{"cloud.db", "registry", "tasks"}
	ts.Check(filepath.WalkDir(ts.MkAbs("."), func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if slices.Contains(own, d.Name()) && d.IsDir() {
			return filepath.SkipDir
		}
		if !d.Type().IsRegular() || slices.Contains(own, d.Name()) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(text), args[0]) {
			err = fmt.Errorf("%s holds the secret", path)
		}
		return err
	}))
}

func refuse(ts *testscript.TestScript, neg bool, name string) {
	if neg {
		ts.Fatalf("! %s has no meaning", name)
	}
}

// status is the part of `localcloud status --json` that the tests look at.
type status struct {
	Resources []struct{ Type, ID, Name string }
	Endpoints []struct{ URL, Hostname string }
	CAFile    string
}

func readStatus(ts *testscript.TestScript) status {
	ts.Check(ts.Exec("localcloud", "status", "--json"))
	var s status
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &s))
	return s
}
