// Package account looks up the account of a stack before the first resource is registered: what the stack needs and does not create,
// and what it has there already.
package account

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"slipway/components"
	"slipway/internal/awsconfig"
	"slipway/internal/deployments"
	"slipway/internal/jobs"
	"slipway/internal/settings"
	"slipway/internal/standing"
	"slipway/spec"
)

// Account has the program's own calls to AWS. The AWS provider has no functions for them.
type Account interface {
	components.Watcher
	components.JobRunner
	// Standing returns what the sought load balancer has already.
	Standing(ctx context.Context, sought standing.Sought) (standing.Listener, error)
	// Certificate and Cluster return what AWS says of a certificate, by ARN, and a cluster, by name or ARN.
	Certificate(ctx context.Context, arn string) (spec.FoundCertificate, error)
	Cluster(ctx context.Context, nameOrARN string) (spec.FoundCluster, error)
	// RuleQuota returns how many rules a load balancer may have.
	RuleQuota(ctx context.Context) (int, error)
}

// New returns the account that the config gives the AWS provider, with the same access as the provider.
func New(source settings.Source) Account {
	options := awsconfig.Options{}
	for key, value := range source.Values {
		if option, isAWS := strings.CutPrefix(key, "aws:"); isAWS {
			options[option] = value
		}
	}
	return asked{options}
}

// asked is an [Account] that calls AWS over the network.
type asked struct{ options awsconfig.Options }

func (a asked) Settle(ctx context.Context, r components.ServiceRevision, tasks components.EnoughTasks) (running, failure string, err error) {
	running, failure, err = deployments.Watcher{Options: a.options}.Settle(ctx, deployments.Revision(r), deployments.Tasks(tasks))
	if unknown, ok := errors.AsType[*deployments.UnknownError](err); ok {
		return "", "", components.UnknownOutcome(unknown.Error())
	}
	return running, failure, err
}

func (a asked) Explain(ctx context.Context, r components.ServiceRevision) string {
	return deployments.Watcher{Options: a.options}.Explain(ctx, deployments.Revision(r))
}

func (a asked) Standing(ctx context.Context, sought standing.Sought) (standing.Listener, error) {
	return standing.Find(ctx, a.options, sought)
}

func (a asked) Certificate(ctx context.Context, arn string) (spec.FoundCertificate, error) {
	return standing.Certificate(ctx, a.options, arn)
}

func (a asked) Cluster(ctx context.Context, nameOrARN string) (spec.FoundCluster, error) {
	return standing.Cluster(ctx, a.options, nameOrARN)
}

func (a asked) RuleQuota(ctx context.Context) (int, error) { return standing.RuleQuota(ctx, a.options) }

func (a asked) RunJob(ctx context.Context, cluster, name string, run spec.Run) error {
	result, err := jobs.Runner{Options: a.options}.Run(ctx, jobs.Job{Name: name, Cluster: cluster, Run: run})
	if err == nil && result.Failed() {
		err = fmt.Errorf("job %s failed; the services that wait for it were not touched; correct the cause, then run `pulumi up` again: %s", name, result)
	}
	return err
}
