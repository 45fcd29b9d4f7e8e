package iam

import (
	"crypto/sha1" //nolint:gosec // what IAM's thumbprints are
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/policy"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/aws/internal/untyped"
	"slipway/localcloud/cloud"
)

// OpenIDConnectProviderToken is the token of the kind.
const OpenIDConnectProviderToken = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"

type openIDConnectProvider struct {
	URL             string    `json:"url"`
	ClientIDLists   []string  `json:"clientIdLists"`
	ThumbprintLists []string  `json:"thumbprintLists"`
	Tags            tags.Tags `json:"tags"`
}

type openIDConnectProviderOutputs struct {
	ARN             string   `json:"arn"`
	URL             string   `json:"url"`
	ThumbprintLists []string `json:"thumbprintLists"`
}

// follow fills in what follows from the inputs.
func (out *openIDConnectProviderOutputs) follow(in *openIDConnectProvider) {
	out.URL, _ = withoutScheme(in.URL).(string)
	if len(in.ThumbprintLists) == 0 {
		out.ThumbprintLists = []string{thumbprint(out.URL)}
	}
}

// OpenIDConnectProvider is an identity provider that the account's roles may trust. An account has one for each URL.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html
var OpenIDConnectProvider = &cloud.Kind[openIDConnectProvider, openIDConnectProviderOutputs]{
	Spec: cloud.Spec{
		Token:    OpenIDConnectProviderToken,
		Label:    "IAM OIDC Provider",
		Import:   cloud.ByID,
		Drift:    cloud.Drift{Change: cloud.Map{"clientIdLists": []any{"by-hand"}}, Serves: true, ServesWithout: true},
		Derived:  tags.All,
		Needs:    openIDConnectProviderNeeds,
		Global:   true,
		Replace:  []string{"url"},
		Computed: []string{"thumbprintLists"},
		Sets:     []string{"clientIdLists"},
		Normal:   map[string]func(any) any{"url": withoutScheme},
		Latency:  cloud.Latency{Create: 1, Delete: 1},
		NotFound: check.NotFound("NoSuchEntity", "OpenIDConnect Provider not found for arn %s"),
	},
	Check: func(in *openIDConnectProvider) []cloud.Failure {
		var failures []cloud.Failure
		fail := func(property, format string, args ...any) {
			failures = append(failures, cloud.Failure{Property: property, Reason: fmt.Sprintf(format, args...)})
		}
		switch u, err := url.Parse(in.URL); {
		case in.URL == "":
		case err != nil:
			fail("url", `"url" has to be a valid URL`)
		case u.Scheme != "https":
			fail("url", `"url" has to use HTTPS scheme (i.e. begin with https://)`)
		case len(u.Query()) > 0:
			fail("url", `"url" cannot contain query parameters per the OIDC standard`)
		}
		for i, id := range in.ClientIDLists {
			if len(id) > 255 {
				fail(fmt.Sprintf("clientIdLists[%d]", i), "expected length of client_id_list to be in the range (1 - 255), got %s", id)
			}
		}
		for i, t := range in.ThumbprintLists {
			if t != "" && len(t) != 40 {
				fail(fmt.Sprintf("thumbprintLists[%d]", i), "expected length of thumbprint_list to be in the range (40 - 40), got %s", t)
			}
		}
		return failures
	},
	Rules: func(_ *cloud.Call, in *openIDConnectProvider) error {
		// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
		if len(in.ClientIDLists) > 100 {
			return cloud.Errorf("LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100")
		}
		if len(in.ThumbprintLists) > 5 {
			return cloud.Errorf("LimitExceeded", "Thumbprint list must contain fewer than 5 entries.")
		}
		return nil
	},
	Create: func(c *cloud.Call, in *openIDConnectProvider, out *openIDConnectProviderOutputs) (string, error) {
		out.follow(in)
		if strings.Trim(out.URL, "/") == "" {
			return "", cloud.Errorf("ValidationError", "Invalid Open ID Connect Provider URL")
		}
		out.ARN = arns.Global("iam", c.Caller.Scope.Account, "oidc-provider/"+out.URL)
		if c.Find(cloud.Ref{Token: OpenIDConnectProviderToken, Value: out.ARN}) != nil {
			return "", cloud.Errorf("EntityAlreadyExists", "Provider with url https://%s already exists.", out.URL)
		}
		return out.ARN, nil
	},
	Update: func(_ *cloud.Call, in *openIDConnectProvider, out *openIDConnectProviderOutputs) error {
		out.follow(in)
		return nil
	},
}

var openIDConnectProviderNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		name := o.IAM("oidc-provider/" + policy.IssuerHost(o.Text("url")))
		o.Creates("iam:CreateOpenIDConnectProvider", name, name, "iam:TagOpenIDConnectProvider", "")
	},
	Read: func(o *permission.Operation) { o.Own("iam:GetOpenIDConnectProvider") },
	Update: func(o *permission.Operation) {
		if o.Changes("thumbprintLists") {
			o.Own("iam:UpdateOpenIDConnectProviderThumbprint")
		}
		was, want := untyped.List(o.Old.Inputs["clientIdLists"]), untyped.List(o.Resource.Inputs["clientIdLists"])
		if len(without(want, was)) > 0 {
			o.Own("iam:AddClientIDToOpenIDConnectProvider")
		}
		if len(without(was, want)) > 0 {
			o.Own("iam:RemoveClientIDFromOpenIDConnectProvider")
		}
		o.Retags("iam:TagOpenIDConnectProvider", "iam:UntagOpenIDConnectProvider")
	},
	Delete: func(o *permission.Operation) { o.Own("iam:DeleteOpenIDConnectProvider") },
}

// withoutScheme is a provider's URL as IAM has it.
func withoutScheme(v any) any {
	if s, ok := v.(string); ok {
		return strings.TrimPrefix(s, "https://")
	}
	return v
}

// thumbprint replaces the one that IAM takes from the provider's certificates if the program gives none: the local cloud makes no call,
// and derives one from the host.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html
func thumbprint(host string) string {
	sum := sha1.Sum([]byte(host)) //nolint:gosec // nothing depends on it
	return hex.EncodeToString(sum[:])
}
