package main

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"slipway/internal/settings"
)

// source returns the config of a stack "dev" in the engine's form: the two required keys, and others.
func source(others ...string) settings.Source {
	s := settings.Source{Project: "slipway-bootstrap", Stack: "dev", Values: map[string]string{
		"aws:region":                     "eu-central-1",
		"slipway-bootstrap:repository":   "example/hello",
		"slipway-bootstrap:environments": `["dev","qa"]`,
	}}
	for i := 0; i < len(others); i += 2 {
		s.Values["slipway-bootstrap:"+others[i]] = others[i+1]
	}
	return s
}

func TestConfigs(t *testing.T) {
	for name, test := range map[string]struct {
		source settings.Source
		want   config
	}{
		"defaults": {source(), config{
			repository: "example/hello", environments: []string{"dev", "qa"}, keepImages: 100, stateBucket: true,
		}},
		"defaults of Pulumi.yaml": {
			source("images", "[]", "deployers", "[]", "pullAccounts", "[]", "pullRequests", "false", "keepImages", "100", "stateBucket", "true", "pullRequestsReachAllEnvironments", "false", "sharedStateBucket", "", "stateAccounts", "{}", "oidcProviderArn", ""),
			config{repository: "example/hello", environments: []string{"dev", "qa"}, keepImages: 100, stateBucket: true},
		},
		"a bucket that others use": {source("stateAccounts", `{"210987654321":["test","pr-*"],"000000000000":["prod-eu"]}`), config{
			repository: "example/hello", environments: []string{"dev", "qa"}, keepImages: 100, stateBucket: true,
			stateAccounts: map[string][]string{"210987654321": {"test", "pr-*"}, "000000000000": {"prod-eu"}},
		}},
		"another account's bucket": {source("sharedStateBucket", "slipway-state-0123456"), config{
			repository: "example/hello", environments: []string{"dev", "qa"}, keepImages: 100, stateBucket: true, sharedStateBucket: "slipway-state-0123456",
		}},
		"everything": {
			source("repository", "example@1/hello.go@23", "images", `["hello","team/api_v2"]`, "keepImages", "500", "pullAccounts", `["210987654321","000000000000"]`, "pullRequests", "true",
				"pullRequestsReachAllEnvironments", "true",
				"deployers", `["arn:aws:iam::210987654321:root","arn:aws-cn:iam::210987654321:role/people/admin"]`, "stateBucket", "false",
				"oidcProviderArn", "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"),
			config{
				repository: "example@1/hello.go@23", environments: []string{"dev", "qa"}, images: []string{"hello", "team/api_v2"}, keepImages: 500,
				pullAccounts: []string{"210987654321", "000000000000"}, pullRequests: true, reachAll: true,
				deployers:       []string{"arn:aws:iam::210987654321:root", "arn:aws-cn:iam::210987654321:role/people/admin"},
				oidcProviderARN: "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com",
			},
		},
	} {
		got, err := readConfig(test.source)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, want := fmt.Sprintf("%+v", *got), fmt.Sprintf("%+v", test.want); got != want {
			t.Errorf("%s: config is %s\nwant %s", name, got, want)
		}
	}
}

// Pull requests may only be in dev's account, unless the config explicitly allows more.
func TestPullRequestsBesideOthers(t *testing.T) {
	for _, test := range []struct {
		environments      string
		reachAll, refused bool
	}{
		{environments: `["dev"]`},
		{environments: `["Dev"]`},
		{environments: `["prod"]`, refused: true},
		{environments: `["dev","prod"]`, refused: true},
		{environments: `["dev","prod"]`, reachAll: true},
		{environments: `["dev"]`, reachAll: true, refused: true}, // not true
	} {
		_, err := readConfig(source("environments", test.environments, "pullRequests", "true", reachAllKey, fmt.Sprint(test.reachAll)))
		if (err != nil) != test.refused {
			t.Errorf("%+v: %v", test, err)
		}
	}
}

// Each of these configs is refused, by key.
func TestRefusedConfigs(t *testing.T) {
	for name, test := range map[string]struct {
		key, value string
		want       string
	}{
		"no repository":            {"repository", "", "slipway-bootstrap:repository: is missing"},
		"no owner":                 {"repository", "hello", `slipway-bootstrap:repository: "hello": must be owner/name`},
		"a URL":                    {"repository", "https://github.com/example/hello", "slipway-bootstrap:repository: "},
		"every repository":         {"repository", "example/*", "slipway-bootstrap:repository: "},
		"a subject":                {"repository", "example/hello:ref", "slipway-bootstrap:repository: "},
		"one id":                   {"repository", "example@1/hello", "slipway-bootstrap:repository: "},
		"no environments":          {"environments", "", "slipway-bootstrap:environments: is missing"},
		"empty environments":       {"environments", "[]", "slipway-bootstrap:environments: is missing"},
		"environments is text":     {"environments", "dev", "slipway-bootstrap:environments: is a string and must be a list of strings"},
		"environments are numbers": {"environments", "[1]", "slipway-bootstrap:environments[0]: is a number and must be a string"},
		"environment with a star":  {"environments", `["dev","*"]`, `slipway-bootstrap:environments[1]: "*": `},
		"environment with a colon": {"environments", `["dev:x"]`, "slipway-bootstrap:environments[0]: "},
		"environment is empty":     {"environments", `[""]`, "slipway-bootstrap:environments[0]: "},
		"environment for drift":    {"environments", `["dev","drift"]`, `slipway-bootstrap:environments[1]: "drift": is an environment without approvals: its jobs have the role slipway-drift`},
		"environment for Drift":    {"environments", `["Drift"]`, `slipway-bootstrap:environments[0]: "Drift": is an environment without approvals`},
		"environment for previews": {"environments", `["preview"]`, "its jobs have the role slipway-preview, and must not have slipway-deploy"},
		"environment for branches": {"environments", `["dev","pr"]`, "its jobs have the role slipway-pr, and must not have slipway-deploy"},
		"environment twice":        {"environments", `["dev","dev"]`, `slipway-bootstrap:environments[1]: "dev": is listed more than once`},
		"image in upper case":      {"images", `["Hello"]`, `slipway-bootstrap:images[0]: "Hello": `},
		"image of one letter":      {"images", `["h"]`, "slipway-bootstrap:images[0]: "},
		"image with a tag":         {"images", `["hello:1"]`, "slipway-bootstrap:images[0]: "},
		"image twice":              {"images", `["hello","hello"]`, "is listed more than once"},
		"few images":               {"keepImages", "9", "slipway-bootstrap:keepImages: 9: must be from 10 to 10000"},
		"many images":              {"keepImages", "10001", "slipway-bootstrap:keepImages: "},
		"half an image":            {"keepImages", "10.5", "slipway-bootstrap:keepImages: "},
		"account as a number":      {"pullAccounts", "[210987654321]", "slipway-bootstrap:pullAccounts[0]: is a number and must be a string"},
		"account too short":        {"pullAccounts", `["21098765432"]`, "slipway-bootstrap:pullAccounts[0]: "},
		"accounts without images":  {"pullAccounts", `["210987654321"]`, "slipway-bootstrap:pullAccounts: there are accounts that may pull images, and no images"},
		"everybody deploys":        {"deployers", `["*"]`, "slipway-bootstrap:deployers[0]: "},
		"a session deploys":        {"deployers", `["arn:aws:sts::123456789012:assumed-role/admin/me"]`, "slipway-bootstrap:deployers[0]: "},
		"pull requests beside qa": {"pullRequests", "true", "slipway-bootstrap:pullRequests: the code of pull requests, which is not reviewed, would reach everything of qa, which is in this account too " +
			`(docs/security.md, "What pull requests can get at"): give qa an account without them, or set pullRequestsReachAllEnvironments: true to let them`},
		"reach of no pull request": {reachAllKey, "true", "slipway-bootstrap:pullRequests: pullRequestsReachAllEnvironments is for an account with pullRequests and an environment other than dev"},
		"bucket's name":            {"stateBucket", "state", "slipway-bootstrap:stateBucket: is a string and must be true or false"},
		"bucket's URL":             {"sharedStateBucket", "s3://state", `slipway-bootstrap:sharedStateBucket: "s3://state": a bucket's name`},
		"state account":            {"stateAccounts", `{"dev":["dev"]}`, "slipway-bootstrap:stateAccounts.dev: an account's id"},
		"state accounts as a list": {"stateAccounts", `["210987654321"]`, "slipway-bootstrap:stateAccounts: is a list and must be an object"},
		"one stack as text":        {"stateAccounts", `{"210987654321":"dev"}`, "slipway-bootstrap:stateAccounts.210987654321: is a string and must be a list of strings"},
		"no stack":                 {"stateAccounts", `{"210987654321":[]}`, "slipway-bootstrap:stateAccounts.210987654321: is empty"},
		"null stacks":              {"stateAccounts", `{"210987654321":null}`, "slipway-bootstrap:stateAccounts.210987654321: is empty"},
		"every stack":              {"stateAccounts", `{"210987654321":["dev","*"]}`, `slipway-bootstrap:stateAccounts.210987654321[1]: "*": a stack's name is`},
		"prod among others":        {"stateAccounts", `{"210987654321":["pr*"]}`, `"pr*": a stack's name is letters, digits and hyphens here, the first a letter; a * comes last, after a hyphen: pr* would match prod too`},
		"stack with two stars":     {"stateAccounts", `{"210987654321":["pr-*-*"]}`, "slipway-bootstrap:stateAccounts.210987654321[0]: "},
		"stack with a star inside": {"stateAccounts", `{"210987654321":["pr-*-x"]}`, "slipway-bootstrap:stateAccounts.210987654321[0]: "},
		"stack with a folder":      {"stateAccounts", `{"210987654321":["dev/x"]}`, "slipway-bootstrap:stateAccounts.210987654321[0]: "},
		"stack with a dot":         {"stateAccounts", `{"210987654321":["dev.json"]}`, "slipway-bootstrap:stateAccounts.210987654321[0]: "},
		"stack twice":              {"stateAccounts", `{"210987654321":["dev","dev"]}`, `slipway-bootstrap:stateAccounts.210987654321[1]: "dev": is listed more than once`},
		"stack of two accounts": {
			"stateAccounts", `{"210987654321":["dev"],"000000000000":["dev"]}`,
			"slipway-bootstrap:stateAccounts: dev of account 000000000000 and dev of account 210987654321 can be the same stack",
		},
		"stack of two accounts, by pattern": {
			"stateAccounts", `{"210987654321":["pr-*"],"000000000000":["dev","pr-eu-*"]}`,
			"slipway-bootstrap:stateAccounts: pr-eu-* of account 000000000000 and pr-* of account 210987654321 can be the same stack",
		},
		"another provider": {"oidcProviderArn", "arn:aws:iam::123456789012:oidc-provider/example.com", "slipway-bootstrap:oidcProviderArn: "},
		"unknown key":      {"environment", "[]", "slipway-bootstrap:environment: unknown key; did you mean environments?"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := readConfig(source(test.key, test.value)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v\nwant an error with %q", err, test.want)
			}
		})
	}
}

// This account cannot share a bucket that it does not make.
func TestSharingNeedsABucket(t *testing.T) {
	for _, other := range [][]string{{"stateBucket", "false"}, {"sharedStateBucket", "state"}} {
		_, err := readConfig(source(append(other, "stateAccounts", `{"210987654321":["dev"]}`)...))
		if err == nil || !strings.Contains(err.Error(), "slipway-bootstrap:stateAccounts: there are accounts that may use the state's bucket, and none is made here") {
			t.Errorf("%v: %v", other, err)
		}
	}
}

// All problems are in one message, a line each.
func TestAllProblemsAtOnce(t *testing.T) {
	_, err := readConfig(source("repository", "", "environments", `["*","dev"]`, "images", "x", "stateBucket", "yes", "bogus", "1"))
	want := []string{
		"config of stack dev:", "slipway-bootstrap:bogus: ", "slipway-bootstrap:environments[0]: ", "slipway-bootstrap:images: ",
		"slipway-bootstrap:repository: ", "slipway-bootstrap:stateBucket: ",
	}
	lines := strings.Split(fmt.Sprint(err), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d: %v", len(lines), len(want), err)
	}
	for i := range want {
		if !strings.HasPrefix(lines[i], want[i]) {
			t.Errorf("line %d is %q, want %q", i, lines[i], want[i])
		}
	}
}

// Two patterns overlap if, and only if, there is a name that both match.
func TestOverlap(t *testing.T) {
	match := func(pattern, name string) bool {
		beginning, wild := strings.CutSuffix(pattern, "*")
		return pattern == name || wild && strings.HasPrefix(name, beginning)
	}
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab-]{1,4}\*?`)
		a, b := pattern.Draw(t, "a"), pattern.Draw(t, "b")
		want := false // the longer of the two, if any, is a name of both
		for _, name := range []string{strings.TrimSuffix(a, "*"), strings.TrimSuffix(b, "*")} {
			want = want || match(a, name) && match(b, name)
		}
		if overlap(a, b) != want || overlap(b, a) != want {
			t.Fatalf("%s and %s overlap: %v", a, b, !want)
		}
	})
}

// A value that passes contains nothing with a meaning in a token's subject.
func TestNamesArePlain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		repository, environment := rapid.StringMatching(`[ex@1/:*?. ]{1,8}`).Draw(t, "repository"), rapid.StringMatching(`[ev:*?/. ]{1,4}`).Draw(t, "environment")
		c, err := readConfig(source("repository", repository, "environments", fmt.Sprintf("[%q]", environment)))
		if err != nil {
			return
		}
		if strings.ContainsAny(c.repository+c.environments[0], ":*? ") || strings.Count(c.repository, "/") != 1 {
			t.Fatalf("%q and %q pass", repository, environment)
		}
	})
}
