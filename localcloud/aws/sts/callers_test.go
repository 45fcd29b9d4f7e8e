package sts_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/identity"
	"slipway/localcloud/aws/internal/policy"
	"slipway/localcloud/aws/sts"
	"slipway/localcloud/cloud"
	"slipway/localcloud/oidc"
)

const (
	githubURL = "https://token.actions.githubusercontent.com"
	devJob    = "repo:octo/app:environment:dev"
	deploy    = "arn:aws:iam::111111111111:role/ci/deploy"
)

// elsewhere is the root of another account than the one that tests work in.
var elsewhere = cloud.Caller{Scope: cloud.Scope{Account: "111111111111", Region: "eu-central-1"}}

func assuming(arns ...string) cloud.Map {
	roles := []any{}
	for _, a := range arns {
		roles = append(roles, cloud.Map{"roleArn": a})
	}
	return cloud.Map{"region": "eu-central-1", "assumeRoles": roles}
}

func allowAssume(principal, rest string) string {
	return `{"Effect":"Allow","Action":"sts:AssumeRole","Principal":` + principal + rest + `}`
}

func TestWhoseAccount(t *testing.T) {
	callers := awstest.New(t).Callers()
	with := func(option string, v any) cloud.Map { return cloud.Map{"region": "eu-central-1", option: v} }
	role := func(more cloud.Map) cloud.Map {
		m := cloud.Map{"roleArn": "arn:aws:iam::123456789012:role/deploy"}
		for k, v := range more {
			m[k] = v
		}
		return with("assumeRole", m)
	}
	for _, test := range []struct {
		config  cloud.Map
		account string
		words   string
	}{
		{config: cloud.Map{"region": "eu-central-1"}, account: sts.DefaultAccount},
		{config: role(nil), account: "123456789012"},
		{config: assuming("arn:aws:iam::123456789012:role/a", "arn:aws:iam::210987654321:role/b"), account: "210987654321"},
		{config: with("assumeRole", cloud.Map{}), account: sts.DefaultAccount},
		{config: cloud.Map{"region": "eu-central-1", "allowedAccountIds": []any{sts.DefaultAccount}, "forbiddenAccountIds": []any{"1"}}, account: sts.DefaultAccount},
		{config: with("allowedAccountIds", []any{"1"}), words: "AWS account ID not allowed: " + sts.DefaultAccount},
		{config: with("allowedAccountIds", []any{123456789012.0}), words: "AWS account ID not allowed: " + sts.DefaultAccount},
		{config: with("forbiddenAccountIds", []any{sts.DefaultAccount}), words: "AWS account ID not allowed: " + sts.DefaultAccount},
		{config: cloud.Map{"region": "eu-central-1", "endpoints": []any{}, "ignoreTags": cloud.Map{"keys": []any{}}}, account: sts.DefaultAccount},
		{config: with("endpoints", []any{cloud.Map{"ec2": "http://localhost"}}), words: "provider option endpoints"},
		{config: with("ignoreTags", cloud.Map{"keys": []any{"a"}}), words: "provider option ignoreTags"},
		{config: cloud.Map{}, words: "pulumi config set aws:region"},
		{config: cloud.Map{"region": "mars-1"}, words: "mars-1"},
		{config: with("assumeRole", cloud.Map{"roleArn": "deploy"}), words: `"deploy" is not a role's ARN`},
		{config: role(cloud.Map{"sessionName": "a b"}), words: `"a b" is not a session's name`},
		{config: role(cloud.Map{"duration": "soon"}), words: `assumeRole.duration: time: invalid duration "soon"`},
		{config: role(cloud.Map{"duration": "5m"}), words: "5m must be between 15 minutes (15m) and 12 hours (12h)"},
		{config: role(cloud.Map{"policy": "{}"}), words: "assumeRole.policy and policyArns, the policies of a session: not modelled"},
		{config: role(cloud.Map{"tags": cloud.Map{"a": "b"}}), words: "assumeRole.tags and transitiveTagKeys, the tags of a session: not modelled"},
		{config: role(cloud.Map{"sourceIdentity": "me"}), words: "assumeRole.sourceIdentity: not modelled"},
	} {
		who, err := callers.Caller(test.config)
		if test.words == "" && (err != nil || who.Scope.Account != test.account || who.Identity != "") {
			t.Errorf("caller of %v: %v, %v", test.config, who, err)
		}
		if test.words != "" && (err == nil || !strings.Contains(err.Error(), test.words)) {
			t.Errorf("caller of %v: %v, want an error with %q", test.config, err, test.words)
		}
	}
}

// A role that is there is assumed only if it trusts who asks.
func TestTrust(t *testing.T) {
	const (
		root   = `{"AWS":"arn:aws:iam::000000000000:root"}`
		denied = "User: arn:aws:iam::000000000000:root is not authorized to perform: sts:AssumeRole on resource: " + deploy
		silent = denied + " because no role trust policy allows the sts:AssumeRole action"
	)
	for name, test := range map[string]struct {
		trust  string
		option cloud.Map
		words  string
	}{
		"the account":           {trust: allowAssume(root, "")},
		"its number":            {trust: allowAssume(`{"AWS":"000000000000"}`, "")},
		"everybody":             {trust: allowAssume(`{"AWS":"*"}`, "")},
		"a service":             {trust: allowAssume(`{"Service":"ecs-tasks.amazonaws.com"}`, ""), words: silent},
		"another account":       {trust: allowAssume(`{"AWS":"222222222222"}`, ""), words: silent},
		"web identities":        {trust: `{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":` + root + `}`, words: silent},
		"nobody of the account": {trust: allowAssume(root, "") + `,{"Effect":"Deny","Action":"sts:*","Principal":` + root + `}`, words: denied + " with an explicit deny in the role trust policy"},
		"a secret word": {
			trust: allowAssume(root, `,"Condition":{"StringEquals":{"sts:ExternalId":"sesame"}}`), option: cloud.Map{"externalId": "sesame"},
		},
		"another word":      {trust: allowAssume(root, `,"Condition":{"StringEquals":{"sts:ExternalId":"sesame"}}`), option: cloud.Map{"externalId": "rice"}, words: silent},
		"no word":           {trust: allowAssume(root, `,"Condition":{"StringEquals":{"sts:ExternalId":"sesame"}}`), words: silent},
		"a session's name":  {trust: allowAssume(root, `,"Condition":{"StringLike":{"sts:RoleSessionName":"ci-*"}}`), option: cloud.Map{"sessionName": "ci-7"}},
		"another name":      {trust: allowAssume(root, `,"Condition":{"StringLike":{"sts:RoleSessionName":"ci-*"}}`), option: cloud.Map{"sessionName": "me"}, words: silent},
		"an hour and more":  {trust: allowAssume(root, ""), option: cloud.Map{"duration": "90m"}, words: "ValidationError: The requested DurationSeconds exceeds the MaxSessionDuration set for this role."},
		"the longest there": {trust: allowAssume(root, ""), option: cloud.Map{"duration": "1h"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := awstest.New(t, iam.Kinds()...)
			c.As(elsewhere, identity.RoleToken, cloud.Map{"name": "deploy", "path": "/ci/", "assumeRolePolicy": awstest.TrustOf(test.trust)})
			option := cloud.Map{"roleArn": deploy}
			for k, v := range test.option {
				option[k] = v
			}
			who, err := c.Callers().Caller(cloud.Map{"region": "eu-central-1", "assumeRole": option})
			switch {
			case test.words == "" && err != nil:
				t.Fatal(err)
			case test.words == "":
				if !strings.HasPrefix(who.Identity, "arn:aws:sts::111111111111:assumed-role/deploy/") || who.Scope.Account != "111111111111" {
					t.Errorf("assumed: %+v", who)
				}
			case err == nil || !strings.Contains(err.Error(), test.words) || !strings.Contains(err.Error(), "operation error STS: AssumeRole, api error"):
				t.Errorf("assumed: %v, want %q", err, test.words)
			}
		})
	}
}

// From one role to the next: the second must trust the first, and what the first may do must include it wherever the trust is in
// an account as a whole, or comes from another one.
func TestChain(t *testing.T) {
	const first, second, far = "arn:aws:iam::111111111111:role/first", "arn:aws:iam::111111111111:role/second", "arn:aws:iam::222222222222:role/second"
	may := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}`
	mayNot := strings.Replace(may, "Allow", "Deny", 1)
	byAccount, byName := `{"AWS":"111111111111"}`, `{"AWS":"`+first+`"}`
	for name, test := range map[string]struct {
		to, trusts, policy, boundary string
		words                        string
	}{
		"by name, in the account":               {to: second, trusts: byName},
		"by name, against the policies":         {to: second, trusts: byName, policy: mayNot, words: "with an explicit deny in an identity-based policy"},
		"by name, beyond the boundary":          {to: second, trusts: byName, boundary: awstest.ForTasks, words: "because no permissions boundary allows the sts:AssumeRole action"},
		"by account, without a policy":          {to: second, trusts: byAccount, words: "because no identity-based policy allows the sts:AssumeRole action"},
		"by account, with a policy":             {to: second, trusts: byAccount, policy: may},
		"from another account, without policy":  {to: far, trusts: byName, words: "because no identity-based policy allows the sts:AssumeRole action"},
		"from another account, with a policy":   {to: far, trusts: byName, policy: may},
		"not trusted":                           {to: second, trusts: `{"AWS":"222222222222"}`, policy: may, words: "because no role trust policy allows the sts:AssumeRole action"},
		"to a role that is not there":           {to: "arn:aws:iam::333333333333:role/none", trusts: byName, policy: may, words: "is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::333333333333:role/none"},
		"by the session alone, in the account":  {to: second, trusts: `{"AWS":"*"}`, words: ""},
		"by everybody's name, of another place": {to: far, trusts: `{"AWS":"*"}`, words: "because no identity-based policy allows the sts:AssumeRole action"},
	} {
		t.Run(name, func(t *testing.T) {
			c := awstest.New(t, iam.Kinds()...)
			in := cloud.Map{"name": "first", "assumeRolePolicy": awstest.TrustOf(allowAssume(`{"AWS":"000000000000"}`, ""))}
			if test.boundary != "" {
				in["permissionsBoundary"] = test.boundary
			}
			c.As(elsewhere, identity.RoleToken, in)
			if test.policy != "" {
				c.As(elsewhere, iam.RolePolicyToken, cloud.Map{"name": "p", "role": "first", "policy": test.policy})
			}
			place := elsewhere
			place.Scope.Account = arns.Account(test.to)
			if test.to == second || test.to == far {
				c.As(place, identity.RoleToken, cloud.Map{"name": "second", "assumeRolePolicy": awstest.TrustOf(allowAssume(test.trusts, ""))})
			}
			who, err := c.Callers().Caller(assuming(first, test.to))
			if test.words == "" && (err != nil || !strings.Contains(who.Identity, ":assumed-role/second/")) {
				t.Errorf("assumed: %+v, %v", who, err)
			}
			if test.words != "" && (err == nil || !strings.Contains(err.Error(), test.words) ||
				!strings.Contains(err.Error(), "User: arn:aws:sts::111111111111:assumed-role/first/")) {
				t.Errorf("assumed: %v, want %q", err, test.words)
			}
		})
	}
	c := awstest.New(t, iam.Kinds()...)
	c.As(elsewhere, identity.RoleToken, cloud.Map{"name": "first", "maxSessionDuration": 7200.0, "assumeRolePolicy": awstest.TrustOf(allowAssume(`{"AWS":"000000000000"}`, ""))})
	c.As(elsewhere, identity.RoleToken, cloud.Map{"name": "second", "maxSessionDuration": 7200.0, "assumeRolePolicy": awstest.TrustOf(allowAssume(byName, ""))})
	config := assuming(first, second)
	config["assumeRoles"].([]any)[1].(cloud.Map)["duration"] = "2h"
	if _, err := c.Callers().Caller(config); err == nil || !strings.Contains(err.Error(), "exceeds the 1 hour session limit for roles assumed by role chaining") {
		t.Errorf("two hours by way of a role: %v", err)
	}
}

func TestWebIdentity(t *testing.T) {
	c := awstest.New(t, append(iam.Kinds(), iam.OpenIDConnectProvider)...)
	callers := c.Callers()
	strangers := c.Callers()
	provider := c.As(elsewhere, iam.OpenIDConnectProviderToken, cloud.Map{"url": githubURL, "clientIdLists": []any{"sts.amazonaws.com"}})
	federated := func(condition string) string {
		return awstest.TrustOf(`{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"` + provider.ID + `"},"Condition":{` + condition + `}}`)
	}
	const aud = `"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"`
	c.As(elsewhere, identity.RoleToken, cloud.Map{"name": "deploy", "path": "/ci/", "assumeRolePolicy": federated(aud + `,"token.actions.githubusercontent.com:sub":["repo:octo/app:environment:dev"]}`)})
	c.As(elsewhere, identity.RoleToken, cloud.Map{"name": "branches", "assumeRolePolicy": federated(aud + `},"StringLike":{"TOKEN.actions.githubusercontent.com:sub":"repo:octo/app:ref:*"}`)})
	const onMain = `,"token.actions.githubusercontent.com:sub":"repo:octo/app:environment:dev","token.actions.githubusercontent.com:ref":"refs/heads/main"}`
	c.As(elsewhere, identity.RoleToken, cloud.Map{"name": "main", "assumeRolePolicy": federated(aud + onMain)})
	for _, claim := range policy.IssuerClaims[policy.GitHub] {
		c.As(elsewhere, identity.RoleToken, cloud.Map{"name": "by-" + claim, "assumeRolePolicy": federated(aud + `,"token.actions.githubusercontent.com:` + claim + `":"mine"}`)})
	}
	c.As(elsewhere, identity.RoleToken, cloud.Map{"name": "other", "assumeRolePolicy": awstest.TrustOf(
		`{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"arn:aws:iam::111111111111:oidc-provider/example.com"}}`)})

	type claims = oidc.Claims
	valid := claims{Issuer: githubURL, Subject: devJob, Audience: []string{"sts.amazonaws.com"}, Expires: time.Now().Add(time.Minute)}
	change := func(f func(*claims)) claims {
		c := valid
		f(&c)
		return c
	}
	saying := func(others map[string]string) claims { return change(func(c *claims) { c.Others = others }) }
	const main = "arn:aws:iam::111111111111:role/main"
	type attempt struct {
		claims      claims
		by          *sts.Callers
		role        string
		code, words string
	}
	tests := map[string]attempt{
		"on main":              {claims: saying(map[string]string{"ref": "refs/heads/main"}), role: main},
		"on another branch":    {claims: saying(map[string]string{"ref": "refs/heads/mine"}), role: main, code: "AccessDenied", words: "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
		"on a pull request":    {claims: saying(map[string]string{"ref": "refs/pull/7/merge"}), role: main, code: "AccessDenied", words: "Not authorized"},
		"on a tag of the name": {claims: saying(map[string]string{"ref": "refs/tags/main"}), role: main, code: "AccessDenied", words: "Not authorized"},
		"on no branch":         {claims: valid, role: main, code: "AccessDenied", words: "Not authorized"},

		"valid":               {claims: valid},
		"two audiences":       {claims: change(func(c *claims) { c.Audience = []string{"me", "sts.amazonaws.com"} })},
		"of a pull request":   {claims: change(func(c *claims) { c.Subject = "repo:octo/app:pull_request" }), code: "AccessDenied", words: "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
		"of a fork":           {claims: change(func(c *claims) { c.Subject = "repo:mallory/app:environment:dev" }), code: "AccessDenied", words: "Not authorized"},
		"of a branch":         {claims: change(func(c *claims) { c.Subject = "repo:octo/app:ref:refs/heads/main" }), role: "arn:aws:iam::111111111111:role/branches"},
		"of no branch":        {claims: valid, role: "arn:aws:iam::111111111111:role/branches", code: "AccessDenied", words: "Not authorized"},
		"for another role":    {claims: valid, role: "arn:aws:iam::111111111111:role/other", code: "AccessDenied", words: "Not authorized"},
		"for no role":         {claims: valid, role: "arn:aws:iam::111111111111:role/none", code: "AccessDenied", words: "Not authorized"},
		"for another account": {claims: valid, role: "arn:aws:iam::222222222222:role/deploy", code: "InvalidIdentityToken", words: "No OpenIDConnect provider found in your account for " + githubURL},
		"of another issuer":   {claims: change(func(c *claims) { c.Issuer = "https://example.com" }), code: "InvalidIdentityToken", words: "No OpenIDConnect provider found in your account for https://example.com"},
		"for somebody else":   {claims: change(func(c *claims) { c.Audience = []string{"me"} }), code: "InvalidIdentityToken", words: "Incorrect token audience"},
		"expired":             {claims: change(func(c *claims) { c.Expires = time.Now().Add(-time.Second) }), code: "ExpiredTokenException", words: "Token expired: current date/time"},
		"forged":              {claims: valid, by: strangers, code: "InvalidIdentityToken", words: "Couldn't retrieve verification key"},
	}
	for _, claim := range policy.IssuerClaims[policy.GitHub] { // each for itself
		role := "arn:aws:iam::111111111111:role/by-" + claim
		tests["by "+claim] = attempt{claims: saying(map[string]string{claim: "mine"}), role: role}
		tests["by another "+claim] = attempt{claims: saying(map[string]string{claim: "yours", "other": "mine"}), role: role, code: "AccessDenied", words: "Not authorized"}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			signer, role := callers, deploy
			if test.by != nil {
				signer = test.by
			}
			if test.role != "" {
				role = test.role
			}
			token, err := signer.Tokens.Sign(test.claims)
			if err != nil {
				t.Fatal(err)
			}
			who, err := callers.Caller(cloud.Map{"region": "eu-central-1", "assumeRoleWithWebIdentity": cloud.Map{
				"roleArn": role, "webIdentityToken": token, "sessionName": "GitHubActions",
			}})
			if test.code != "" {
				c.Refused(err, test.code, test.words)
				if !strings.Contains(err.Error(), "operation error STS: AssumeRoleWithWebIdentity, api error") || strings.Contains(err.Error(), token) {
					t.Errorf("refused: %v", err)
				}
				return
			}
			_, name, _ := strings.Cut(role[strings.LastIndex(role, ":role")+1:], "/")
			want := "arn:aws:sts::111111111111:assumed-role/" + filepath.Base(name) + "/GitHubActions"
			if err != nil || who.Identity != want || who.Scope.Account != "111111111111" {
				t.Errorf("assumed: %+v, %v, want %s", who, err, want)
			}
		})
	}
}

// STS compares some of the claims of an issuer it knows, and no policy is taken that asks for others: on AWS it would let nobody in.
func TestClaimsThatAreNotCompared(t *testing.T) {
	for _, key := range []string{policy.GitHub + ":event_name", policy.GitHub + ":ref_type", "example.com:ref"} {
		c := awstest.New(t, append(iam.Kinds(), iam.OpenIDConnectProvider)...)
		_, err := c.Attempt(elsewhere, identity.RoleToken, cloud.Map{"name": "deploy", "assumeRolePolicy": awstest.TrustOf(
			`{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"arn:aws:iam::111111111111:oidc-provider/example.com"},` +
				`"Condition":{"StringEquals":{"` + key + `":"x"}}}`)})
		if !errors.Is(err, cloud.ErrUnimplemented) || !strings.Contains(err.Error(), "the condition key "+key+" of a policy") {
			t.Errorf("a role for %s: %v", key, err)
		}
	}
}

func TestWhereTheTokenIs(t *testing.T) {
	c := awstest.New(t, append(iam.Kinds(), iam.OpenIDConnectProvider)...)
	callers := c.Callers()
	c.As(elsewhere, iam.OpenIDConnectProviderToken, cloud.Map{"url": githubURL, "clientIdLists": []any{"sts.amazonaws.com"}})
	c.As(elsewhere, identity.RoleToken, cloud.Map{"name": "deploy", "path": "/ci/", "assumeRolePolicy": awstest.TrustOf(
		`{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com"}}`)})
	token, err := callers.Tokens.Sign(oidc.Claims{Issuer: githubURL, Subject: devJob, Audience: []string{"sts.amazonaws.com"}, Expires: time.Now().Add(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file, large := filepath.Join(dir, "token"), filepath.Join(dir, "large")
	for name, text := range map[string]string{file: token + "\n", large: strings.Repeat("x", sts.MaxToken+1)} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		option cloud.Map
		words  string
	}{
		{option: cloud.Map{"webIdentityTokenFile": file}},
		{option: cloud.Map{"webIdentityToken": token}},
		{cloud.Map{"webIdentityToken": token, "webIdentityTokenFile": file}, "give one of webIdentityToken and webIdentityTokenFile"},
		{cloud.Map{}, "give one of webIdentityToken and webIdentityTokenFile"},
		{cloud.Map{"webIdentityTokenFile": "token"}, "token is relative"},
		{cloud.Map{"webIdentityTokenFile": filepath.Join(dir, "none")}, "no such file"},
		{cloud.Map{"webIdentityTokenFile": dir}, "is not the file of a token"},
		{cloud.Map{"webIdentityTokenFile": large}, "is not the file of a token"},
		{cloud.Map{"webIdentityToken": "not.a.jwt"}, "The ID Token provided is not a valid JWT"},
	} {
		test.option["roleArn"] = deploy
		_, err := callers.Caller(cloud.Map{"region": "eu-central-1", "assumeRoleWithWebIdentity": test.option})
		if test.words == "" && err != nil || test.words != "" && (err == nil || !strings.Contains(err.Error(), test.words)) {
			t.Errorf("%v, want %q", err, test.words)
		}
	}
}

// The pipeline's way into a further account: by its token into one role, and on into the next.
func TestWebIdentityFirst(t *testing.T) {
	c := awstest.New(t, append(iam.Kinds(), iam.OpenIDConnectProvider)...)
	callers := c.Callers()
	c.As(elsewhere, iam.OpenIDConnectProviderToken, cloud.Map{"url": githubURL, "clientIdLists": []any{"sts.amazonaws.com"}})
	c.As(elsewhere, identity.RoleToken, cloud.Map{"name": "deploy", "path": "/ci/", "assumeRolePolicy": awstest.TrustOf(
		`{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com"}}`)})
	c.As(elsewhere, iam.RolePolicyToken, cloud.Map{"name": "on", "role": "deploy", "policy": awstest.TrustOf(`{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::222222222222:role/next"}`)})
	far := elsewhere
	far.Scope.Account = "222222222222"
	c.As(far, identity.RoleToken, cloud.Map{"name": "next", "assumeRolePolicy": awstest.TrustOf(allowAssume(`{"AWS":"`+deploy+`"}`, ""))})
	token, err := callers.Tokens.Sign(oidc.Claims{Issuer: githubURL, Subject: devJob, Audience: []string{"sts.amazonaws.com"}, Expires: time.Now().Add(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	config := assuming("arn:aws:iam::222222222222:role/next")
	config["assumeRoleWithWebIdentity"] = cloud.Map{"roleArn": deploy, "webIdentityToken": token}
	who, err := callers.Caller(config)
	if err != nil || who.Scope.Account != "222222222222" || !strings.HasPrefix(who.Identity, "arn:aws:sts::222222222222:assumed-role/next/") {
		t.Errorf("assumed: %+v, %v", who, err)
	}
}
