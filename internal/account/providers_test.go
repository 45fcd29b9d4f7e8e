package account

import (
	"errors"
	"slices"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components/mocks"
	"slipway/internal/settings"
)

func TestConfigureProvidersNeedsNothingOfTheConfig(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]settings.Source{
		"no domain":    {Project: "slipway"},
		"wrong config": {Project: "slipway", Values: map[string]string{"slipway:domain": "slipway.test", "slipway:services": "{"}},
	} {
		cloud := mocks.Cloud{Fail: func(token, _ string) error {
			if token == "cloudflare:index/getZone:getZone" {
				return errors.New("no such zone")
			}
			return nil
		}}
		if err := cloud.Run(func(ctx *pulumi.Context) error { return ConfigureProviders(ctx, source) }); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if calls := cloud.Calls(); !slices.Equal(calls, []string{"aws:index/getRegion:getRegion"}) {
			t.Errorf("%s: called %v", name, calls)
		}
		for _, r := range cloud.Resources() {
			if r.Type != "pulumi:pulumi:StackReference" {
				t.Errorf("%s: registered %s %s", name, r.Type, r.Name)
			}
		}
	}
}
