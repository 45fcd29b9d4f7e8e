package account

import (
	"fmt"
	"os"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/internal/function"
	"slipway/internal/settings"
)

// onlyProviders is the environment variable that marks a `pulumi destroy --run-program`, or refresh, as one that runs the program only
// to configure its providers. The engine does not tell a program why it runs (RunRequest in proto/pulumi/language.proto of
// pulumi/pulumi).
const onlyProviders = "SLIPWAY_ONLY_PROVIDERS"

// OnlyProviders reports whether the program runs only to configure its providers.
func OnlyProviders() bool {
	set, _ := strconv.ParseBool(os.Getenv(onlyProviders))
	return set
}

// ConfigureProviders makes the engine configure the stack's providers, and registers none of their resources. A destroy and a refresh
// take the rest from the state (DestroyV2 and RefreshV2 in pkg/engine of pulumi/pulumi). They need neither a valid config nor images
// that still exist, and nothing that an update refuses stops them.
func ConfigureProviders(ctx *pulumi.Context, source settings.Source) error {
	if err := refuseUpdate(ctx); err != nil {
		return err
	}
	// Any call of a provider configures it.
	if _, err := aws.GetRegion(ctx, &aws.GetRegionArgs{}); err != nil {
		return fmt.Errorf("look up the AWS region, which is aws:region or that of the environment: %w", function.Error(err))
	}
	domain := source.Values[source.Project+":domain"]
	if _, err := cloudflare.LookupZone(ctx, &cloudflare.LookupZoneArgs{Name: &domain}); err != nil {
		return ctx.Log.Debug(fmt.Sprintf("look up the Cloudflare zone %q: %v", domain, function.Error(err)), nil)
	}
	return nil
}

// refuseUpdate registers a resource that every update refuses, because an update would delete all resources that the program does not
// register. A destroy and a refresh ignore a resource that is not in the state (continueStepsFromRefresh in
// pkg/resource/deploy/step_generator.go of pulumi/pulumi). In an update, the builtin provider refuses the unknown property.
func refuseUpdate(ctx *pulumi.Context) error {
	var reference pulumi.CustomResourceState
	return ctx.RegisterResource("pulumi:pulumi:StackReference", onlyProviders, pulumi.Map{
		onlyProviders + " is for pulumi destroy and pulumi refresh; unset it before an update": pulumi.Bool(true),
	}, &reference)
}
