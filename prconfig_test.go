package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// What ci/pr-config makes of a config that this program takes, it takes too.
func TestPullRequestConfigIsTaken(t *testing.T) {
	const dev = `config:
  aws:region: eu-central-1
  slipway:domain: example.com
  slipway:loadBalancer: {deletionProtection: true}
  slipway:services:
    scales:
      image: ` + testImage + `
      hostnames: [scales.example.com]
      scaling: {min: 2, max: 6, cpu: 60, schedule: {night: {at: "cron(0 22 * * ? *)", min: 1, max: 2}}}
      canary: {image: ` + testImage + `, weight: 10}
      deployment: {alarms: true, errorPercent: 2}
    percentages:
      image: ` + testImage + `
      hostnames: [percentages.example.com]
      instanceCount: 4
      deployment: {minimumHealthyPercent: 50, maximumPercent: 100, drain: websocket}
      before: {command: [migrate], image: ` + testImage + `}
    strategy:
      image: ` + testImage + `
      hostnames: [strategy.example.com]
      instanceCount: 4
      capacity: {fargate: {base: 2, weight: 1}, fargateSpot: {weight: 3}}
      deployment: {strategy: one-at-a-time}
`
	const source = "ci/pr-config"
	// go test takes a result from its cache until a file changes that the test itself has looked at.
	files, err := filepath.Glob(source + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if _, err := os.Stat(file); err != nil {
			t.Fatal(err)
		}
	}
	dir, project := t.TempDir(), "Pulumi.yaml"
	description, err := os.ReadFile(project)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{project: string(description), "Pulumi.dev.yaml": dev, "Pulumi.pr-7.yaml": dev} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command("go", "run", "./"+source, "-number", "7", "-image", "scales="+testImage,
		filepath.Join(dir, "Pulumi.pr-7.yaml"))
	if said, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	t.Chdir(dir) // where the stacks' files are read from
	if _, err := readConfig(readStack(t, "dev")); err != nil {
		t.Fatalf("dev's is refused: %v", err)
	}
	c, err := readConfig(readStack(t, "pr-7"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.services {
		if s.instanceCount != 1 || s.scaling != nil || s.canary != nil || s.deployment.Alarms {
			t.Errorf("service %s is not a single task: %+v", s.name, s)
		}
	}
}
