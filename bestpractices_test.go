package main

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"slipway/components/fsbp"
	"slipway/components/mocks"
)

// Every resource of every stack keeps AWS's Foundational Security Best Practices, but for the exceptions.
func TestBestPractices(t *testing.T) {
	var findings []fsbp.Finding
	for name, config := range everyFeature(t) {
		var cloud mocks.Cloud
		if _, err := deployTo(&cloud, config); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		found, err := fsbp.Findings(cloud.Resources())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		findings = append(findings, found...)
	}
	unexpected, unneeded := fsbp.Unexpected(findings, fsbp.StackExceptions)
	for _, f := range unexpected {
		t.Errorf("%s %s breaks %s", f.Kind, f.Name, f.Control)
	}
	for _, id := range unneeded {
		t.Errorf("%s is an exception that nothing needs", id)
	}
}

// docs/security.md gives a reason for every exception, and for no others.
func TestSecurityPageExplainsTheExceptions(t *testing.T) {
	page, err := os.ReadFile("docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	var explained []string
	for _, row := range regexp.MustCompile(`(?m)^\| ((?:[A-Za-z0-9]+\.\d+(?:, )?)+) \| .+ \|$`).FindAllStringSubmatch(string(page), -1) {
		explained = append(explained, regexp.MustCompile(`[A-Za-z0-9]+\.\d+`).FindAllString(row[1], -1)...)
	}
	exceptions := slices.Concat(fsbp.StackExceptions, fsbp.AccountExceptions)
	slices.Sort(explained)
	slices.Sort(exceptions)
	if !slices.Equal(explained, exceptions) {
		t.Errorf("docs/security.md explains %v\nexceptions are  %v", explained, exceptions)
	}
}
