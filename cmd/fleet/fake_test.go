package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"

	"slipway/internal/jobs"
	"slipway/internal/stack"
)

// secret is in everything that a fake stack has and the page must not show.
const secret = "hunter2-correct-horse"

// digest makes one of a letter: sha256:aaaa….
func digest(letter string) string { return "sha256:" + strings.Repeat(letter, 64) }

// machinePrefix is the ARN of a fake job's state machine, without the job's name.
const machinePrefix = "arn:aws:states:eu-central-1:123456789012:stateMachine:"

// fakeSource is a source of stacks that a test changes.
type fakeSource struct {
	mu     sync.Mutex
	stacks map[string]fakeStack
	err    error
	calls  map[string]int // of what costs a process, by "what stack"
}

type fakeStack struct {
	services  map[string]fakeService
	pending   []string // names of services that are being updated
	written   time.Time
	resources int // besides those of the services
	touched   time.Time
	history   []stack.Update
	lock      stack.Lock
	err       error
	driftErr  error
	changes   []stack.Change
	jobs      map[string]fakeJob
	offers    bool   // it is a platform
	platform  string // on which it stands
}

// fakeJob is a job by a schedule; on demand, if that is empty.
type fakeJob struct {
	schedule string
	last     jobs.LastRun
	err      error
}

type fakeService struct {
	digest, target string // target: of the task definition, if it is another one
	canary         string // digest
	url            string
	checks         map[string]any
	desired        int
	scaling        []bounds // of the scalable target, and of its scheduled actions
}

func newFakeSource(stacks map[string]fakeStack) *fakeSource {
	return &fakeSource{stacks: stacks, calls: map[string]int{}}
}

// change changes a stack, as an update does.
func (f *fakeSource) change(name string, do func(*fakeStack)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.stacks[name]
	s.written = s.written.Add(time.Second)
	do(&s)
	f.stacks[name] = s
}

func (f *fakeSource) get(what, name string) (fakeStack, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[what+" "+name]++
	s, ok := f.stacks[name]
	if !ok {
		return s, fmt.Errorf("no stack %s", name)
	}
	return s, s.err
}

func (f *fakeSource) called(what, name string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[what+" "+name]
}

func (f *fakeSource) list(context.Context) ([]stack.Summary, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var summaries []stack.Summary
	for _, name := range slices.Sorted(maps.Keys(f.stacks)) {
		summaries = append(summaries, stack.Summary{Name: name, LastUpdate: f.stacks[name].written})
	}
	return summaries, f.err
}

func (f *fakeSource) deployment(_ context.Context, name string) (apitype.DeploymentV3, error) {
	s, err := f.get("deployment", name)
	if err != nil {
		return apitype.DeploymentV3{}, err
	}
	return s.deployment(name)
}

func (f *fakeSource) history(_ context.Context, name string) ([]stack.Update, error) {
	s, err := f.get("history", name)
	return s.history, err
}

func (f *fakeSource) placement(_ context.Context, name string) (stack.Placement, error) {
	_, err := f.get("placement", name)
	return stack.Placement{Region: "eu-north-1", Account: "555555555555"}, err
}

func (f *fakeSource) drift(_ context.Context, name string) ([]stack.Change, error) {
	s, err := f.get("drift", name)
	return s.changes, errors.Join(err, s.driftErr)
}

func (f *fakeSource) lastRun(_ context.Context, name, machine string) (jobs.LastRun, error) {
	s, err := f.get("lastRun", name)
	j := s.jobs[strings.TrimPrefix(machine, machinePrefix)]
	return j.last, errors.Join(err, j.err)
}

func (f *fakeSource) domains() stack.Domains { return stack.Domains{"example.com"} }

func (f *fakeSource) lock(name string) (stack.Lock, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	lock := f.stacks[name].lock
	return lock, lock != stack.Lock{}, nil
}

func (f *fakeSource) showsLocks() bool { return true }

// deployment is the state as the Pulumi CLI exports it, with secrets in all the places where they may be.
func (s fakeStack) deployment(name string) (apitype.DeploymentV3, error) {
	type object = map[string]any
	encrypted := object{"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": secret, "plaintext": secret}
	urn := func(kind, resource string) string {
		return fmt.Sprintf("urn:pulumi:%s::slipway::%s::%s", name, kind, resource)
	}
	urls, images, checks, runs := object{}, object{}, object{}, object{}
	var resources, pending []any
	for job, j := range s.jobs {
		machine := ""
		if j.schedule != "" {
			machine = machinePrefix + job
			resources = append(resources, object{
				"urn": urn(scheduleType, name+"-"+job), "type": scheduleType, "custom": true, "id": "g/" + job,
				"inputs": object{"scheduleExpression": j.schedule, "scheduleExpressionTimezone": "UTC", "target": object{"input": secret}},
			})
		}
		runs[job] = object{"taskDefinition": "arn", "stateMachine": machine, "timeout": 900}
	}
	for service, f := range s.services {
		if f.checks != nil {
			checks[service] = f.checks
		}
		urls[service], images[service] = f.url, "registry.example.com/"+service+"@"+f.digest
		// A version that runs a digest, where another one may be wanted: before its service's own container there is another.
		version := func(resource, digest, wanted string, desired int) {
			arn := func(digest string) string {
				return "arn:aws:ecs:eu-central-1:123456789012:task-definition/" + digest
			}
			definition := func(digest string, old bool) object {
				return object{
					"urn": urn(taskDefinitionType, resource), "type": taskDefinitionType, "custom": true, "delete": old,
					"id": arn(digest), "created": s.touched,
					"inputs": object{
						"containerDefinitions": fmt.Sprintf(`[{"name":"before","image":"registry.example.com/migrate:v1"},`+
							`{"name":"main","image":"registry.example.com/%s@%s","environment":[{"name":"TOKEN","value":"%s"}]}]`, service, digest, secret),
						"tags": object{"Service": service},
					},
				}
			}
			resources = append(resources, definition(digest, wanted != digest))
			if wanted != digest {
				resources = append(resources, definition(wanted, false))
			}
			resources = append(resources, object{
				"urn": urn(serviceType, resource), "type": serviceType, "custom": true,
				"id": "arn:aws:ecs:eu-central-1:123456789012:service/cluster/" + resource,
				// ECS has gone back from what was wanted, and has as many tasks as it has scaled to.
				"inputs":  object{"desiredCount": 1, "tags": object{"Service": service}, "password": encrypted, "taskDefinition": arn(wanted)},
				"outputs": object{"desiredCount": desired, "taskDefinition": arn(digest)},
			})
		}
		version(name+"-"+service, f.digest, cmp.Or(f.target, f.digest), f.desired)
		if f.canary != "" {
			version(name+"-"+service+"-canary", f.canary, f.canary, 1)
		}
		for i, b := range f.scaling {
			kind, said := scalableTargetType, object{"minCapacity": b.least, "maxCapacity": b.most}
			outputs := said
			if i > 0 {
				kind, outputs = scheduledActionType, object{"scalableTargetAction": said}
			}
			outputs["resourceId"] = "service/cluster/" + name + "-" + service
			resources = append(resources, object{"urn": urn(kind, fmt.Sprint(service, i)), "type": kind, "custom": true, "id": fmt.Sprint(service, i), "outputs": outputs})
		}
	}
	for i := range s.resources {
		resources = append(resources, object{"urn": urn("aws:ec2/vpc:Vpc", fmt.Sprint(i)), "type": "aws:ec2/vpc:Vpc", "custom": true, "id": fmt.Sprint("vpc-", i), "outputs": object{"secret": secret}})
	}
	for _, service := range s.pending {
		pending = append(pending, object{"type": "updating", "resource": object{"urn": urn(serviceType, name+"-"+service), "type": serviceType, "custom": true, "inputs": object{"token": secret}}})
	}
	if len(resources) > 0 {
		outputs := object{
			"urls": urls, "images": images, "checks": checks, "jobs": runs, "adminPassword": encrypted, "other": secret,
			"network": object{"platform": s.platform, "other": secret},
		}
		if s.offers {
			outputs["platform"] = object{"vpcId": "vpc-1", "other": secret}
		}
		resources = append(resources, object{
			"urn": urn("pulumi:pulumi:Stack", "slipway-"+name), "type": "pulumi:pulumi:Stack", "custom": false, "outputs": outputs,
		}, object{"urn": urn("pulumi:providers:aws", "default"), "type": "pulumi:providers:aws", "custom": true, "id": "1", "inputs": object{"secretKey": secret}})
	}
	text, err := json.Marshal(object{"manifest": object{"time": s.written}, "resources": resources, "pending_operations": pending})
	if err != nil {
		return apitype.DeploymentV3{}, err
	}
	var deployment apitype.DeploymentV3
	return deployment, json.Unmarshal(text, &deployment)
}

// succeeded is an update that ended well.
func succeeded(end time.Time) stack.Update {
	return stack.Update{
		Kind: "update", Result: "succeeded", Message: "Greet in French", Start: end.Add(-131 * time.Second), End: end,
		Environment: map[string]string{"git.author": "Ada Lovelace", "git.author.email": "ada@example.com", "ci.system": "GitHub Actions", "pulumi.env.TOKEN": secret},
	}
}

// quickPace looks often, as tests do not wait long.
var quickPace = pace{idle: 5 * time.Millisecond, busy: 5 * time.Millisecond, locks: 5 * time.Millisecond, ask: 5 * time.Millisecond, drift: time.Hour, jobs: 5 * time.Millisecond}

// services answer for themselves in tests: each as many instances as it has, in turn.
type fakeServices struct {
	mu       sync.Mutex
	versions map[string][]string // of the instances, by URL
	asked    map[string]int
}

func (f *fakeServices) ask(_ context.Context, q question) (answer, error) {
	url := q.url
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.asked == nil {
		f.asked = map[string]int{}
	}
	instances := f.versions[url]
	if len(instances) == 0 {
		return answer{}, errors.New("connection refused")
	}
	i := f.asked[url] % len(instances)
	f.asked[url]++
	return answer{version: instances[i], hostname: fmt.Sprint("instance-", i)}, nil
}

func (f *fakeServices) set(url string, versions ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.versions[url] = versions
}

// observe runs an observer until the test ends.
func observe(t *testing.T, source source, services *fakeServices, names ...string) *observer {
	t.Helper()
	o := newObserver(source, services.ask, names, quickPace)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		o.run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return o
}

// until waits until the board is as it should be.
func until(t *testing.T, o *observer, what string, is func(board) bool) board {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		b, changed := o.board(time.Now())
		if is(b) {
			return b
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("after 10 s still not: %s; the board is %+v", what, b)
		}
	}
}

func (o *observer) environmentOf(name string) environment {
	b, _ := o.board(time.Now())
	return b.environment(name)
}

func (b board) environment(name string) environment {
	for _, e := range b.environments {
		if e.name == name {
			return e
		}
	}
	return environment{}
}

// twoStacks are dev with a new version and prod with an old one.
func twoStacks(now time.Time) map[string]fakeStack {
	return map[string]fakeStack{
		"dev": {
			services: map[string]fakeService{"hello": {digest: digest("b"), url: "https://hello.dev.example.com/", desired: 2}},
			written:  now.Add(-time.Hour), resources: 45, history: []stack.Update{succeeded(now.Add(-time.Hour))},
		},
		"prod": {
			services: map[string]fakeService{"hello": {digest: digest("a"), url: "https://hello.example.com/", desired: 3}},
			written:  now.Add(-2 * time.Hour), resources: 45, history: []stack.Update{succeeded(now.Add(-2 * time.Hour))},
			changes: []stack.Change{{Operation: "delete", Type: "aws:cloudwatch:LogGroup", Name: "prod-hello"}},
		},
	}
}

func twoServices() *fakeServices {
	return &fakeServices{versions: map[string][]string{
		"https://hello.dev.example.com/": {"v2", "v2"},
		"https://hello.example.com/":     {"v1", "v1", "v1"},
	}}
}
