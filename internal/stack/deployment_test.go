package stack

import (
	"strings"
	"testing"
	"time"
)

func TestDeployment(t *testing.T) {
	s := open(t, project(t, map[string]string{"stack-export-dev": `{"version":3,"deployment":{
		"manifest":{"time":"2026-01-31T12:00:00Z","magic":"","version":"v3.250.0"},
		"resources":[{"urn":"urn:pulumi:dev::slipway::pulumi:pulumi:Stack::slipway-dev","custom":false,"type":"pulumi:pulumi:Stack",
			"outputs":{"cluster":"dev"}}],
		"pending_operations":[{"type":"creating","resource":{"urn":"urn:pulumi:dev::slipway::aws:ec2/vpc:Vpc::dev","custom":true,"type":"aws:ec2/vpc:Vpc"}}]}}`}))
	d, err := s.Deployment(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Resources) != 1 || d.Resources[0].Outputs["cluster"] != "dev" || len(d.PendingOperations) != 1 ||
		!d.Manifest.Time.Equal(time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)) {
		t.Errorf("the state is %+v", d)
	}
	if strings.Contains(commands(t), "--show-secrets") {
		t.Error("the plain text of secrets was asked for")
	}
}

func TestDeploymentOfANewStack(t *testing.T) {
	s := open(t, project(t, map[string]string{"stack-export-dev": `{"version":3,"deployment":null}`}))
	if d, err := s.Deployment(t.Context()); err != nil || len(d.Resources) != 0 {
		t.Errorf("the state is %+v, %v", d, err)
	}
}

func TestDeploymentThatCannotBeRead(t *testing.T) {
	for name, answers := range map[string]map[string]string{
		"no answer": nil,
		"nonsense":  {"stack-export-dev": `{"version":9,"deployment":"later"}`},
	} {
		if _, err := open(t, project(t, answers)).Deployment(t.Context()); err == nil || !strings.Contains(err.Error(), "state of stack dev") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
