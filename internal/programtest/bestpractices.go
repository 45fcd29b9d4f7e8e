package programtest

import (
	"testing"

	"slipway/components/fsbp"
)

// Every resource of every stack keeps AWS's Foundational Security Best Practices, except the listed exceptions.
func (p Program) testBestPractices(t *testing.T) {
	var findings []fsbp.Finding
	for name, source := range everyFeature(t) {
		cloud := testCloud()
		if _, err := p.Deploy(cloud, source); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		found, err := fsbp.Findings(cloud.Resources())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		findings = append(findings, found...)
	}
	fsbp.Expect(t, findings, fsbp.StackExceptions)
}
