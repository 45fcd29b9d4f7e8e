// Package ecrapi answers the API of Amazon ECR: what its clients call before they push images to the registry.
package ecrapi

import (
	"cmp"
	"context"
	"encoding/base64"
	"strings"

	"slipway/localcloud/api"
	"slipway/localcloud/aws/ecr"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/cloud"
)

// ECR is the registry of which callers ask.
type ECR struct {
	Logins *ecr.Logins
	Images ecr.Images
	// Make makes a repository with the inputs of its kind, as the caller.
	Make func(ctx context.Context, caller cloud.Caller, inputs cloud.Map) error
}

// Service answers Amazon ECR's API.
func (e *ECR) Service() api.Service {
	return api.Service{Target: "AmazonEC2ContainerRegistry_V20150921", Operations: map[string]api.Operation{
		"CreateRepository":      e.createRepository,
		"DescribeRepositories":  e.describeRepositories,
		"GetAuthorizationToken": e.getAuthorizationToken,
	}}
}

// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
func (e *ECR) getAuthorizationToken(r *api.Request) (any, error) {
	err := r.View(func(tx *cloud.Tx) error { return iam.May(tx, r.Caller, iam.Look{Action: "ecr:GetAuthorizationToken"}) })
	if err != nil {
		return nil, err
	}
	password, expires := e.Logins.New(r.Caller)
	host, _, _ := strings.Cut(ecr.RepositoryURL(r.Caller.Scope, ""), "/")
	type data struct {
		AuthorizationToken string    `json:"authorizationToken"`
		ExpiresAt          api.Epoch `json:"expiresAt"`
		ProxyEndpoint      string    `json:"proxyEndpoint"`
	}
	var out struct {
		AuthorizationData []data `json:"authorizationData"`
	}
	out.AuthorizationData = []data{{
		base64.StdEncoding.EncodeToString([]byte("AWS:" + password)), api.Epoch(expires), "https://" + host,
	}}
	return &out, nil
}

// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Repository.html
type repository struct {
	RegistryID         string         `json:"registryId"`
	RepositoryName     string         `json:"repositoryName"`
	RepositoryARN      string         `json:"repositoryArn"`
	RepositoryURI      string         `json:"repositoryUri"`
	ImageTagMutability string         `json:"imageTagMutability"`
	Scanning           map[string]any `json:"imageScanningConfiguration"`
}

// find returns a repository; one that a push has made has no resource.
func (e *ECR) find(tx *cloud.Tx, s cloud.Scope, name string) (repository, bool) {
	url := ecr.RepositoryURL(s, name)
	arn, _, ok := ecr.RepositoryARN(url)
	if !ok {
		return repository{}, false
	}
	found := repository{RegistryID: s.Account, RepositoryName: name, RepositoryARN: arn, RepositoryURI: url, ImageTagMutability: "MUTABLE", Scanning: map[string]any{"scanOnPush": false}}
	r := tx.Get(cloud.Key{Scope: s, Token: ecr.RepositoryToken, ID: name})
	if r == nil {
		_, pushed := e.Images.Images(url)
		return found, pushed
	}
	if ecr.ImmutableTags(tx, url) {
		found.ImageTagMutability = "IMMUTABLE"
	}
	if scanning, ok := r.Inputs["imageScanningConfiguration"].(map[string]any); ok {
		found.Scanning = scanning
	}
	return found, true
}

// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositories.html
func (e *ECR) describeRepositories(r *api.Request) (any, error) {
	var in struct {
		RegistryID      string   `json:"registryId"`
		RepositoryNames []string `json:"repositoryNames"`
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	if len(in.RepositoryNames) == 0 {
		return nil, cloud.Errorf("UnknownOperationException", "DescribeRepositories without names is not modelled by the local cloud")
	}
	var out struct {
		Repositories []repository `json:"repositories"`
	}
	s := cloud.Scope{Account: cmp.Or(in.RegistryID, r.Caller.Scope.Account), Region: r.Caller.Scope.Region}
	return &out, r.View(func(tx *cloud.Tx) error {
		for _, name := range in.RepositoryNames {
			if err := ecr.MayUse(tx, r.Caller, s, name, "ecr:DescribeRepositories"); err != nil {
				return err
			}
			found, ok := e.find(tx, s, name)
			if !ok {
				return ecr.RepositoryNotFound(s.Account, name)
			}
			out.Repositories = append(out.Repositories, found)
		}
		return nil
	})
}

// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
func (e *ECR) createRepository(r *api.Request) (any, error) {
	var in struct {
		RegistryID         string         `json:"registryId"`
		RepositoryName     string         `json:"repositoryName"`
		ImageTagMutability string         `json:"imageTagMutability"`
		Scanning           map[string]any `json:"imageScanningConfiguration"`
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	if in.RegistryID != "" && in.RegistryID != r.Caller.Scope.Account {
		return nil, cloud.Errorf("InvalidParameterException", "A repository of account %s is made by its own callers", in.RegistryID)
	}
	inputs := cloud.Map{"name": in.RepositoryName}
	if in.ImageTagMutability != "" {
		inputs["imageTagMutability"] = in.ImageTagMutability
	}
	if in.Scanning != nil {
		inputs["imageScanningConfiguration"] = in.Scanning
	}
	if err := e.Make(r.Context(), r.Caller, inputs); err != nil {
		return nil, err
	}
	var out struct {
		Repository repository `json:"repository"`
	}
	return &out, r.View(func(tx *cloud.Tx) error {
		out.Repository, _ = e.find(tx, r.Caller.Scope, in.RepositoryName)
		return nil
	})
}
