package permissions

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

const testProvider = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"

// claims are what GitHub says in a token, of what STS compares ("Available keys for AWS OIDC federation" in the IAM user guide).
type claims map[string]string

// assumes reports whether a token with the claims gets a role by its trust policy.
func (d Document) assumes(claims claims) bool {
	const role = "the role itself" // which a trust policy does not name
	context := make(map[string]string)
	for claim, value := range claims {
		context[GitHub+":"+claim] = value
	}
	for i := range d {
		d[i].Resource = []string{role}
	}
	return d.allows(request{"sts:AssumeRoleWithWebIdentity", role, context})
}

func TestTrust(t *testing.T) {
	t.Parallel()
	const (
		head      = `{"Version":"2012-10-17","Statement":[`
		statement = `{"Sid":"%s","Effect":"Allow","Principal":{"Federated":["` + testProvider + `"]},"Action":["sts:AssumeRoleWithWebIdentity"],` +
			`"Condition":{"StringEquals":{"token.actions.githubusercontent.com:aud":["sts.amazonaws.com"],%s"token.actions.githubusercontent.com:sub":[%s]}}}`
		onMain = `"token.actions.githubusercontent.com:ref":["refs/heads/main"],`
	)
	for name, test := range map[string]struct {
		document Document
		want     string
	}{
		"pull requests": {
			TrustPullRequests(testProvider, "example/hello"),
			fmt.Sprintf(statement, "PullRequests", "", `"repo:example/hello:pull_request"`),
		},
		"pull requests and an environment": {
			TrustPullRequests(testProvider, "example/hello", "preview"),
			fmt.Sprintf(statement, "PullRequests", "", `"repo:example/hello:pull_request"`) + "," +
				fmt.Sprintf(statement, "GitHub", onMain, `"repo:example/hello:environment:preview"`),
		},
		"main": {
			TrustMain(testProvider, "example/hello", []string{"dev", "qa"}, nil),
			fmt.Sprintf(statement, "GitHub", onMain, `"repo:example/hello:environment:dev","repo:example/hello:environment:qa"`),
		},
		"every branch": {
			TrustEveryBranch(testProvider, "example/hello", "pr"),
			fmt.Sprintf(statement, "GitHub", "", `"repo:example/hello:environment:pr"`),
		},
		"people": {
			TrustMain(testProvider, "example@1/hello@2", []string{"prod"}, []string{"arn:aws:iam::123456789012:role/admin"}),
			fmt.Sprintf(statement, "GitHub", onMain, `"repo:example@1/hello@2:environment:prod"`) +
				`,{"Sid":"People","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::123456789012:role/admin"]},"Action":["sts:AssumeRole"]}`,
		},
	} {
		if got, want := test.document.JSON(), head+test.want+"]}"; got != want {
			t.Errorf("%s: %s\nwant %s", name, got, want)
		}
	}
}

func TestTrustRefuses(t *testing.T) {
	t.Parallel()
	deploy := func() Document { return TrustMain(testProvider, "example/hello", []string{"dev", "qa"}, nil) }
	branches := func() Document { return TrustEveryBranch(testProvider, "example/hello", "pr") }
	preview := func() Document { return TrustPullRequests(testProvider, "example/hello", "preview") }
	const branch, pull, tag = "refs/heads/mine", "refs/pull/7/merge", "refs/tags/v1"
	type roles struct{ deploy, branches, preview bool }
	for _, test := range []struct {
		subject, ref string
		want         roles
	}{
		{"repo:example/hello:environment:dev", Main, roles{deploy: true}},
		{"repo:example/hello:environment:qa", Main, roles{deploy: true}},
		{"repo:example/hello:environment:preview", Main, roles{preview: true}},
		{"repo:example/hello:environment:pr", Main, roles{branches: true}},
		{"repo:example/hello:environment:pr", pull, roles{branches: true}},
		{"repo:example/hello:pull_request", pull, roles{preview: true}},

		// An environment without rules, of a plan that has none, or made anew, lets every branch in.
		{"repo:example/hello:environment:dev", branch, roles{}},
		{"repo:example/hello:environment:dev", pull, roles{}},
		{"repo:example/hello:environment:dev", tag, roles{}},
		{"repo:example/hello:environment:dev", "refs/heads/main2", roles{}},
		{"repo:example/hello:environment:dev", "refs/tags/main", roles{}},
		{"repo:example/hello:environment:dev", "main", roles{}},
		{"repo:example/hello:environment:dev", "", roles{}},
		{"repo:example/hello:environment:preview", branch, roles{}},
		{"repo:example/hello:environment:preview", pull, roles{}},

		{"repo:example/hello:environment:prod", Main, roles{}},
		{"repo:example/hello:environment:dev2", Main, roles{}},
		{"repo:example/hello:environment:DEV", Main, roles{}},
		{"repo:example/hello:environment:dev:pull_request", Main, roles{}},
		{"repo:example/hello:ref:refs/heads/main", Main, roles{}},
		{"repo:example/hello:ref:refs/heads/environment:dev", Main, roles{}},
		{"repo:example/hello:ref:refs/tags/v1", tag, roles{}},
		{"repo:example/hello", Main, roles{}},
		{"repo:example/hello:*", Main, roles{}},
		{"repo:example/hello-2:environment:dev", Main, roles{}},
		{"repo:example/hello-2:pull_request", pull, roles{}},
		{"repo:evil/hello:environment:dev", Main, roles{}},
		{"repo:evil/hello:pull_request", pull, roles{}},
		{"repo:example@1/hello@2:environment:dev", Main, roles{}},
		{"repo:evil/x:environment:repo:example/hello:env:dev", Main, roles{}},
		{"job_workflow_ref:example/hello/.github/workflows/ci", Main, roles{}},
		{"", Main, roles{}},
	} {
		got := func(audience string) roles {
			c := claims{"aud": audience, "sub": test.subject, "ref": test.ref}
			return roles{deploy().assumes(c), branches().assumes(c), preview().assumes(c)}
		}
		if got := got(Audience); got != test.want {
			t.Errorf("%q on %q gets %+v, not %+v", test.subject, test.ref, got, test.want)
		}
		if got := got("https://github.com/example"); got != (roles{}) {
			t.Errorf("a token for somebody else with subject %q gets %+v", test.subject, got)
		}
	}
	if deploy().assumes(claims{"aud": Audience, "sub": "repo:example/hello:environment:dev"}) {
		t.Error("a token that does not say of which branch it is gets the deploy role")
	}
}

// Only the subjects of the repository's environments get the role, whatever the names.
func TestTrustProperties(t *testing.T) {
	t.Parallel()
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
		ref := rapid.SampledFrom([]string{Main, "refs/heads/mine", "refs/heads/main/x", "refs/pull/7/merge"}).Draw(t, "ref")
		got := TrustMain(testProvider, repository, environments, nil).assumes(
			claims{"aud": Audience, "sub": "repo:" + other + ":environment:" + environment, "ref": ref})
		if want = want && ref == Main; got != want {
			t.Fatalf("%s in %s on %s, with %s and %v trusted: %v", environment, other, ref, repository, environments, got)
		}
	})
}

// A role's trust policy has a quota of its own, of 2,048 characters.
func TestTrustFits(t *testing.T) {
	t.Parallel()
	var environments []string
	for i := range 20 {
		environments = append(environments, fmt.Sprintf("production-eu-central-%d", i))
	}
	if n := len(TrustMain(testProvider, "an-organization/a-repository", environments, nil).JSON()); n > 2048 {
		t.Errorf("trust in %d environments has %d characters", len(environments), n)
	}
}
