package main

import (
	"os"
	"path/filepath"
	"testing"

	"slipway/config"
	"slipway/config/configtest"
)

// The program accepts every result of ci/pr-config from a config that it accepts.
func TestPullRequestConfigIsTaken(t *testing.T) {
	const dev = `config:
  aws:region: eu-central-1
  slipway:domain: example.com
  slipway:loadBalancer: {deletionProtection: true}
  slipway:services:
    scales:
      image: ` + configtest.Image + `
      hostnames: [scales.example.com]
      scaling: {min: 2, max: 6, cpu: 60, schedule: {night: {at: "cron(0 22 * * ? *)", min: 1, max: 2}}}
      canary: {image: ` + configtest.Image + `, weight: 10}
      deployment: {alarms: true, errorPercent: 2}
    percentages:
      image: ` + configtest.Image + `
      hostnames: [percentages.example.com]
      instanceCount: 4
      deployment: {minimumHealthyPercent: 50, maximumPercent: 100, drain: websocket}
      before: {command: [migrate], image: ` + configtest.Image + `}
    strategy:
      image: ` + configtest.Image + `
      hostnames: [strategy.example.com]
      instanceCount: 4
      capacity: {fargate: {base: 2, weight: 1}, fargateSpot: {weight: 3}}
      deployment: {strategy: one-at-a-time}
    worker:
      image: ` + configtest.Image + `
      instanceCount: 2
      healthCheck: {command: [/app, healthcheck]}
`
	dir, project := t.TempDir(), "Pulumi.yaml"
	description, err := os.ReadFile(filepath.Join("..", "..", project))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{project: string(description), "Pulumi.dev.yaml": dev, "Pulumi.pr-7.yaml": dev} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := run([]string{"-number", "7", "-image", "scales=" + configtest.Image, filepath.Join(dir, "Pulumi.pr-7.yaml")}); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Read(configtest.Stack(t, dir, "dev")); err != nil {
		t.Fatalf("dev's is refused: %v", err)
	}
	c, err := config.Read(configtest.Stack(t, dir, "pr-7"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Services {
		if s.Tasks() != 1 || s.Scaling != nil || s.Canary() != nil || s.Deployment.Alarms {
			t.Errorf("service %s is not a single task: %+v", s.Name, s)
		}
	}
}
