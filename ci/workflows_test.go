package ci

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// workflow is the part of a workflow, or of an action, that the rules check.
type workflow struct {
	On          yaml.Node         `yaml:"on"`
	Permissions map[string]string `yaml:"permissions"`
	Defaults    struct {
		Run struct {
			Shell string `yaml:"shell"`
		} `yaml:"run"`
	} `yaml:"defaults"`
	Env  map[string]string `yaml:"env"`
	Jobs map[string]job    `yaml:"jobs"`
	Runs struct {          // an action has these instead of jobs
		Steps []step `yaml:"steps"`
	} `yaml:"runs"`
}

type job struct {
	If             string            `yaml:"if"`
	RunsOn         string            `yaml:"runs-on"`
	TimeoutMinutes int               `yaml:"timeout-minutes"`
	Permissions    map[string]string `yaml:"permissions"`
	Environment    string            `yaml:"environment"`
	Env            map[string]string `yaml:"env"`
	Concurrency    struct {
		Group            string `yaml:"group"`
		CancelInProgress bool   `yaml:"cancel-in-progress"`
	} `yaml:"concurrency"`
	Steps []step `yaml:"steps"`
}

type step struct {
	Uses yaml.Node         `yaml:"uses"`
	With map[string]string `yaml:"with"`
	Env  map[string]string `yaml:"env"`
	Run  string            `yaml:"run"`
}

// role is the last part of the name of the AWS role that the job has; empty if it has none.
func (j job) role() string {
	for _, s := range j.Steps {
		for _, input := range []string{"role", "role-to-assume"} {
			if role := s.With[input]; role != "" {
				return role[strings.LastIndex(role, ":role/")+len(":role/"):]
			}
		}
	}
	return ""
}

// writes are the scopes in which the job's token writes. id-token is not one of them: it only requests an OIDC token.
func (j job) writes() []string {
	var scopes []string
	for scope, access := range j.Permissions {
		if access != "read" && access != "none" && scope != "id-token" {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}

// texts are the job's inputs: its variables, and the inputs of its actions.
func (j job) texts() string {
	var all []string
	for _, s := range j.Steps {
		all = append(all, slices.Collect(maps.Values(s.Env))...)
		all = append(all, slices.Collect(maps.Values(s.With))...)
	}
	all = append(all, slices.Collect(maps.Values(j.Env))...)
	return strings.Join(all, "\n")
}

// runsCodeOf returns the source of the code that the job may run: "main", or "a pull request", or "" if it checks out none.
func (j job) runsCodeOf(events []string) string {
	for _, s := range j.Steps {
		if !strings.HasPrefix(s.Uses.Value, "actions/checkout@") {
			continue
		}
		if slices.Contains(events, "pull_request") && s.With["ref"] != mainBranch {
			return "a pull request"
		}
		return "main"
	}
	return ""
}

// mainBranch has the reviewed code. The target branch of a pull request may belong to another pull request.
const mainBranch = "${{ github.event.repository.default_branch }}"

var (
	pinned  = regexp.MustCompile(`^[\w.-]+(/[\w.-]+)+@[0-9a-f]{40}$`)
	release = regexp.MustCompile(`^# v\d+\.\d+\.\d+$`)
	script  = regexp.MustCompile(`(?:^|\s)(\.?ci/[\w-]+)`)
	// changes are the commands that change a stack.
	changes = regexp.MustCompile(`ci/deploy|ci/promote|ci/pr-stack|ci/destroy-stack|ci/sweep destroy`)
)

// load reads the workflows, by file name, and the actions of this repository.
func load(t *testing.T) map[string]workflow {
	t.Helper()
	files, err := filepath.Glob("../.github/workflows/*.y*ml")
	if err != nil {
		t.Fatal(err)
	}
	actions, err := filepath.Glob("../.github/actions/*/action.y*ml")
	if err != nil {
		t.Fatal(err)
	}
	loaded := make(map[string]workflow)
	for _, file := range append(files, actions...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var w workflow
		if err := yaml.Unmarshal(text, &w); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		name := strings.TrimPrefix(filepath.ToSlash(file), "../.github/")
		loaded[name] = w
	}
	for _, name := range []string{"ci", "preview", "deploy", "pr-environment", "drift", "destroy", "sweep"} {
		if _, there := loaded["workflows/"+name+".yml"]; !there {
			t.Errorf("there is no workflow %s", name)
		}
	}
	return loaded
}

func (w workflow) steps() []step {
	steps := slices.Clone(w.Runs.Steps)
	for _, job := range w.Jobs {
		steps = append(steps, job.Steps...)
	}
	return steps
}

// triggers are the events that start the workflow.
func (w workflow) triggers() []string {
	var events []string
	switch w.On.Kind {
	case yaml.ScalarNode:
		events = []string{w.On.Value}
	case yaml.SequenceNode:
		for _, event := range w.On.Content {
			events = append(events, event.Value)
		}
	case yaml.MappingNode:
		for i := 0; i < len(w.On.Content); i += 2 {
			events = append(events, w.On.Content[i].Value)
		}
	}
	return events
}

// A tag of an action can be moved to other code; a commit cannot.
func TestActionsArePinned(t *testing.T) {
	pins := make(map[string]string)
	for name, w := range load(t) {
		for _, step := range w.steps() {
			uses := step.Uses.Value
			if uses == "" || strings.HasPrefix(uses, "./") {
				continue
			}
			if !pinned.MatchString(uses) || !release.MatchString(step.Uses.LineComment) {
				t.Errorf("%s:%d: %s %s is not pinned by a commit with the release in a comment", name, step.Uses.Line, uses, step.Uses.LineComment)
			}
			action, _, _ := strings.Cut(uses, "@")
			pin := uses + " " + step.Uses.LineComment
			if other, there := pins[action]; there && other != pin {
				t.Errorf("%s:%d: %s is %s elsewhere", name, step.Uses.Line, pin, other)
			}
			pins[action] = pin
			if action == "actions/checkout" && step.With["persist-credentials"] != "false" {
				t.Errorf("%s:%d: the checkout leaves its token to later steps", name, step.Uses.Line)
			}
		}
	}
	if len(pins) == 0 {
		t.Error("no workflow uses any action")
	}
}

func TestJobsHaveBounds(t *testing.T) {
	for name, w := range load(t) {
		if len(w.Runs.Steps) > 0 {
			continue
		}
		if w.Permissions == nil || len(w.Permissions) > 0 {
			t.Errorf("%s: permissions that are not {}", name)
		}
		// A shell that is not named continues after a failed command before a pipe ("Workflow syntax: defaults.run.shell").
		if w.Defaults.Run.Shell != "bash" {
			t.Errorf("%s: defaults.run.shell is %q, not bash", name, w.Defaults.Run.Shell)
		}
		for id, job := range w.Jobs {
			if len(job.Permissions) == 0 {
				t.Errorf("%s: job %s has no permissions of its own", name, id)
			}
			if job.TimeoutMinutes == 0 {
				t.Errorf("%s: job %s has no timeout-minutes", name, id)
			}
			if strings.HasSuffix(job.RunsOn, "-latest") || job.RunsOn == "" {
				t.Errorf("%s: job %s runs on %q, which changes", name, id, job.RunsOn)
			}
		}
	}
}

// Code of a fork must not get credentials: neither from an event that gives them, nor because a job asks for them.
func TestForksGetNoCredentials(t *testing.T) {
	const sameRepository = "github.event.pull_request.head.repo.full_name == github.repository"
	for name, w := range load(t) {
		events := w.triggers()
		for _, event := range []string{"pull_request_target", "workflow_run", "issue_comment"} {
			if slices.Contains(events, event) {
				t.Errorf("%s: is started by %s, which hands secrets to a fork's pull request", name, event)
			}
		}
		if !slices.Contains(events, "pull_request") {
			continue
		}
		for id, job := range w.Jobs {
			for scope, access := range job.Permissions {
				if access == "write" && !strings.Contains(job.If, sameRepository) {
					t.Errorf("%s: job %s has %s: write for forks too", name, id, scope)
				}
			}
		}
	}
}

// One job at a time changes a stack, and none is cancelled while it does: the stack would stay locked.
func TestStacksChangeOneAtATime(t *testing.T) {
	found := 0
	for name, w := range load(t) {
		for id, job := range w.Jobs {
			if !slices.ContainsFunc(job.Steps, func(s step) bool { return changes.MatchString(s.Run) }) {
				continue
			}
			found++
			if !strings.HasPrefix(job.Concurrency.Group, "stack-") || job.Concurrency.CancelInProgress {
				t.Errorf("%s: job %s changes a stack outside of a concurrency group stack-…, or can be cancelled", name, id)
			}
		}
	}
	if found == 0 {
		t.Error("no job changes a stack")
	}
}

// A workflow's steps are scripts, which can be tested. Texts from others (titles, names, inputs) reach them as variables: an expression
// in a command would be part of its code.
func TestStepsAreScripts(t *testing.T) {
	for name, w := range load(t) {
		for _, step := range w.steps() {
			if strings.Contains(step.Run, "${{") {
				t.Errorf("%s: an expression in a command: %s", name, step.Run)
			}
			if strings.Count(strings.TrimSpace(step.Run), "\n") > 1 {
				t.Errorf("%s: more than two lines, which nothing tests: %s", name, step.Run)
			}
			for _, match := range script.FindAllStringSubmatch(step.Run, -1) {
				info, err := os.Stat(filepath.Join("..", match[1]))
				if err != nil {
					t.Errorf("%s: %v", name, err)
				} else if !info.IsDir() && info.Mode()&0o111 == 0 {
					t.Errorf("%s: %s is not executable", name, match[1])
				}
			}
		}
	}
}

// The workflows install the CLI that the tests use.
func TestPulumiVersion(t *testing.T) {
	text, err := os.ReadFile("../tools/pulumi/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(`github\.com/pulumi/pulumi/pkg/v3 v(\S+)`).FindSubmatch(text)
	if match == nil {
		t.Fatal("tools/pulumi/go.mod does not require the CLI")
	}
	want := string(match[1])
	found := false
	for name, w := range load(t) {
		for _, step := range w.steps() {
			if version, there := step.With["pulumi-version"]; there {
				found = true
				if version != want {
					t.Errorf("%s installs Pulumi %s; tools/pulumi/go.mod has %s", name, version, want)
				}
			}
		}
	}
	if !found {
		t.Error("no workflow says which version of the Pulumi CLI it installs")
	}
}
