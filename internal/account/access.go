package account

import (
	"errors"
	"fmt"
	"iter"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/config"
	"slipway/internal/function"
	"slipway/spec"
)

// checkAccess reports managed policies that are not there, and what the permissions boundary leaves nothing of. AWS would say nothing of
// the boundary until a task makes the call.
func checkAccess(ctx *pulumi.Context, cfg *config.Config) error {
	policies := policyReader{ctx: ctx, known: make(map[string]spec.PolicyDocument)}
	var boundary *spec.PolicyDocument
	if cfg.PermissionsBoundary != "" && needMore(cfg) {
		document, err := policies.read(cfg.PermissionsBoundary)
		if err != nil {
			return fmt.Errorf("slipway:permissionsBoundary: %w", err)
		}
		boundary = &document
	}
	var problems []error
	for key, m := range meant(cfg) {
		for _, err := range policies.problems(m, boundary) {
			problems = append(problems, fmt.Errorf("slipway:%s.%w", key, err))
		}
	}
	if err := errors.Join(problems...); err != nil && boundary != nil {
		return fmt.Errorf("%w\n(the boundary is %s; docs/delivery.md says how it allows more)", err, cfg.PermissionsBoundary)
	}
	return errors.Join(problems...)
}

// access is what the roles of a service, a job or the network are meant to do.
type access struct {
	policies []string // of its task role
	calls    []spec.Call
}

// meant returns what all roles are meant to do, by key in the config.
func meant(cfg *config.Config) iter.Seq2[string, access] {
	return func(yield func(string, access) bool) {
		for _, s := range cfg.Services {
			if !yield("services."+s.Name, access{s.Policies, s.Workload.Calls()}) {
				return
			}
		}
		for _, j := range cfg.Jobs {
			if !yield("jobs."+j.Name, access{j.Policies, j.Calls()}) {
				return
			}
		}
		yield("network", access{calls: cfg.Network.FlowLogs.Calls()})
	}
}

// needMore reports whether a role is meant to do more than every boundary has to allow.
func needMore(cfg *config.Config) bool {
	for _, m := range meant(cfg) {
		if len(m.policies) > 0 || len(m.calls) > 0 {
			return true
		}
	}
	return false
}

// policyReader reads managed policies, each once.
type policyReader struct {
	ctx   *pulumi.Context
	known map[string]spec.PolicyDocument
}

func (r policyReader) read(arn string) (spec.PolicyDocument, error) {
	if document, known := r.known[arn]; known {
		return document, nil
	}
	policy, err := iam.LookupPolicy(r.ctx, &iam.LookupPolicyArgs{Arn: &arn})
	if err != nil {
		return spec.PolicyDocument{}, fmt.Errorf("look up the policy %s: %w", arn, function.Error(err))
	}
	document, err := spec.ParsePolicy(policy.Policy)
	if err != nil {
		return spec.PolicyDocument{}, fmt.Errorf("policy %s: %w", arn, err)
	}
	r.known[arn] = document
	return document, nil
}

// problems reports what is wrong with what roles are meant to do; a nil boundary allows everything.
func (r policyReader) problems(m access, boundary *spec.PolicyDocument) []error {
	var problems []error
	for i, arn := range m.policies {
		document, err := r.read(arn)
		if err == nil && boundary != nil && boundary.ForbidsAll(spec.TaskRole, document) {
			err = errors.New("the permissions boundary allows nothing of this policy; extend the boundary, or leave the policy out")
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("policies[%d]: %w", i, err))
		}
	}
	if boundary == nil {
		return problems
	}
	for _, call := range m.calls {
		if boundary.Forbids(call) {
			problems = append(problems, fmt.Errorf("%s: the permissions boundary does not allow %s on %s; extend the boundary, or leave it out", call.Setting, call.Action, call.Resource))
		}
	}
	return problems
}
