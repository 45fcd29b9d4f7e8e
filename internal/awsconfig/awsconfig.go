// Package awsconfig makes a configuration of the AWS SDK from the AWS provider's settings in a stack's config. So the program calls AWS
// with the provider's access.
package awsconfig

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
)

// Options are the settings of Pulumi's AWS provider in a stack's config: those of namespace "aws", without it in the keys; objects and
// lists as JSON.
// https://www.pulumi.com/registry/packages/aws/installation-configuration/
type Options map[string]string

// roleOption is a role that the provider assumes.
type roleOption struct {
	RoleARN           string            `json:"roleArn"`
	Duration          string            `json:"duration"`
	SessionName       string            `json:"sessionName"`
	ExternalID        string            `json:"externalId"`
	Policy            string            `json:"policy"`
	PolicyARNs        []string          `json:"policyArns"`
	SourceIdentity    string            `json:"sourceIdentity"`
	Tags              map[string]string `json:"tags"`
	TransitiveTagKeys []string          `json:"transitiveTagKeys"`
	// Only for a web identity: the token, or its file.
	WebIdentityToken     string `json:"webIdentityToken"`
	WebIdentityTokenFile string `json:"webIdentityTokenFile"`
}

// Settings that change neither who calls nor where: they make no difference to the calls here.
var irrelevant = []string{
	"allowedAccountIds", "forbiddenAccountIds", "defaultTags", "ignoreTags", "maxRetries", "retryMode", "tokenBucketRateLimiterCapacity",
	"s3UsEast1RegionalEndpoint", "s3UsePathStyle", "skipCredentialsValidation", "skipMetadataApiCheck", "skipRegionValidation",
	"skipRequestingAccountId", "version", "pluginDownloadURL",
}

// Settings that Load follows.
var followed = []string{
	"region", "profile", "accessKey", "secretKey", "token", "sharedConfigFiles", "sharedCredentialsFiles", "stsRegion",
	"useDualstackEndpoint", "useFipsEndpoint", "endpoints", "assumeRole", "assumeRoleWithWebIdentity",
}

// Ignored returns the settings that Load ignores although they may make a difference.
func (o Options) Ignored() []string {
	var ignored []string
	for _, key := range slices.Sorted(maps.Keys(o)) {
		if !slices.Contains(followed, key) && !slices.Contains(irrelevant, key) {
			ignored = append(ignored, key)
		}
	}
	return ignored
}

// Load makes a configuration of the SDK from the options, and from what the SDK and the provider both read: environment variables and
// shared files. It gets credentials, so it fails if there are none.
func (o Options) Load(ctx context.Context) (aws.Config, error) {
	var options []func(*config.LoadOptions) error
	if region := o["region"]; region != "" {
		options = append(options, config.WithRegion(region))
	}
	if profile := o["profile"]; profile != "" {
		options = append(options, config.WithSharedConfigProfile(profile))
	}
	if key := o["accessKey"]; key != "" {
		options = append(options, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(key, o["secretKey"], o["token"])))
	}
	if o["useDualstackEndpoint"] == "true" {
		options = append(options, config.WithUseDualStackEndpoint(aws.DualStackEndpointStateEnabled))
	}
	if o["useFipsEndpoint"] == "true" {
		options = append(options, config.WithUseFIPSEndpoint(aws.FIPSEndpointStateEnabled))
	}
	for key, with := range map[string]func([]string) config.LoadOptionsFunc{
		"sharedConfigFiles":      config.WithSharedConfigFiles,
		"sharedCredentialsFiles": config.WithSharedCredentialsFiles,
	} {
		var files []string
		if err := o.decode(key, &files); err != nil {
			return aws.Config{}, err
		}
		if len(files) > 0 {
			options = append(options, with(files))
		}
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Config{}, err
	}
	if _, err := o.endpoints(); err != nil {
		return aws.Config{}, err
	}
	if err := o.assumeRoles(&cfg); err != nil {
		return aws.Config{}, err
	}
	_, err = cfg.Credentials.Retrieve(ctx)
	return cfg, err
}

// Endpoint returns the provider's endpoint for a service, by the provider's name for it, or nil for the SDK's default.
func (o Options) Endpoint(service string) *string {
	endpoints, _ := o.endpoints() // Load has reported an error
	return optional(endpoints[service])
}

func (o Options) endpoints() (map[string]string, error) {
	var blocks []map[string]string
	if err := o.decode("endpoints", &blocks); err != nil {
		return nil, err
	}
	all := make(map[string]string)
	for _, block := range blocks {
		maps.Copy(all, block)
	}
	return all, nil
}

// decode reads an option that is an object or a list. Its error does not quote the value.
func (o Options) decode(key string, into any) error {
	if o[key] == "" {
		return nil
	}
	if json.Unmarshal([]byte(o[key]), into) != nil {
		return fmt.Errorf("aws:%s is not understood", key)
	}
	return nil
}

// assumeRoles gives the configuration the credentials of the roles that the provider assumes: first the role by a web identity, and
// with it the other one.
func (o Options) assumeRoles(cfg *aws.Config) error {
	var web, role roleOption
	if err := errors.Join(o.decode("assumeRoleWithWebIdentity", &web), o.decode("assumeRole", &role)); err != nil {
		return err
	}
	inRegion := func(s *sts.Options) {
		if endpoint := o.Endpoint("sts"); endpoint != nil {
			s.BaseEndpoint = endpoint
		}
		if o["stsRegion"] != "" {
			s.Region = o["stsRegion"]
		}
	}
	if web.RoleARN != "" {
		d, err := web.duration("assumeRoleWithWebIdentity")
		if err != nil {
			return err
		}
		cfg.Credentials = aws.NewCredentialsCache(stscreds.NewWebIdentityRoleProvider(sts.NewFromConfig(*cfg, inRegion), web.RoleARN, web.token(),
			func(p *stscreds.WebIdentityRoleOptions) {
				p.RoleSessionName, p.Duration, p.PolicyARNs = web.SessionName, d, web.policyARNs()
				p.Policy = optional(web.Policy)
			}))
	}
	if role.RoleARN != "" {
		d, err := role.duration("assumeRole")
		if err != nil {
			return err
		}
		cfg.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(*cfg, inRegion), role.RoleARN,
			func(p *stscreds.AssumeRoleOptions) {
				p.RoleSessionName, p.PolicyARNs, p.TransitiveTagKeys = role.SessionName, role.policyARNs(), role.TransitiveTagKeys
				p.ExternalID, p.Policy, p.SourceIdentity = optional(role.ExternalID), optional(role.Policy), optional(role.SourceIdentity)
				for key, value := range role.Tags {
					p.Tags = append(p.Tags, ststypes.Tag{Key: &key, Value: &value})
				}
				if d > 0 {
					p.Duration = d // by default the SDK's duration, which every role allows
				}
			}))
	}
	return nil
}

func (r *roleOption) duration(option string) (time.Duration, error) {
	if r.Duration == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(r.Duration)
	if err != nil {
		return 0, fmt.Errorf("aws:%s.duration: %w", option, err)
	}
	return d, nil
}

func (r *roleOption) policyARNs() []ststypes.PolicyDescriptorType {
	var arns []ststypes.PolicyDescriptorType
	for _, arn := range r.PolicyARNs {
		arns = append(arns, ststypes.PolicyDescriptorType{Arn: &arn})
	}
	return arns
}

// token returns the source of the web identity token.
func (r *roleOption) token() stscreds.IdentityTokenRetriever {
	if r.WebIdentityToken != "" {
		return literalToken(r.WebIdentityToken)
	}
	return stscreds.IdentityTokenFile(r.WebIdentityTokenFile)
}

// literalToken is a web identity token that the settings contain.
type literalToken string

// GetIdentityToken implements [stscreds.IdentityTokenRetriever].
func (t literalToken) GetIdentityToken() ([]byte, error) { return []byte(t), nil }

// optional returns nil for an empty text.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
