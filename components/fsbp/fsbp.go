// Package fsbp checks the resources of a Pulumi program against AWS's Foundational Security Best Practices, for tests. It has the
// standard's controls for single resources of the kinds that slipway uses ("AWS Foundational Security Best Practices standard in
// Security Hub CSPM" in the AWS Security Hub user guide, as of July 2026). A program cannot fulfil controls for a whole account
// (GuardDuty.1, EC2.172 and so on).
package fsbp

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"slipway/components/mocks"
)

// control is a rule for every resource of some kinds.
type control struct {
	id    string
	kinds []string // tokens
	// broken reports whether the resource breaks the rule, in a stack with these resources.
	broken func(r mocks.Resource, stack []mocks.Resource) bool
}

// Findings returns which resources break which controls, sorted by control, kind and name. It fails for an AWS kind that is not listed
// here.
func Findings(stack []mocks.Resource) ([]Finding, error) {
	var findings []Finding
	for _, r := range stack {
		if !strings.HasPrefix(r.Type, "aws:") || slices.Contains(uncontrolled, r.Type) {
			continue
		}
		considered := false
		for _, c := range controls {
			if !slices.Contains(c.kinds, r.Type) {
				continue
			}
			considered = true
			if c.broken(r, stack) {
				findings = append(findings, Finding{Control: c.id, Kind: r.Type, Name: r.Name})
			}
		}
		if !considered {
			return nil, fmt.Errorf("no control is known for %s: look it up in the standard, then add it to the controls or to the kinds that have none", r.Type)
		}
	}
	return findings, nil
}

// Finding is a resource that breaks a control.
type Finding struct{ Control, Kind, Name string }

// Exceptions are the controls that the program and bootstrap break on purpose.
var (
	StackExceptions = []string{
		"EC2.6", "EC2.10", "EC2.15", "EC2.55", "EC2.56", "EC2.57", "EC2.58", "EC2.60", "ECS.2", "ECS.12",
		"ELB.5", "ELB.6", "ELB.18", "ELB.21", "ELB.22", "SecretsManager.1", "SecretsManager.4", "StepFunctions.1",
	}
	AccountExceptions = []string{"S3.9", "S3.13"}
)

// Expect fails a test for each finding that is not an exception, and for each exception without a finding.
func Expect(t testing.TB, findings []Finding, exceptions []string) {
	t.Helper()
	unexpected, unneeded := Unexpected(findings, exceptions)
	for _, f := range unexpected {
		t.Errorf("%s %s breaks control %s of AWS's Foundational Security Best Practices; keep it, or make it an exception in components/fsbp and docs/security.md",
			f.Kind, f.Name, f.Control)
	}
	for _, id := range unneeded {
		t.Errorf("%s is an exception without a finding", id)
	}
}

// Unexpected returns the findings that are not exceptions, and the exceptions without a finding.
func Unexpected(findings []Finding, exceptions []string) (unexpected []Finding, unneeded []string) {
	broken := make(map[string]bool)
	for _, f := range findings {
		broken[f.Control] = true
		if !slices.Contains(exceptions, f.Control) {
			unexpected = append(unexpected, f)
		}
	}
	for _, id := range exceptions {
		if !broken[id] {
			unneeded = append(unneeded, id)
		}
	}
	return unexpected, unneeded
}
