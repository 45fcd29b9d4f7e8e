package spec

import (
	"reflect"
	"strings"
	"testing"
)

// job is a valid job with an image of its own.
func job(change func(*Job)) Job {
	j := Job{Name: "purge", Workload: Workload{Image: Image{Repository: "app", Tag: "1"}}}
	if change != nil {
		change(&j)
	}
	return j.WithDefaults()
}

func TestJobProblems(t *testing.T) {
	t.Parallel()
	nightly := &Schedule{Expression: "cron(0 3 * * ? *)"}
	for name, test := range map[string]struct {
		change func(*Job)
		want   string // empty: none
	}{
		"on demand":         {nil, ""},
		"scheduled":         {func(j *Job) { j.Schedule, j.Retries, j.Timeout, j.Alone = nightly, 2, 900, true }, ""},
		"its name":          {func(j *Job) { j.Name = "Purge" }, "a job's name is lower-case letters"},
		"its image":         {func(j *Job) { j.Image = Image{} }, "image: is missing"},
		"its schedule":      {func(j *Job) { j.Schedule = &Schedule{Expression: "daily"} }, `schedule: "daily": must be cron(`},
		"its time zone":     {func(j *Job) { j.Schedule = &Schedule{"rate(1 day)", "Mars"} }, `timeZone: "Mars": must be the name of an IANA`},
		"its timeout":       {func(j *Job) { j.Timeout = MaxJobTimeout + 1 }, "timeout: 604801: must be from 0 to 604800"},
		"too many retries":  {func(j *Job) { j.Schedule, j.Retries = nightly, 11 }, "retries: 11: must be from 0 to 10"},
		"retries on demand": {func(j *Job) { j.Retries = 1 }, "retries: is for a job with a schedule"},
		"its stop timeout":  {func(j *Job) { j.StopTimeout = 1 }, "stopTimeout: 1: must be from 2 to 120"},
		"its environment":   {func(j *Job) { j.Environment = map[string]string{"SHUTDOWN_TIMEOUT": "1s"} }, "env.SHUTDOWN_TIMEOUT: is set from the stop timeout"},
		"a port":            {func(j *Job) { j.Environment = map[string]string{"PORT": "1"} }, ""}, // means nothing to a job
		"before":            {func(j *Job) { j.Before = &Before{Command: []string{"a"}} }, "before: is for a service"},
		"exec":              {func(j *Job) { j.Exec.Enabled = true }, "exec: is for a service"},
		"a health check": {
			func(j *Job) { j.ContainerHealthCheck = &ContainerHealthCheck{Command: []string{"a"}} },
			"healthCheck: is for a worker",
		},
	} {
		err := job(test.change).Problems().Err()
		if (err == nil) != (test.want == "") || err != nil && !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// A job has its service's image and everything that it does not have itself.
func TestJobInherits(t *testing.T) {
	t.Parallel()
	service := Service{Name: "api", Workload: Workload{
		Image: Image{Repository: "api", Tag: "1"}, EntryPoint: []string{"/api"}, Command: []string{"serve"},
		Size: Size{1024, 2048, "arm64"}, Environment: map[string]string{"A": "service", "B": "service"}, LogRetention: 7,
		Before: &Before{Command: []string{"migrate"}}, ContainerHealthCheck: &ContainerHealthCheck{Command: []string{"check"}},
		SecretsFrom: map[string]SecretReference{"KEY": "arn:aws:ssm:eu-central-1:123456789012:parameter/key"},
		Room: Room{
			Tmp: map[string]int{"/tmp": 64}, Volumes: map[string]Volume{"/data": {"fs-0123456789abcdef0", "fsap-0123456789abcdef0"}},
			Storage: 40, OpenFiles: 1024,
		},
	}}
	got := Job{Name: "purge", Service: "api", Workload: Workload{Command: []string{"purge"}, Environment: map[string]string{"B": "job"}}}.Inherit(service)
	want := Workload{
		Image: service.Image, EntryPoint: []string{"/api"}, Command: []string{"purge"}, Size: service.Size,
		Environment: map[string]string{"A": "service", "B": "job"}, LogRetention: 7, SecretsFrom: service.SecretsFrom, Room: service.Room,
	}
	if !reflect.DeepEqual(got.Workload, want) {
		t.Errorf("it has %+v, want %+v", got.Workload, want)
	}
	own := Job{Workload: Workload{EntryPoint: []string{"/job"}, Size: Size{CPU: 256, Memory: 512}, LogRetention: 1}}.Inherit(service)
	if own.EntryPoint[0] != "/job" || own.Size != (Size{256, 512, "arm64"}) || own.LogRetention != 1 || own.Command != nil {
		t.Errorf("its own are %+v", own.Workload)
	}
	if len(service.Environment) != 2 || service.Environment["B"] != "service" {
		t.Errorf("the service's environment is now %v", service.Environment)
	}
}

// Two task definitions of one name would be revisions of one family.
func TestJobNames(t *testing.T) {
	t.Parallel()
	canary := Service{Name: "api", HTTP: &HTTP{Canary: &Canary{}}}
	for name, refused := range map[string]bool{"api": true, "api-canary": true, "purge": false} {
		if err := (Job{Name: name}).CheckNames([]Service{canary}); (err != nil) != refused {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (Job{Name: "api-canary"}).CheckNames([]Service{{Name: "api"}}); err != nil {
		t.Error(err)
	}
}
