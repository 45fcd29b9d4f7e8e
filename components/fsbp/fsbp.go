// Package fsbp holds what a Pulumi program registers against AWS's Foundational Security Best Practices, for tests. The
// controls are those of the standard ("AWS Foundational Security Best Practices standard in Security Hub CSPM" in the AWS
// Security Hub user guide, as of July 2026) that are about a single resource of a kind that slipway uses. Those about an
// account as a whole (GuardDuty.1, EC2.172 and so on) are not a program's to fulfil.
package fsbp

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"slipway/components/mocks"
)

// control is a rule that every resource of some kinds is held against.
type control struct {
	id    string
	kinds []string // tokens
	// broken reports whether the resource breaks the rule, in a stack with these resources.
	broken func(r mocks.Resource, stack []mocks.Resource) bool
}

// Findings returns which resources break which controls: lines of control, kind and name, sorted. It fails for a kind of AWS's
// that nobody has thought about.
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

// Exceptions are the controls that are broken on purpose: by the program, and by bootstrap.
var (
	StackExceptions = []string{
		"EC2.6", "EC2.10", "EC2.15", "EC2.55", "EC2.56", "EC2.57", "EC2.58", "EC2.60", "ECS.2", "ECS.12",
		"ELB.5", "ELB.6", "ELB.18", "ELB.21", "ELB.22", "SecretsManager.1", "SecretsManager.4",
	}
	AccountExceptions = []string{"S3.9", "S3.13"}
)

// Expect fails a test for each finding that is no exception, and for each exception that nothing needs.
func Expect(t testing.TB, findings []Finding, exceptions []string) {
	t.Helper()
	unexpected, unneeded := Unexpected(findings, exceptions)
	for _, f := range unexpected {
		t.Errorf("%s %s breaks control %s of AWS's Foundational Security Best Practices; keep it, or make it an exception in components/fsbp and docs/security.md",
			f.Kind, f.Name, f.Control)
	}
	for _, id := range unneeded {
		t.Errorf("%s is an exception that nothing needs", id)
	}
}

// Unexpected returns the findings that are no exceptions, and the exceptions that nothing needs.
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
