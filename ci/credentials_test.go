package ci

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// Anyone who can push a branch decides what its pull request's jobs run, and what the state of its stack says. A token with write
// access could approve that very pull request.
func TestCodeOfPullRequestsWritesNothing(t *testing.T) {
	found := 0
	for name, w := range load(t) {
		for id, job := range w.Jobs {
			// One of destroy, too, may be about such a stack.
			if job.runsCodeOf(w.triggers()) != "a pull request" && job.Environment != "pr" && name != "workflows/destroy.yml" {
				continue
			}
			found++
			if len(job.writes()) > 0 {
				t.Errorf("%s: job %s runs what pull requests decide, and has a token that writes %v", name, id, job.writes())
			}
		}
	}
	if found < 8 {
		t.Errorf("%d jobs run what pull requests decide", found)
	}
}

// A job that writes on pull requests runs reviewed code, and has no other credentials.
func TestTokensThatWriteAreAlone(t *testing.T) {
	for name, w := range load(t) {
		for id, job := range w.Jobs {
			if len(job.writes()) == 0 || job.Environment == "drift" { // it runs main's code on a state that main wrote
				continue
			}
			if job.Permissions["id-token"] != "" || job.role() != "" || job.Environment != "" || strings.Contains(job.texts(), "secrets.") {
				t.Errorf("%s: job %s writes %v, and has credentials besides", name, id, job.writes())
			}
			if code := job.runsCodeOf(w.triggers()); code != "main" {
				t.Errorf("%s: job %s writes %v, and runs the code of %q", name, id, job.writes(), code)
			}
		}
	}
}

// roles are the environments that each role is for, as bootstrap/roles.go trusts them.
var roles = map[string][]string{
	"slipway-deploy":  {"dev", "prod"},
	"slipway-preview": {"preview"},
	"slipway-drift":   {"drift"},
	"slipway-pr":      {"pr"},
}

// GitHub's rules for reviewers and branches belong to an environment.
func TestRolesHaveEnvironments(t *testing.T) {
	found := map[string]bool{}
	for name, w := range load(t) {
		for id, job := range w.Jobs {
			role := job.role()
			if (role != "") != (job.Permissions["id-token"] == "write") {
				t.Errorf("%s: job %s has the role %q, and id-token: %s", name, id, role, job.Permissions["id-token"])
			}
			if role == "" {
				continue
			}
			found[role] = true
			switch {
			case name == "workflows/preview.yml" && role == "slipway-preview" && job.Environment == "":
				// Its token says that it belongs to a pull request.
			case name == "workflows/destroy.yml": // by the name of the stack
				for _, part := range []string{"'pr-') && 'pr'", "'prod') && 'prod' || 'dev'"} {
					if !strings.Contains(job.Environment, part) {
						t.Errorf("%s: job %s has the environment %s, without %s", name, id, job.Environment, part)
					}
				}
				if !strings.Contains(role, "'pr-') && 'slipway-pr' || 'slipway-deploy'") {
					t.Errorf("%s: job %s has the role %s", name, id, role)
				}
			case !slices.Contains(roles[role], job.Environment):
				t.Errorf("%s: job %s has the role %s in the environment %q", name, id, role, job.Environment)
			}
		}
	}
	for role := range roles {
		if !found[role] {
			t.Errorf("no job has the role %s", role)
		}
	}
}

// Production's passphrase is only for jobs of main.
func TestProductionsPassphrase(t *testing.T) {
	found := 0
	for name, w := range load(t) {
		for id, job := range w.Jobs {
			if !strings.Contains(job.texts(), "PASSPHRASE_PROD") {
				continue
			}
			found++
			byName := strings.Contains(job.Environment, "startsWith(inputs.stack, 'prod')")
			if slices.Contains(w.triggers(), "pull_request") || !byName && !slices.Contains([]string{"prod", "preview", "drift"}, job.Environment) {
				t.Errorf("%s: job %s in environment %q has the passphrase of production", name, id, job.Environment)
			}
		}
	}
	if found == 0 {
		t.Error("no job has the passphrase of production")
	}
}

// A job names each secret that it gets: it does not get all, and none is in a workflow's variables, which every job has.
func TestSecretsAreNamed(t *testing.T) {
	for name, w := range load(t) {
		for variable, value := range w.Env {
			if strings.Contains(value, "secrets.") {
				t.Errorf("%s: every job has the secret in %s", name, variable)
			}
		}
		for id, job := range w.Jobs {
			if texts := job.texts(); strings.Contains(texts, "toJSON(secrets") || strings.Contains(texts, "secrets[") {
				t.Errorf("%s: job %s has secrets that it does not name", name, id)
			}
		}
	}
}

// Any earlier run may have written a cache, and nothing verifies it. So it is only for workflows without credentials: otherwise a job
// without any could decide what the next one does with them.
func TestCachesAndCredentialsAreApart(t *testing.T) {
	cached := false
	for name, w := range load(t) {
		action := len(w.Runs.Steps) > 0
		for _, step := range w.steps() {
			uses, _, _ := strings.Cut(step.Uses.Value, "@")
			switch {
			case uses == "actions/setup-go" && (!action || step.With["cache"] != "${{ inputs.cache == 'true' }}"):
				t.Errorf("%s:%d: Go's caches are for the action setup to keep, where it is told to", name, step.Uses.Line)
			case strings.HasPrefix(uses, "actions/cache"), strings.Contains(uses, "-cache"):
				t.Errorf("%s:%d: %s", name, step.Uses.Line, uses)
			case uses == "./.github/actions/setup" && step.With["cache"] != "":
				cached = true
				for id, job := range w.Jobs {
					if job.role() != "" || job.Permissions["id-token"] != "" || strings.Contains(job.texts(), "secrets.") {
						t.Errorf("%s: a job keeps a cache, and job %s has credentials", name, id)
					}
				}
			}
		}
	}
	if !cached {
		t.Error("no workflow keeps a cache")
	}
	text, err := os.ReadFile("../.github/actions/setup/action.yml")
	if err != nil {
		t.Fatal(err)
	}
	var action struct {
		Inputs map[string]struct {
			Default string `yaml:"default"`
		} `yaml:"inputs"`
	}
	if err := yaml.Unmarshal(text, &action); err != nil {
		t.Fatal(err)
	}
	if action.Inputs["cache"].Default != "false" {
		t.Errorf("the action keeps caches by default: %q", action.Inputs["cache"].Default)
	}
}

// sealing is what keeps the Pulumi CLI from installing what a state names.
const sealing = "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true"

var runsPulumi = regexp.MustCompile(`(?m)(^|[|(]|\bif|!)\s*pulumi [a-z]`)

// No run of Pulumi installs a plugin other than the program's own. internal/stack does this for the commands.
func TestNoPluginsByThemselves(t *testing.T) {
	for name, w := range load(t) {
		for _, step := range w.steps() {
			uses, _, _ := strings.Cut(step.Uses.Value, "@")
			if uses == "pulumi/actions" && step.With["command"] != "" {
				t.Errorf("%s:%d: the action runs Pulumi", name, step.Uses.Line)
			}
			if runsPulumi.MatchString(step.Run) && !strings.HasPrefix(step.Run, "pulumi org set-default") {
				t.Errorf("%s: Pulumi is run by no script: %s", name, step.Run)
			}
		}
		if len(w.Runs.Steps) == 0 {
			continue
		}
		var runs []string
		for _, step := range w.Runs.Steps {
			runs = append(runs, step.Run)
		}
		if all := strings.Join(runs, "\n"); !strings.Contains(all, sealing) || !strings.Contains(all, "tools/plugins") {
			t.Errorf("%s does not set %s for the job, or does not run tools/plugins", name, sealing)
		}
	}
	scripts, err := filepath.Glob("[a-z]*")
	if err != nil {
		t.Fatal(err)
	}
	tools, err := filepath.Glob("../tools/*")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, path := range append(scripts, tools...) {
		if info, err := os.Stat(path); err != nil || info.IsDir() || path == "../tools/plugins" {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(text), "#!") || !runsPulumi.Match(text) {
			continue
		}
		found++
		if !strings.Contains(string(text), "\nexport "+sealing) {
			t.Errorf("%s runs Pulumi without export %s", path, sealing)
		}
	}
	if found < 8 {
		t.Errorf("%d scripts run Pulumi", found)
	}
}

// usesState matches commands that make the engine use a stack's state. checksState matches the check that must come first if a pull
// request may have written the state.
var (
	usesState   = regexp.MustCompile(`(?m)^\s*pulumi (?:up|destroy|refresh|preview|import|stack output|"\$\w+") ?.*$`)
	checksState = regexp.MustCompile(`(?m)^\s*go run \./ci/check-state "\$stack"$`)
	// shellFunction matches a function of a script, with its body.
	shellFunction = regexp.MustCompile(`(?ms)^\w+\(\) \{$.*?^\}$`)
)

// Anyone who can push a branch can write the state of its stack, and a state says which plugins run, and which hosts they call. Every
// job with credentials checks such a state before it runs anything on it. internal/stack checks it for the commands.
func TestStatesOfPullRequestsAreChecked(t *testing.T) {
	found := map[string]bool{}
	for name, w := range load(t) {
		for id, job := range w.Jobs {
			if job.role() == "" {
				continue
			}
			var runs strings.Builder
			for _, s := range job.Steps {
				runs.WriteString(s.Run + "\n")
			}
			if job.Environment != "pr" && !strings.Contains(job.Environment, "'pr'") { // which destroy's has for such stacks
				if strings.Contains(job.texts()+runs.String(), "pr-") {
					t.Errorf("%s: job %s is about a stack of a pull request outside of the environment pr", name, id)
				}
				continue
			}
			for _, script := range reached(t, runs.String()) {
				found[script] = true
				checkBeforeUse(t, "../"+script)
			}
		}
	}
	for _, script := range []string{"ci/pr-stack", "ci/destroy-stack", "ci/sweep"} {
		if !found[script] {
			t.Errorf("no job runs %s", script)
		}
	}
	checkBeforeUse(t, "../tools/recover") // which people run
}

// reached are the scripts that some commands run, and those that these run.
func reached(t *testing.T, commands string) []string {
	t.Helper()
	var all []string
	for _, match := range regexp.MustCompile(`(?m)(?:ci|tools)/[\w-]+`).FindAllString(commands, -1) {
		if info, err := os.Stat("../" + match); err != nil || info.IsDir() || slices.Contains(all, match) {
			continue
		}
		text, err := os.ReadFile("../" + match)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, match)
		code := regexp.MustCompile(`(?m)^#.*$`).ReplaceAllString(string(text), "")
		for _, other := range reached(t, strings.ReplaceAll(code, match, "")) {
			if !slices.Contains(all, other) {
				all = append(all, other)
			}
		}
	}
	return all
}

// checkBeforeUse fails unless the script, or its function, checks the state before the engine uses it.
func checkBeforeUse(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	parts := append(shellFunction.FindAllString(string(text), -1), shellFunction.ReplaceAllString(string(text), ""))
	for _, part := range parts {
		use := usesState.FindStringIndex(part)
		if use == nil {
			continue
		}
		if check := checksState.FindStringIndex(part); check == nil || check[0] > use[0] {
			t.Errorf("%s: %q comes without ci/check-state before it", path, strings.TrimSpace(part[use[0]:use[1]]))
		}
	}
}

var byDigest = regexp.MustCompile(`@sha256:[0-9a-f]{64}\b`)

// The base images and the tools of a build are pinned, until dependabot finds newer ones.
func TestImagesAreBuiltFromDigests(t *testing.T) {
	for file, images := range map[string]int{"../Dockerfile": 1, "../tools/images/Dockerfile": 2} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		from := 0
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSpace(line)
			if strings.HasPrefix(line, "# syntax=") {
				t.Errorf("%s: %s: BuildKit brings one, and dependabot does not look after another", file, line)
			}
			if !strings.HasPrefix(line, "FROM ") || line == "FROM scratch" {
				continue
			}
			from++
			if !byDigest.MatchString(line) {
				t.Errorf("%s: %s: without a digest", file, line)
			}
		}
		if from != images {
			t.Errorf("%s is made of %d images", file, from)
		}
	}
}

// Dependabot updates everything that is pinned.
func TestDependabotKnowsAllPins(t *testing.T) {
	text, err := os.ReadFile("../.github/dependabot.yml")
	if err != nil {
		t.Fatal(err)
	}
	var dependabot struct {
		Updates []struct {
			Ecosystem   string   `yaml:"package-ecosystem"`
			Directories []string `yaml:"directories"`
		} `yaml:"updates"`
	}
	if err := yaml.Unmarshal(text, &dependabot); err != nil {
		t.Fatal(err)
	}
	known := map[string][]string{}
	for _, update := range dependabot.Updates {
		known[update.Ecosystem] = append(known[update.Ecosystem], update.Directories...)
	}
	found := map[string][]string{"github-actions": {"/"}}
	err = filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		dir := "/" + strings.TrimPrefix(strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), ".."), "/")
		switch {
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "bin" || entry.Name() == ".localcloud" || entry.Name() == "testdata"):
			return fs.SkipDir
		case entry.Name() == "go.mod" && dir != "/tools/language-go": // the last version that can be built as a module
			found["gomod"] = append(found["gomod"], dir)
		case entry.Name() == "Dockerfile":
			found["docker"] = append(found["docker"], dir)
		case entry.Name() == "action.yml":
			found["github-actions"] = append(found["github-actions"], dir)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for ecosystem, dirs := range found {
		for _, dir := range dirs {
			if !slices.Contains(known[ecosystem], dir) {
				t.Errorf("dependabot does not look after %s in %s", ecosystem, dir)
			}
		}
	}
}
