// Package programtest checks the program as a whole. No package can import package main, so the program's own tests pass it in, as the
// tests of a file system pass it to [testing/fstest].
package programtest

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components/mocks"
	"slipway/internal/account"
	"slipway/internal/settings"
)

// Program deploys a stack with a config to an account; nil is an empty account.
type Program func(ctx *pulumi.Context, source settings.Source, in account.Account) error

// Stacks are those of the Pulumi.*.yaml files, with which a new user begins.
var Stacks = []string{"dev", "local", "prod"}

// Test runs all checks. It must be called in the project's folder.
func Test(t *testing.T, p Program) {
	for _, test := range []struct {
		name  string
		check func(*testing.T)
	}{
		{"StackOfYesterdayUpdatesInPlace", p.testStackOfYesterdayUpdatesInPlace},
		{"WriteYesterday", p.testWriteYesterday},
		{"BestPractices", p.testBestPractices},
		{"PermissionsAreWhatTheProgramNeeds", p.testPermissionsAreWhatTheProgramNeeds},
		{"UpdatesAreOfWhatTheProgramSets", p.testUpdatesAreOfWhatTheProgramSets},
		{"PreviewRoleMayLookUpAlone", p.testPreviewRoleMayLookUpAlone},
		{"DriftRoleMayReadTheProgramsResourcesAlone", p.testDriftRoleMayReadTheProgramsResourcesAlone},
		{"BoundaryFitsTheProgramsRoles", p.testBoundaryFitsTheProgramsRoles},
	} {
		t.Run(test.name, test.check)
	}
}

// Deploy runs the program with a config in a cloud and returns its outputs as JSON.
func (p Program) Deploy(cloud *mocks.Cloud, s settings.Source) (outputs string, err error) {
	var captured settings.Source
	cloud.Options = []pulumi.RunOption{func(info *pulumi.RunInfo) {
		info.Project, info.Stack, info.Config, info.ConfigSecretKeys = s.Project, s.Stack, s.Values, s.SecretKeys
	}, captured.Capture, func(*pulumi.RunInfo) { captured.File = s.File }}
	cloud.Images = map[string]string{"hello:local": "sha256:" + strings.Repeat("0", 64)}
	const everything = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
	cloud.Policies = map[string]string{testBoundary: everything, readOrders: everything}
	err = cloud.Run(func(ctx *pulumi.Context) error {
		if err := p(ctx, captured, nil); err != nil {
			return err
		}
		pulumi.JSONMarshal(pulumi.Map(ctx.GetCurrentExportMap())).ApplyT(func(text string) string {
			outputs = text
			return text
		})
		return nil
	})
	return outputs, err
}
