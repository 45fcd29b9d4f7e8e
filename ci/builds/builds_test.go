package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const registry = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"

// project is a repository with a commit of these files, and with folders that can be built.
func project(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	all := map[string]string{"Dockerfile": "FROM scratch", "services/api/Dockerfile": "FROM scratch", "services/api/main.go": "package main"}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"init", "--quiet"},
		{"add", "--all"},
		{"-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "--message", "all"},
	} {
		command := exec.Command("git", args...)
		command.Dir = dir
		if said, err := command.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v: %s", args, err, said)
		}
	}
	return dir
}

var digest = strings.Repeat("0", 64)

var dev = `config:
  slipway:services:
    web:
      image: ` + registry + `/team/web@sha256:` + digest + `
      build: {context: .}
    api:
      image: ` + registry + `/api:1@sha256:` + digest + `
      architecture: arm64
      build: {context: services/api}
    worker:
      image: ` + registry + `/api:1
      architecture: arm64
      build: {context: services/api, dockerfile: Dockerfile}
    proxy:
      image: ghcr.io/team/proxy:1
`

func TestBuilds(t *testing.T) {
	dir := project(t, map[string]string{
		"Pulumi.dev.yaml":   dev,
		"Pulumi.prod.yaml":  "config: {slipway:services: {web: {architecture: arm64, build: {context: nowhere}}, api: {architecture: arm64}}}",
		"Pulumi.local.yaml": "config: {slipway:services: {api: {}}}",
		"Pulumi.pr-7.yaml":  "config: {slipway:services: {worker: {}}}",
		"Pulumi.yaml":       "name: slipway",
	})
	images, err := read(t.Context(), dir, "dev", false)
	if err != nil {
		t.Fatal(err)
	}
	source := map[string]string{}
	for _, i := range images {
		source[i.Service] = i.Source
	}
	if len(source["api"]) != 40 || source["api"] != source["worker"] || source["api"] == source["web"] {
		t.Errorf("the sources are %v", source)
	}
	want := []image{
		{"api", source["api"], "linux/arm64", "services/api", "Dockerfile", registry + "/api"},
		{"web", source["web"], "linux/amd64,linux/arm64", ".", "Dockerfile", registry + "/team/web"},
		{"worker", source["api"], "linux/arm64", "services/api", "Dockerfile", registry + "/api"},
	}
	for n, i := range want {
		if len(images) != len(want) || images[n] != i {
			t.Fatalf("the images are\n%+v\nwant\n%+v", images, want)
		}
	}

	want[0].Service = "api, worker"
	text, err := json.Marshal(distinct(images))
	if err != nil {
		t.Fatal(err)
	}
	if expected, _ := json.Marshal(want[:2]); string(text) != string(expected) {
		t.Errorf("the matrix is\n%s\nwant\n%s", text, expected)
	}

	images, err = read(t.Context(), dir, "dev", true)
	if err != nil || images[1].Repositories != registry+"/team/web,"+registry+"/pr/team/web" {
		t.Errorf("of a pull request they are %+v (%v)", images, err)
	}
}

// A matrix of nothing is an empty array, which the job's condition looks for.
func TestNothingToBuild(t *testing.T) {
	dir := project(t, map[string]string{"Pulumi.dev.yaml": "config: {slipway:services: {proxy: {image: 'ghcr.io/team/proxy:1'}}}"})
	images, err := read(t.Context(), dir, "dev", false)
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := json.Marshal(distinct(images)); string(text) != "[]" {
		t.Errorf("the matrix is %s", text)
	}
}

// What the config takes for the name of a service is built: a component's name begins with the stack's.
func TestBuildsTakesTheNamesOfServices(t *testing.T) {
	config := "config: {slipway:services: {internal-api: {image: " + registry + "/api:1, build: {context: services/api}}}}"
	images, err := read(t.Context(), project(t, map[string]string{"Pulumi.dev.yaml": config}), "dev", false)
	if err != nil || len(images) != 1 || images[0].Service != "internal-api" {
		t.Errorf("%+v, %v", images, err)
	}
}

func TestBuildsRefuses(t *testing.T) {
	service := func(members string) string {
		return "config: {slipway:services: {api: {image: " + registry + "/api:1, " + members + "}}}"
	}
	for name, test := range map[string]struct{ config, want string }{
		"not YAML":             {"config: [", "Pulumi.dev.yaml: yaml"},
		"a word for a build":   {service("build: services/api"), "cannot unmarshal"},
		"an unknown key":       {service("build: {target: x}"), "build.target: unknown key"},
		"a path out of it":     {service("build: {context: ../api}"), `build.context "../api": must be a relative path`},
		"no such Dockerfile":   {service("build: {context: services}"), "service api: there is no services/Dockerfile in the checked-out commit"},
		"another registry":     {"config: {slipway:services: {api: {image: ghcr.io/team/api:1, build: {}}}}", `service api: image "ghcr.io/team/api:1" is not in Amazon ECR`},
		"an architecture":      {service("architecture: mips, build: {}"), "service api: architecture must be amd64 or arm64"},
		"a name with a space":  {"config: {slipway:services: {'a b': {image: " + registry + "/api:1, build: {}}}}", `"a b" is not the name of a service`},
		"a name in capitals":   {"config: {slipway:services: {Api: {image: " + registry + "/api:1, build: {}}}}", `"Api" is not the name of a service`},
		"two in one":           {"config: {slipway:services: {api: {image: " + registry + "/a:1, build: {}}, web: {image: " + registry + "/a:1, build: {context: services/api}}}}", "services api and web are built from different sources and share the repository"},
		"no stack of the name": {"", "there is no"},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"Pulumi.dev.yaml": test.config}
			if test.config == "" {
				files = nil
			}
			_, err := read(t.Context(), project(t, files), "dev", false)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}
