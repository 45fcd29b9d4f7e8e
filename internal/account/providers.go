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

// onlyProviders is the environment variable by which whoever runs `pulumi destroy --run-program`, or refresh, says that the program is
// run for the configuration of its providers. The engine does not tell a program what it runs it for (RunRequest in
// proto/pulumi/language.proto of pulumi/pulumi).
const onlyProviders = "SLIPWAY_ONLY_PROVIDERS"

// OnlyProviders reports whether the program is run for the configuration of its providers alone.
func OnlyProviders() bool {
	set, _ := strconv.ParseBool(os.Getenv(onlyProviders))
	return set
}

// ConfigureProviders has the engine configure the stack's providers, and registers nothing that they have. A destroy and a refresh take
// the rest from the state (DestroyV2 and RefreshV2 in pkg/engine of pulumi/pulumi). They need neither a config that makes sense nor
// images that are still there, and nothing that an update refuses is in their way.
func ConfigureProviders(ctx *pulumi.Context, source settings.Source) error {
	if err := refuseUpdate(ctx); err != nil {
		return err
	}
	// Asking a provider anything configures it.
	if _, err := aws.GetRegion(ctx, &aws.GetRegionArgs{}); err != nil {
		return fmt.Errorf("look up the AWS region, which is aws:region or that of the environment: %w", function.Error(err))
	}
	domain := source.Values[source.Project+":domain"]
	if _, err := cloudflare.LookupZone(ctx, &cloudflare.LookupZoneArgs{Name: &domain}); err != nil {
		return ctx.Log.Debug(fmt.Sprintf("look up the Cloudflare zone %q: %v", domain, function.Error(err)), nil)
	}
	return nil
}

// refuseUpdate registers what no update accepts: one would delete whatever the program does not register. A destroy and a refresh do not
// look at a resource that is not in the state (continueStepsFromRefresh in pkg/resource/deploy/step_generator.go of pulumi/pulumi). To an
// update, the builtin provider says that the property is unknown.
func refuseUpdate(ctx *pulumi.Context) error {
	var reference pulumi.CustomResourceState
	return ctx.RegisterResource("pulumi:pulumi:StackReference", onlyProviders, pulumi.Map{
		onlyProviders + " is for pulumi destroy and pulumi refresh; unset it before an update": pulumi.Bool(true),
	}, &reference)
}
