package programtest

import (
	"testing"

	"slipway/components/fsbp"
	"slipway/components/mocks"
)

// Every resource of every stack keeps AWS's Foundational Security Best Practices, but for the exceptions.
func (p Program) testBestPractices(t *testing.T) {
	var findings []fsbp.Finding
	for name, source := range everyFeature(t) {
		var cloud mocks.Cloud
		if _, err := p.Deploy(&cloud, source); err != nil {
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
		t.Errorf("%s %s breaks control %s of AWS's Foundational Security Best Practices; keep it, or make it an exception in components/fsbp and docs/security.md",
			f.Kind, f.Name, f.Control)
	}
	for _, id := range unneeded {
		t.Errorf("%s is an exception that nothing needs", id)
	}
}
