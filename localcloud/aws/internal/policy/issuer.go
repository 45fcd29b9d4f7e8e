package policy

import (
	"strings"
)

// GitHub is how policies name the issuer of the tokens of GitHub's jobs.
const GitHub = "token.actions.githubusercontent.com"

// IssuerClaims are the claims that STS turns into condition keys, by issuer, in addition to those of every issuer: aud and sub.
// Policies do not see a token's other claims.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
// https://aws.amazon.com/about-aws/whats-new/2026/01/aws-sts-supports-validation-identity-provider-claims/
var IssuerClaims = map[string][]string{
	GitHub: {"actor", "actor_id", "enterprise_id", "environment", "job_workflow_ref", "ref", "repository", "repository_id", "workflow"},
}

// issuerKeys are the condition keys that are made of issuers' claims.
func issuerKeys() []string {
	keys := []string{"*:aud", "*:sub"}
	for issuer, names := range IssuerClaims {
		for _, name := range names {
			keys = append(keys, issuer+":"+name)
		}
	}
	return keys
}

// IssuerHost is how policies and ARNs name an issuer of tokens: its URL without the scheme.
func IssuerHost(url string) string {
	return strings.TrimSuffix(strings.TrimPrefix(url, "https://"), "/")
}
