package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"slipway/config/configtest"
	"slipway/internal/settings"
)

// withJobs returns the config of a service named hello with members, and of jobs.
func withJobs(members, jobs string) settings.Source {
	return configtest.Source(configtest.Service(members), "jobs", jobs)
}

// A job has what its service has, and a job of its own image has its own.
func TestReadJobs(t *testing.T) {
	t.Parallel()
	c, err := Read(configtest.Encrypted(withJobs(`"env": {"A": "1"}, "entryPoint": ["/app"], "cpu": 512, "memory": 1024, "architecture": "arm64", "before": {"job": "migrate"}`, `{
		"purge": {"service": "hello", "command": ["purge"], "schedule": "cron(0 3 * * ? *)", "timeZone": "Europe/Berlin", "timeout": 900, "retries": 2, "overlap": false, "spot": true},
		"migrate": {"image": "`+configtest.Image+`", "secrets": {"KEY": "swordfish"}, "env": {"B": "2"}, "storage": 40,
			"policies": ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"], "reaches": [{"securityGroupId": "sg-01234567", "port": 5432}]}}`)))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Jobs) != 2 || c.Services[0].Gate != "migrate" || c.Services[0].Before != nil {
		t.Fatalf("read %+v", c)
	}
	migrate, purge := c.Jobs[0], c.Jobs[1]
	got := fmt.Sprintf("%v %v %v %+v %+v %d %d %v %d %v", purge.Image, purge.EntryPoint, purge.Command, purge.Size, *purge.Schedule, purge.Timeout, purge.Retries, purge.Alone, purge.StopTimeout, purge.Spot)
	want := configtest.Image + ` [/app] [purge] {CPU:512 Memory:1024 Architecture:arm64} {Expression:cron(0 3 * * ? *) TimeZone:Europe/Berlin} 900 2 true 30 true`
	if got != want || purge.Environment["A"] != "1" {
		t.Errorf("purge is %s %v\nwant %s", got, purge.Environment, want)
	}
	if migrate.Schedule != nil || migrate.Alone || len(migrate.Secrets) != 1 || migrate.Size.CPU != 256 || len(migrate.Environment) != 1 ||
		migrate.Room.Storage != 40 || len(migrate.Policies) != 1 || len(migrate.Reaches) != 1 {
		t.Errorf("migrate is %+v", migrate)
	}
}

// A stack of jobs alone needs no domain.
func TestJobsAlone(t *testing.T) {
	t.Parallel()
	source := configtest.Source("", "jobs", `{"purge": {"image": "`+configtest.Image+`"}}`)
	delete(source.Values, "slipway:domain")
	delete(source.Values, "slipway:services")
	c, err := Read(source)
	if err != nil || c.TakesRequests() || len(c.JobsOf("")) != 1 {
		t.Errorf("read %+v (%v)", c, err)
	}
}

func TestWrongJobs(t *testing.T) {
	t.Parallel()
	own := func(members string) string {
		return `{"purge": {"image": "` + configtest.Image + `", ` + members + `}}`
	}
	of := func(members string) string { return `{"purge": {"service": "hello", ` + members + `}}` }
	for name, test := range map[string]struct {
		service, jobs string
		want          []string // every line of the error
	}{
		"neither service nor image": {"", `{"purge": {}}`, []string{"slipway:jobs.purge.image: is missing; it is a container image's reference with its digest; or name the service whose image the job has, under service"}},
		"both":                      {"", of(`"image": "` + configtest.Image + `"`), []string{"slipway:jobs.purge.image: is for a job with an image of its own; this one has its service's"}},
		"what the service has": {
			"", of(`"architecture": "arm64", "secrets": {}, "registry": {}, "policies": [], "storage": 40`),
			[]string{
				"slipway:jobs.purge.architecture: is for a job with", "slipway:jobs.purge.policies: is for a job with",
				"slipway:jobs.purge.registry: is for a job with", "slipway:jobs.purge.secrets: is for a job with", "slipway:jobs.purge.storage: is for a job with",
			},
		},
		"another service": {"", `{"purge": {"service": "web"}}`, []string{`slipway:jobs.purge.service: "web": is not the name of a service; there is hello`}},
		"its name":        {"", `{"hello": {"image": "` + configtest.Image + `"}}`, []string{"slipway:jobs.hello: is the name of service hello or of its canary; rename one of the two"}},
		"its schedule":    {"", own(`"schedule": "cron(0 3 * * *)"`), []string{`slipway:jobs.purge.schedule: "cron(0 3 * * *)": a cron expression has six fields (minute hour day month weekday year), and this one 5`}},
		"no schedule": {
			"", own(`"timeZone": "Europe/Berlin", "retries": 1`),
			[]string{"slipway:jobs.purge.retries: is for a job with a schedule", "slipway:jobs.purge.timeZone: is for a job with a schedule"},
		},
		"a service's secret": {
			`"secrets": {"KEY": "swordfish"}`, of(`"env": {"KEY": "a"}`),
			[]string{"slipway:jobs.purge.env.KEY: is among the secrets of service hello; a variable has one value"},
		},
		"no gate": {`"before": {"job": "migrate"}`, own(`"timeout": 1`), []string{`slipway:services.hello.before.job: "migrate": is not the name of a job; there is purge`}},
	} {
		_, err := Read(configtest.Encrypted(withJobs(test.service, test.jobs)))
		if err == nil {
			t.Errorf("%s: is accepted", name)
			continue
		}
		lines := strings.Split(err.Error(), "\n")[1:]
		if len(lines) != len(test.want) {
			t.Errorf("%s: the error is\n%v", name, err)
			continue
		}
		for i, want := range test.want {
			if !strings.HasPrefix(lines[i], want) {
				t.Errorf("%s: %s\nwant %s", name, lines[i], want)
			}
		}
	}
}

// A run on Spot capacity that AWS interrupts is lost if nobody runs it again.
func TestWarningOfSpot(t *testing.T) {
	t.Parallel()
	for job, want := range map[string]bool{
		`"spot": true, "schedule": "rate(1 day)"`:               true,
		`"spot": true, "schedule": "rate(1 day)", "retries": 1`: false,
		`"spot": true`:              false, // who runs it sees it
		`"schedule": "rate(1 day)"`: false,
	} {
		c, err := Read(withJobs("", `{"purge": {"service": "hello", `+job+`}}`))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(strings.Join(c.Warnings(), "\n"), "job purge runs on Fargate Spot without retries"); got != want {
			t.Errorf("%s: warned is %v", job, got)
		}
	}
}

// A service comes after the one whose job it waits for.
func TestServicesInOrder(t *testing.T) {
	t.Parallel()
	source := func(a, b string) settings.Source {
		image := `"image": "` + configtest.Image + `"`
		return configtest.Source(`{"a": {`+image+`, "before": {"job": "`+a+`"}}, "b": {`+image+`, "before": {"job": "`+b+`"}}}`,
			"jobs", `{"of-a": {"service": "a"}, "of-b": {"service": "b"}, "own": {`+image+`}}`)
	}
	for _, test := range []struct {
		a, b  string // the jobs that they wait for
		order []string
	}{{"of-a", "of-b", []string{"a", "b"}}, {"of-b", "of-b", []string{"b", "a"}}, {"own", "of-a", []string{"a", "b"}}} {
		c, err := Read(source(test.a, test.b))
		if err != nil {
			t.Fatal(err)
		}
		ordered, err := c.InOrder()
		if got := (&Config{Services: ordered}).serviceNames(); err != nil || !slices.Equal(got, test.order) {
			t.Errorf("%s and %s: %v (%v), want %v", test.a, test.b, got, err, test.order)
		}
	}
	if _, err := Read(source("of-b", "of-a")); err == nil || !strings.Contains(err.Error(), "services: the services wait for each other in a circle, a → b → a: each for a job of the next one (before.job)") {
		t.Errorf("a circle: %v", err)
	}
}
