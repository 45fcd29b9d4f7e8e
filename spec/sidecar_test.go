package spec

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// withSidecars returns a workload of 256 CPU units and 512 MiB.
func withSidecars(sidecars map[string]Sidecar) Workload {
	return Workload{Image: sidecarImage, Sidecars: sidecars}.withDefaults()
}

var sidecarImage = Image{Registry: "public.ecr.aws", Repository: "aws-observability/aws-otel-collector", Tag: "v0.46.0"}

func TestSidecarProblems(t *testing.T) {
	t.Parallel()
	many := make(map[string]Sidecar)
	for i := range 10 {
		many[fmt.Sprintf("s%d", i)] = Sidecar{Image: sidecarImage}
	}
	for name, test := range map[string]struct {
		sidecars map[string]Sidecar
		want     string
	}{
		"none":           {nil, ""},
		"plain":          {map[string]Sidecar{"otel": {Image: sidecarImage}}, ""},
		"all":            {map[string]Sidecar{"otel": {Image: sidecarImage, CPU: 64, Memory: 128, Tmp: map[string]int{"/tmp": 64}, User: "10001:0", Optional: true}}, ""},
		"most":           {map[string]Sidecar{"otel": {Image: sidecarImage, CPU: 254, Memory: 511}}, ""},
		"no image":       {map[string]Sidecar{"otel": {}}, "sidecars.otel.image: is missing"},
		"name":           {map[string]Sidecar{"Otel": {Image: sidecarImage}}, "sidecars.Otel: a sidecar's name is lower-case"},
		"service's":      {map[string]Sidecar{"main": {Image: sidecarImage}}, "sidecars.main: is the name of one of the service's own containers"},
		"before's":       {map[string]Sidecar{"before": {Image: sidecarImage}}, "sidecars.before: is the name of one"},
		"AWS's":          {map[string]Sidecar{"ecs-service-connect-a": {Image: sidecarImage}}, "sidecars.ecs-service-connect-a: begins like the name of a container that AWS adds"},
		"root":           {map[string]Sidecar{"otel": {Image: sidecarImage, User: "0:1000"}}, `sidecars.otel.user: "0:1000": must be the id of a user that is not root`},
		"user by name":   {map[string]Sidecar{"otel": {Image: sidecarImage, User: "aoc"}}, `sidecars.otel.user: "aoc": must be the id`},
		"little memory":  {map[string]Sidecar{"otel": {Image: sidecarImage, Memory: 5}}, "sidecars.otel.memory: 5: must be from 6"},
		"little CPU":     {map[string]Sidecar{"otel": {Image: sidecarImage, CPU: 1}}, "sidecars.otel.cpu: 1: must be from 2"},
		"tmp":            {map[string]Sidecar{"otel": {Image: sidecarImage, Memory: 64, Tmp: map[string]int{"/tmp": 64}}}, "sidecars.otel.tmp: has 64 MiB, and is a part of the sidecar's memory, which has 64"},
		"check":          {map[string]Sidecar{"otel": {Image: sidecarImage, HealthCheck: &ContainerHealthCheck{}}}, "sidecars.otel.healthCheck.command: is missing"},
		"credential":     {map[string]Sidecar{"otel": {Image: sidecarImage, Environment: map[string]string{"AWS_ACCESS_KEY_ID": "a"}}}, "sidecars.otel.env.AWS_ACCESS_KEY_ID: is a credential"},
		"twice":          {map[string]Sidecar{"otel": {Image: sidecarImage, Environment: map[string]string{"A": ""}, SecretsFrom: map[string]SecretReference{"A": "x"}}}, "sidecars.otel.secretsFrom.A: is in env too"},
		"NUL":            {map[string]Sidecar{"otel": {Image: sidecarImage, Command: []string{"\x00"}}}, "sidecars.otel.command.0: contains a NUL character"},
		"all the memory": {map[string]Sidecar{"a": {Image: sidecarImage, Memory: 384}, "b": {Image: sidecarImage, Tmp: map[string]int{"/tmp": 128}}}, "sidecars: hold 512 MiB, with tmp, and the task has 512"},
		"all the CPU":    {map[string]Sidecar{"a": {Image: sidecarImage, CPU: 128}, "b": {Image: sidecarImage, CPU: 128}}, "sidecars: have 256 CPU units, and the task has 256"},
		"too many":       {many, "sidecars: are 10; a task has at most 10 containers, and 1 are the service's own"},
	} {
		if got := fmt.Sprint(withSidecars(test.sidecars).Problems().Err()); test.want == "" && got != "<nil>" || !strings.Contains(got, test.want) {
			t.Errorf("%s: %s, want %q", name, got, test.want)
		}
	}
}

// The own container has what the sidecars leave of the processor, and none of its own if they have none.
func TestOwnCPU(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		sidecars map[string]Sidecar
		want     int
	}{
		{nil, 0},
		{map[string]Sidecar{"a": {Image: sidecarImage}}, 0},
		{map[string]Sidecar{"a": {Image: sidecarImage, CPU: 64}, "b": {Image: sidecarImage, CPU: 32}, "c": {Image: sidecarImage}}, 160},
	} {
		if got := withSidecars(test.sidecars).OwnCPU(); got != test.want {
			t.Errorf("%d CPU units next to %v, want %d", got, test.sidecars, test.want)
		}
	}
}

// What tasks run and read includes the sidecars.
func TestSidecarsCount(t *testing.T) {
	t.Parallel()
	const arn = "arn:aws:ssm:eu-central-1:123456789012:parameter/app/flag"
	w := withSidecars(map[string]Sidecar{
		"b": {Image: Image{Repository: "b", Tag: "1"}, SecretsFrom: map[string]SecretReference{"A": arn}},
		"a": {Image: Image{Repository: "a", Tag: "1"}, HealthCheck: &ContainerHealthCheck{Command: []string{"check"}}},
	})
	s := Service{Name: "hello", Workload: w}
	if got := s.Images(); len(got) != 3 || got[1].Repository != "a" || got[2].Repository != "b" {
		t.Errorf("it runs %v", got)
	}
	if got := s.OwnImages(); !slices.Equal(got, []Image{sidecarImage}) {
		t.Errorf("the service's own images are %v", got)
	}
	if got := w.SecretSources(); !slices.Equal(got, []SecretReference{arn}) {
		t.Errorf("it reads %v", got)
	}
	if got := w.Sidecars["a"].HealthCheck.Interval; got != DefaultContainerInterval {
		t.Errorf("a sidecar is checked every %d seconds", got)
	}
	pinned := s.Pinned(map[Image]Image{{Repository: "a", Tag: "1"}: {Repository: "a", Digest: "d"}})
	if got := pinned.Sidecars["a"].Image.Digest; got != "d" || s.Sidecars["a"].Image.Digest != "" {
		t.Errorf("pinned, it runs %q; before, %q", got, s.Sidecars["a"].Image.Digest)
	}
	without := s
	without.Sidecars = nil
	if usual := s.taskTime() - without.taskTime(); usual != DefaultContainerInterval+DefaultContainerTimeout {
		t.Errorf("a task takes %d seconds longer", usual)
	}
	if failing := s.failureTime(1, 1) - without.failureTime(1, 1); failing <= 3*startLimit {
		t.Errorf("three failures take %d seconds longer, and ECS waits %d for each", failing, startLimit)
	}
}

// Sidecars are a part of the task definition, which has a limit.
func TestSidecarsInDefinition(t *testing.T) {
	t.Parallel()
	all := make(map[string]Sidecar)
	for i := range 7 {
		all[fmt.Sprintf("s%d", i)] = Sidecar{Image: sidecarImage, Environment: map[string]string{"A": strings.Repeat("a", 8000)}}
	}
	if err := withSidecars(all).CheckDefinition(nil); err == nil || !strings.Contains(err.Error(), "make a task definition of about") {
		t.Errorf("error %v", err)
	}
	maps.DeleteFunc(all, func(name string, _ Sidecar) bool { return name > "s4" })
	if err := withSidecars(all).CheckDefinition(nil); err != nil {
		t.Error(err)
	}
}
