// Package ecr logs in to private registries of Amazon ECR, and makes repositories there.
package ecr

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/google/go-containerregistry/pkg/authn"

	"slipway/internal/awsconfig"
	"slipway/spec"
)

// Registries are the private registries that a caller may use.
type Registries struct {
	options awsconfig.Options

	mu     sync.Mutex
	logins map[string]authn.Authenticator // by region: a token is for every registry that the caller may use
}

// Of returns the registries of a caller with the AWS provider's options.
func Of(options awsconfig.Options) *Registries {
	return &Registries{options: options, logins: map[string]authn.Authenticator{}}
}

// client returns a client for a region.
func (r *Registries) client(ctx context.Context, region string) (*ecr.Client, error) {
	options := maps.Clone(r.options)
	if options == nil {
		options = awsconfig.Options{}
	}
	options["region"] = region
	cfg, err := options.Load(ctx)
	if err != nil {
		return nil, errors.New(awsconfig.Reason(err))
	}
	return ecr.NewFromConfig(cfg, func(o *ecr.Options) { o.BaseEndpoint = cmp.Or(options.Endpoint("ecr"), o.BaseEndpoint) }), nil
}

// Account returns the account of the caller, in which its repositories are.
func (r *Registries) Account(ctx context.Context, region string) (string, error) {
	options := maps.Clone(r.options)
	if options == nil {
		options = awsconfig.Options{}
	}
	options["region"] = region
	cfg, err := options.Load(ctx)
	if err != nil {
		return "", fmt.Errorf("find out the AWS account; log in first: %s", awsconfig.Reason(err))
	}
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", fmt.Errorf("find out the AWS account; log in first: %s", awsconfig.Reason(err))
	}
	return aws.ToString(out.Account), nil
}

// Resolve implements [authn.Keychain].
func (r *Registries) Resolve(resource authn.Resource) (authn.Authenticator, error) {
	return r.ResolveContext(context.Background(), resource)
}

// ResolveContext implements [authn.ContextKeychain]: it logs in to the registry if that is one of Amazon ECR.
func (r *Registries) ResolveContext(ctx context.Context, resource authn.Resource) (authn.Authenticator, error) {
	repository, ok := spec.Image{Registry: resource.RegistryStr()}.ECR()
	if !ok {
		return authn.Anonymous, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if login, there := r.logins[repository.Region]; there {
		return login, nil
	}
	login, err := r.login(ctx, repository.Region)
	if err != nil {
		return nil, fmt.Errorf("log in to %s: %w", resource.RegistryStr(), err)
	}
	r.logins[repository.Region] = login
	return login, nil
}

func (r *Registries) login(ctx context.Context, region string) (authn.Authenticator, error) {
	client, err := r.client(ctx, region)
	if err != nil {
		return nil, err
	}
	out, err := client.GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		return nil, errors.New(awsconfig.Reason(err))
	}
	if len(out.AuthorizationData) == 0 {
		return nil, errors.New("AWS gave no token")
	}
	// "user:password" (AuthorizationData in the API reference of Amazon ECR).
	text, err := base64.StdEncoding.DecodeString(aws.ToString(out.AuthorizationData[0].AuthorizationToken))
	user, password, ok := strings.Cut(string(text), ":")
	if err != nil || !ok {
		return nil, errors.New("AWS's token is not of the form user:password")
	}
	return &authn.Basic{Username: user, Password: password}, nil
}

// Ensure makes a repository that is missing, as bootstrap/ makes them: tags do not move, and images are scanned when they are pushed. It
// reports whether it made it. A caller who may not look is not refused: the push itself says whether the repository is there.
func (r *Registries) Ensure(ctx context.Context, repository spec.ECRRepository) (made bool, err error) {
	client, err := r.client(ctx, repository.Region)
	if err != nil {
		return false, fmt.Errorf("look up repository %s: %w", repository.Name, err)
	}
	_, err = client.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{
		RegistryId: &repository.Account, RepositoryNames: []string{repository.Name},
	})
	if _, missing := errors.AsType[*types.RepositoryNotFoundException](err); !missing {
		if err != nil && !denied(err) {
			return false, fmt.Errorf("look up repository %s: %s; check the region and the credentials", repository.Name, awsconfig.Reason(err))
		}
		return false, nil
	}
	_, err = client.CreateRepository(ctx, &ecr.CreateRepositoryInput{
		RegistryId:                 &repository.Account,
		RepositoryName:             &repository.Name,
		ImageTagMutability:         types.ImageTagMutabilityImmutable,
		ImageScanningConfiguration: &types.ImageScanningConfiguration{ScanOnPush: true},
	})
	if _, there := errors.AsType[*types.RepositoryAlreadyExistsException](err); there {
		return false, nil // made by somebody else meanwhile
	}
	if err != nil {
		return false, fmt.Errorf("make repository %s, which account %s does not have: %s; let an administrator make it, by `images` of bootstrap/",
			repository.Name, repository.Account, awsconfig.Reason(err))
	}
	return true, nil
}

func denied(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && strings.HasPrefix(api.ErrorCode(), "AccessDenied")
}
