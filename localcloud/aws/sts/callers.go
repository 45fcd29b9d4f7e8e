// Package sts finds out who calls, and lets callers assume roles.
package sts

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/identity"
	"slipway/localcloud/aws/internal/policy"
	"slipway/localcloud/aws/internal/regions"
	"slipway/localcloud/aws/internal/untyped"
	"slipway/localcloud/cloud"
	"slipway/localcloud/oidc"
)

// DefaultAccount is whose the resources are when the provider assumes no role: see [Callers.Caller].
const DefaultAccount = "000000000000"

// Callers finds out who calls, by the configuration of the provider that does.
type Callers struct {
	Store *cloud.Store
	// Tokens verifies web identity tokens instead of their issuers.
	Tokens *oidc.Issuer
}

// providerConfig is the part of the provider's configuration about the caller.
// https://www.pulumi.com/registry/packages/aws/api-docs/provider/
type providerConfig struct {
	Region                    string        `json:"region"`
	AssumeRole                *roleOption   `json:"assumeRole"`
	AssumeRoles               []*roleOption `json:"assumeRoles"`
	AssumeRoleWithWebIdentity *roleOption   `json:"assumeRoleWithWebIdentity"`
	// Account numbers, which `pulumi config set --path` makes numbers of.
	AllowedAccountIDs   policy.Values `json:"allowedAccountIds"`
	ForbiddenAccountIDs policy.Values `json:"forbiddenAccountIds"`
}

// roleOption is a role that the provider assumes.
type roleOption struct {
	RoleARN     string `json:"roleArn"`
	Duration    string `json:"duration"`
	SessionName string `json:"sessionName"`
	ExternalID  string `json:"externalId"`
	// Only for a web identity: the token, or its file.
	WebIdentityToken     string `json:"webIdentityToken"`
	WebIdentityTokenFile string `json:"webIdentityTokenFile"`
	// Not modelled:
	Policy            string            `json:"policy"`
	PolicyARNs        []string          `json:"policyArns"`
	SourceIdentity    string            `json:"sourceIdentity"`
	Tags              map[string]string `json:"tags"`
	TransitiveTagKeys []string          `json:"transitiveTagKeys"`
}

// principal is who a request to assume a role comes from: a session of a role or, without one, the root of an account.
type principal struct {
	account string
	role    *cloud.Resource
	session string // the session's ARN
}

func (p principal) arn() string { return cmp.Or(p.session, arns.Root(p.account)) }

// Caller reads from the provider's configuration which account and region it works on, and as whom.
//
// The provider starts as the root of DefaultAccount, which may do everything there and, unlike a root on AWS, assume roles. Then it
// assumes roles, first by a web identity and after that one by one. A role from a stack is really assumed: its trust policy must allow
// the identity before it, and from then on its policies decide what the provider may do. A role that does not exist only chooses its
// account, where the provider then is the root. So stacks of several accounts work before anything has been set up in them; on AWS such
// roles have been set up. From an existing role only existing roles can be assumed.
//
// Unlike on AWS, a session does not expire: it lasts as long as the provider's connection, which is one run of the engine.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_terms-and-concepts.html
func (c *Callers) Caller(config cloud.Map) (cloud.Caller, error) {
	for _, option := range []string{"endpoints", "ignoreTags"} {
		if untyped.Given(config[option]) {
			return cloud.Caller{}, check.Unimplemented("provider option " + option)
		}
	}
	o, err := cloud.Decode[providerConfig](config)
	if err != nil {
		return cloud.Caller{}, err
	}
	if o.Region == "" {
		return cloud.Caller{}, fmt.Errorf("no region: set it with `pulumi config set aws:region`")
	}
	if _, ok := regions.All[o.Region]; !ok {
		return cloud.Caller{}, fmt.Errorf("invalid AWS Region: %s; the local cloud has %s", o.Region, slices.Sorted(maps.Keys(regions.All)))
	}
	who := principal{account: DefaultAccount}
	if untyped.Given(config["assumeRoleWithWebIdentity"]) {
		if who, err = c.assumeWithWebIdentity(o.Region, o.AssumeRoleWithWebIdentity); err != nil {
			return cloud.Caller{}, err
		}
	}
	roles := o.AssumeRoles
	if untyped.Given(config["assumeRole"]) {
		roles = append(roles, o.AssumeRole)
	}
	for _, role := range roles {
		if role == nil {
			continue
		}
		if who, err = c.assume(who, o.Region, role); err != nil {
			return cloud.Caller{}, err
		}
	}
	if len(o.AllowedAccountIDs) > 0 && !slices.Contains(o.AllowedAccountIDs, who.account) || slices.Contains(o.ForbiddenAccountIDs, who.account) {
		return cloud.Caller{}, fmt.Errorf("AWS account ID not allowed: %s", who.account)
	}
	return cloud.Caller{Scope: cloud.Scope{Account: who.account, Region: o.Region}, Config: config, Identity: who.session}, nil
}

// The two calls that assume roles.
const (
	assumeRole                = "sts:AssumeRole"
	assumeRoleWithWebIdentity = "sts:AssumeRoleWithWebIdentity"
)

// cannotAssume words a refusal as the provider does.
// github.com/hashicorp/aws-sdk-go-base, CannotAssumeRoleError
func cannotAssume(roleARN, action string, err *cloud.Error) error {
	_, operation, _ := strings.Cut(action, ":")
	return fmt.Errorf("IAM Role (%s) cannot be assumed: operation error STS: %s, %w", roleARN, operation, err)
}

var roleARN = regexp.MustCompile(`^arn:aws:iam::(\d{12}):role/`)

// assume makes who take on a role.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
func (c *Callers) assume(who principal, region string, o *roleOption) (principal, error) {
	name, err := o.check("assumeRole", "aws-go-sdk-"+nanoseconds())
	if err != nil {
		return principal{}, err
	}
	account := arns.Account(o.RoleARN)
	var next principal
	var refusal *cloud.Error
	c.Store.View(func(tx *cloud.Tx) {
		role := identity.RoleByARN(tx, o.RoleARN)
		if role == nil && who.role == nil {
			next = principal{account: account}
			return
		}
		next = sessionOf(account, role, name)
		if why := assumptionDenial(tx, who, role, region, name, o); why != "" {
			refusal = iam.AccessDenied("AccessDenied", who.arn(), assumeRole, o.RoleARN, why)
		} else {
			refusal = o.tooLong(role, who.role != nil)
		}
	})
	if refusal != nil {
		return principal{}, cannotAssume(o.RoleARN, assumeRole, refusal)
	}
	return next, nil
}

// assumptionDenial says why who may not assume the role, or returns "". The role must trust the caller. In another account, and if the
// role trusts an account as a whole, the caller's policies must allow it too.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
func assumptionDenial(tx *cloud.Tx, who principal, role *cloud.Resource, region, session string, o *roleOption) string {
	r := policy.Request{Action: assumeRole, Resource: o.RoleARN, Context: map[string]string{
		"aws:principalarn": arns.Root(who.account), "aws:principalaccount": who.account, "aws:resourceaccount": arns.Account(o.RoleARN),
		"aws:requestedregion": region, "aws:securetransport": "true", "sts:rolesessionname": session,
	}}
	if o.ExternalID != "" {
		r.Context["sts:externalid"] = o.ExternalID
	}
	var own []string
	var rights iam.Authority
	if who.role != nil {
		arn := iam.Role.Outputs(who.role).ARN
		r.Context["aws:principalarn"] = arn
		own, rights = []string{who.session, arn}, iam.AuthorityOf(tx, who.role)
	}
	if role == nil { // who has a role, whose policies cannot say more than the role that is not there
		return "because no role trust policy allows the " + assumeRole + " action"
	}
	byName, byAccount := r, r
	byName.Principal = policy.Principals{"AWS": own}
	byAccount.Principal = policy.Principals{"AWS": slices.Concat(own, []string{who.account, arns.Root(who.account)})}
	switch iam.Trust(role, byAccount) {
	case policy.Refuses:
		return "with an explicit deny in the role trust policy"
	case policy.Silent:
		return "because no role trust policy allows the " + assumeRole + " action"
	}
	if who.role == nil {
		return ""
	}
	if who.account == role.Scope.Account && iam.Trust(role, byName) == policy.Permits {
		rights.Policies = append(rights.Policies, &policy.Policy{Statement: policy.Statements{{Effect: "Allow", Action: policy.Values{"*"}, Resource: policy.Values{"*"}}}})
	}
	return rights.Denial(r)
}

// assumeWithWebIdentity makes the holder of a token take on a role that trusts the token's issuer.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html
func (c *Callers) assumeWithWebIdentity(region string, o *roleOption) (principal, error) {
	name, err := o.check("assumeRoleWithWebIdentity", nanoseconds())
	if err != nil {
		return principal{}, err
	}
	token, err := o.token()
	if err != nil {
		return principal{}, err
	}
	fail := func(code, format string, args ...any) error {
		return cannotAssume(o.RoleARN, assumeRoleWithWebIdentity, cloud.Errorf(code, format, args...))
	}
	claims, err := c.Tokens.Verify(token)
	switch {
	case errors.Is(err, oidc.ErrMalformed):
		return principal{}, fail("InvalidIdentityToken", "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
	case err != nil:
		return principal{}, fail("InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider, please reference "+
			"AssumeRoleWithWebIdentity documentation for requirements")
	}
	account := arns.Account(o.RoleARN)
	var next principal
	c.Store.View(func(tx *cloud.Tx) {
		provider := identityProvider(tx, account, claims.Issuer)
		if provider == nil {
			err = fail("InvalidIdentityToken", "No OpenIDConnect provider found in your account for %s", claims.Issuer)
			return
		}
		clients, _ := provider.Inputs["clientIdLists"].([]any)
		i := slices.IndexFunc(claims.Audience, func(a string) bool { return slices.Contains(clients, any(a)) })
		if i < 0 {
			err = fail("InvalidIdentityToken", "Incorrect token audience")
			return
		}
		if now := time.Now(); !now.Before(claims.Expires) {
			err = fail("ExpiredTokenException", "Token expired: current date/time %d must be before the expiration date/time %d", now.Unix(), claims.Expires.Unix())
			return
		}
		role := identity.RoleByARN(tx, o.RoleARN)
		context := webIdentityKeys(claims, claims.Audience[i])
		maps.Copy(context, map[string]string{
			"aws:resourceaccount": account, "aws:requestedregion": region, "aws:securetransport": "true", "sts:rolesessionname": name,
		})
		if role == nil || iam.Trust(role, policy.Request{
			Action: assumeRoleWithWebIdentity, Principal: policy.Principals{"Federated": {iam.OpenIDConnectProvider.Outputs(provider).ARN}}, Context: context,
		}) != policy.Permits {
			err = fail("AccessDenied", "Not authorized to perform %s", assumeRoleWithWebIdentity)
			return
		}
		if refusal := o.tooLong(role, false); refusal != nil {
			err = cannotAssume(o.RoleARN, assumeRoleWithWebIdentity, refusal)
			return
		}
		next = sessionOf(account, role, name)
	})
	return next, err
}

// webIdentityKeys are the condition keys that a token's claims become.
func webIdentityKeys(claims oidc.Claims, audience string) map[string]string {
	issuer := strings.ToLower(policy.IssuerHost(claims.Issuer))
	context := map[string]string{issuer + ":aud": audience, issuer + ":sub": claims.Subject}
	for _, name := range policy.IssuerClaims[issuer] {
		if value, ok := claims.Others[name]; ok {
			context[issuer+":"+name] = value
		}
	}
	return context
}

// identityProvider returns the account's provider for the issuer of tokens, or nil.
func identityProvider(tx *cloud.Tx, account, issuer string) *cloud.Resource {
	for _, r := range tx.List(cloud.Scope{Account: account}, iam.OpenIDConnectProviderToken) {
		if url, _ := r.Inputs["url"].(string); policy.IssuerHost(url) == policy.IssuerHost(issuer) {
			return r
		}
	}
	return nil
}

// sessionOf returns who has assumed the role.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns
func sessionOf(account string, role *cloud.Resource, name string) principal {
	if role == nil {
		return principal{account: account}
	}
	return principal{account: account, role: role, session: arns.Global("sts", account, "assumed-role/"+role.ID+"/"+name)}
}

func nanoseconds() string { return strconv.FormatInt(time.Now().UnixNano(), 10) }

// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html#API_AssumeRole_RequestParameters
var sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)

// check finds what the provider would refuse before it calls STS, or what the local cloud does not model, and returns the name of the
// session. The option is its name in messages.
func (o *roleOption) check(option, defaultName string) (string, error) {
	name := cmp.Or(o.SessionName, defaultName)
	switch {
	case !roleARN.MatchString(o.RoleARN):
		return "", fmt.Errorf("%s: %q is not a role's ARN", option, o.RoleARN)
	case !sessionName.MatchString(name):
		return "", fmt.Errorf(`%s.sessionName: %q is not a session's name: 2 to 64 of [\w+=,.@-]`, option, name)
	case o.Policy != "" || len(o.PolicyARNs) > 0:
		return "", check.Unimplemented(option + ".policy and policyArns, the policies of a session")
	case o.SourceIdentity != "":
		return "", check.Unimplemented(option + ".sourceIdentity")
	case len(o.Tags) > 0 || len(o.TransitiveTagKeys) > 0:
		return "", check.Unimplemented(option + ".tags and transitiveTagKeys, the tags of a session")
	}
	d, err := o.duration()
	if err != nil {
		return "", fmt.Errorf("%s.duration: %w", option, err)
	}
	if d != 0 && (d < 15*time.Minute || d > 12*time.Hour) {
		return "", fmt.Errorf("%s.duration: %s must be between 15 minutes (15m) and 12 hours (12h), inclusive", option, o.Duration)
	}
	return name, nil
}

// duration is the wanted length of the session; zero if the option does not give it.
func (o *roleOption) duration() (time.Duration, error) {
	if o.Duration == "" {
		return 0, nil
	}
	return time.ParseDuration(o.Duration)
}

// tooLong refuses a session that would last longer than the role allows, or than one that a role assumes may.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_terms-and-concepts.html
func (o *roleOption) tooLong(role *cloud.Resource, chained bool) *cloud.Error {
	d, _ := o.duration() // checked before
	switch {
	case chained && d > time.Hour:
		return cloud.Errorf("ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	case d > time.Duration(iam.Role.Inputs(role).MaxSessionDuration)*time.Second:
		return cloud.Errorf("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	return nil
}

// maxToken is more than any token has that STS accepts.
const maxToken = 20000

// token returns the web identity token.
func (o *roleOption) token() (string, error) {
	const option = "assumeRoleWithWebIdentity"
	switch {
	case (o.WebIdentityToken == "") == (o.WebIdentityTokenFile == ""):
		return "", fmt.Errorf("%s: give one of webIdentityToken and webIdentityTokenFile", option)
	case o.WebIdentityToken != "":
		return strings.TrimSpace(o.WebIdentityToken), nil
	case !filepath.IsAbs(o.WebIdentityTokenFile):
		return "", fmt.Errorf("%s.webIdentityTokenFile: %s is relative, and the local cloud runs in another folder", option, o.WebIdentityTokenFile)
	}
	info, err := os.Stat(o.WebIdentityTokenFile)
	if err != nil {
		return "", fmt.Errorf("%s.webIdentityTokenFile: %w", option, err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxToken {
		return "", fmt.Errorf("%s.webIdentityTokenFile: %s is not the file of a token", option, o.WebIdentityTokenFile)
	}
	text, err := os.ReadFile(o.WebIdentityTokenFile)
	if err != nil {
		return "", fmt.Errorf("%s.webIdentityTokenFile: %w", option, err)
	}
	return strings.TrimSpace(string(text)), nil
}
