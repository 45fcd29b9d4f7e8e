package permissions

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

const testProvider = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"

// assumes reports whether a token with the claims gets a role by its trust policy.
func (d Document) assumes(audience, subject string) bool {
	const role = "the role itself" // which a trust policy does not name
	for i := range d {
		d[i].Resource = []string{role}
	}
	return d.allows(request{"sts:AssumeRoleWithWebIdentity", role, map[string]string{GitHub + ":aud": audience, GitHub + ":sub": subject}})
}

func TestTrust(t *testing.T) {
	const statement = `{"Version":"2012-10-17","Statement":[{"Sid":"GitHub","Effect":"Allow","Principal":{"Federated":["` + testProvider + `"]},` +
		`"Action":["sts:AssumeRoleWithWebIdentity"],"Condition":{"StringEquals":{"token.actions.githubusercontent.com:aud":["sts.amazonaws.com"],` +
		`"token.actions.githubusercontent.com:sub":[%s]}}}`
	for name, test := range map[string]struct {
		document Document
		want     string
	}{
		"pull requests": {TrustPullRequests(testProvider, "example/hello"), fmt.Sprintf(statement, `"repo:example/hello:pull_request"`) + `]}`},
		"pull requests and an environment": {
			TrustPullRequests(testProvider, "example/hello", "preview"),
			fmt.Sprintf(statement, `"repo:example/hello:pull_request","repo:example/hello:environment:preview"`) + `]}`,
		},
		"environments": {
			TrustEnvironments(testProvider, "example/hello", []string{"dev", "pr"}, nil),
			fmt.Sprintf(statement, `"repo:example/hello:environment:dev","repo:example/hello:environment:pr"`) + `]}`,
		},
		"people": {
			TrustEnvironments(testProvider, "example@1/hello@2", []string{"prod"}, []string{"arn:aws:iam::123456789012:role/admin"}),
			fmt.Sprintf(statement, `"repo:example@1/hello@2:environment:prod"`) +
				`,{"Sid":"People","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::123456789012:role/admin"]},"Action":["sts:AssumeRole"]}]}`,
		},
	} {
		if got := test.document.JSON(); got != test.want {
			t.Errorf("%s: %s\nwant %s", name, got, test.want)
		}
	}
}

func TestTrustRefuses(t *testing.T) {
	deploy := func() Document { return TrustEnvironments(testProvider, "example/hello", []string{"dev", "pr"}, nil) }
	preview := func() Document { return TrustPullRequests(testProvider, "example/hello") }
	for subject, want := range map[string]struct{ deploy, preview bool }{
		"repo:example/hello:environment:dev":                  {deploy: true},
		"repo:example/hello:environment:pr":                   {deploy: true},
		"repo:example/hello:pull_request":                     {preview: true},
		"repo:example/hello:environment:prod":                 {},
		"repo:example/hello:environment:dev2":                 {},
		"repo:example/hello:environment:DEV":                  {},
		"repo:example/hello:environment:dev:pull_request":     {},
		"repo:example/hello:ref:refs/heads/main":              {},
		"repo:example/hello:ref:refs/heads/environment:dev":   {},
		"repo:example/hello:ref:refs/tags/v1":                 {},
		"repo:example/hello":                                  {},
		"repo:example/hello:*":                                {},
		"repo:example/hello-2:environment:dev":                {},
		"repo:example/hello-2:pull_request":                   {},
		"repo:evil/hello:environment:dev":                     {},
		"repo:evil/hello:pull_request":                        {},
		"repo:example@1/hello@2:environment:dev":              {},
		"repo:evil/x:environment:repo:example/hello:env:dev":  {},
		"job_workflow_ref:example/hello/.github/workflows/ci": {},
		"": {},
	} {
		if got := deploy().assumes(Audience, subject); got != want.deploy {
			t.Errorf("the deploy role for %q: %v", subject, got)
		}
		if got := preview().assumes(Audience, subject); got != want.preview {
			t.Errorf("the preview role for %q: %v", subject, got)
		}
		if deploy().assumes("https://github.com/example", subject) || preview().assumes("https://github.com/example", subject) {
			t.Errorf("a token for somebody else with subject %q gets a role", subject)
		}
	}
}

// Only the subjects of the repository's environments get the role, whatever the names.
func TestTrustProperties(t *testing.T) {
	name := rapid.StringMatching(`[a-z][a-z.*?-]{0,3}`)
	rapid.Check(t, func(t *rapid.T) {
		repository := name.Draw(t, "owner") + "/" + name.Draw(t, "name")
		environments := rapid.SliceOfNDistinct(name, 1, 3, rapid.ID).Draw(t, "environments")
		other := name.Draw(t, "other owner") + "/" + name.Draw(t, "other name")
		environment := name.Draw(t, "environment")

		want := false
		for _, e := range environments {
			want = want || repository == other && e == environment
		}
		got := TrustEnvironments(testProvider, repository, environments, nil).assumes(Audience, "repo:"+other+":environment:"+environment)
		if got != want {
			t.Fatalf("%s in %s, with %s and %v trusted: %v", environment, other, repository, environments, got)
		}
	})
}

// A role's trust policy has a quota of its own, of 2,048 characters.
func TestTrustFits(t *testing.T) {
	var environments []string
	for i := range 20 {
		environments = append(environments, fmt.Sprintf("production-eu-central-%d", i))
	}
	if n := len(TrustEnvironments(testProvider, "an-organization/a-repository", environments, nil).JSON()); n > 2048 {
		t.Errorf("trust in %d environments has %d characters", len(environments), n)
	}
}
