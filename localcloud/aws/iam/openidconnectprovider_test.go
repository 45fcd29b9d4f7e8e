package iam_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/cloud"
)

func TestOpenIDConnectProvider(t *testing.T) {
	c := awstest.New(t, iam.Kinds()...)
	p := c.Make(iam.OpenIDConnectProviderToken, cloud.Map{"url": awstest.Github, "clientIdLists": []any{"sts.amazonaws.com"}})
	const want = "arn:aws:iam::000000000000:oidc-provider/token.actions.githubusercontent.com"
	if p.ID != want || p.Outputs["arn"] != want || p.Outputs["url"] != "token.actions.githubusercontent.com" || p.Scope.Region != "" {
		t.Errorf("provider %s, %v", p.ID, p.Outputs)
	}
	if l, _ := p.Outputs["thumbprintLists"].([]any); len(l) != 1 || len(fmt.Sprint(l[0])) != 40 {
		t.Errorf("thumbprints %v", p.Outputs["thumbprintLists"])
	}
	_, err := c.Try(iam.OpenIDConnectProviderToken, cloud.Map{"url": awstest.Github, "clientIdLists": []any{"other"}})
	c.Refused(err, "EntityAlreadyExists", "Provider with url https://token.actions.githubusercontent.com already exists.")
	// Another account has its own.
	checked, _, err := c.Check(iam.OpenIDConnectProviderToken, p.Inputs)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Create(t.Context(), cloud.Caller{Scope: cloud.Scope{Account: awstest.ThereAccount, Region: "eu-west-1"}}, iam.OpenIDConnectProviderToken, checked, 0); err != nil {
		t.Error(err)
	}

	print1, print2 := strings.Repeat("a", 40), strings.Repeat("b", 40)
	p, err = c.Edit(p, cloud.Map{"clientIdLists": []any{"a", "b"}, "thumbprintLists": []any{print1, print2}})
	if err != nil || p.ID != want || fmt.Sprint(p.Outputs["thumbprintLists"]) != fmt.Sprint([]any{print1, print2}) {
		t.Errorf("after the update: %v, %v", p.Outputs, err)
	}
	for _, tt := range []struct {
		change  cloud.Map
		changed []string
		replace bool
	}{
		{cloud.Map{"clientIdLists": []any{"b", "a"}}, nil, false},
		{cloud.Map{"thumbprintLists": []any{print2, print1}}, []string{"thumbprintLists"}, false},
		{cloud.Map{"clientIdLists": []any{"a"}}, []string{"clientIdLists"}, false},
		{cloud.Map{"url": "https://token.example.com"}, []string{"url"}, true},
	} {
		d, err := c.Diff(p.Token, p.Inputs, p.Outputs, awstest.With(p.Inputs, tt.change))
		if err != nil || !slices.Equal(d.Changed, tt.changed) || (len(d.Replace) > 0) != tt.replace {
			t.Errorf("%v: %+v, %v", tt.change, d, err)
		}
	}
	// What IAM found itself stays when the program no longer says.
	if d, err := c.Diff(p.Token, p.Inputs, p.Outputs, awstest.With(p.Inputs, cloud.Map{"thumbprintLists": nil})); err != nil || len(d.Changed) > 0 {
		t.Errorf("without thumbprints: %v, %v", d.Changed, err)
	}
}

func TestOpenIDConnectProviderRefusals(t *testing.T) {
	c := awstest.New(t, iam.Kinds()...)
	many := func(n int, v string) (l []any) {
		for i := range n {
			l = append(l, fmt.Sprintf("%s%02d", v, i))
		}
		return l
	}
	for _, tt := range []struct {
		in          cloud.Map
		code, words string
	}{
		{cloud.Map{"url": "http://a.example"}, "Check", "has to use HTTPS scheme"},
		{cloud.Map{"url": "token.actions.githubusercontent.com"}, "Check", "has to use HTTPS scheme"},
		{cloud.Map{"url": awstest.Github + "?a=b"}, "Check", "cannot contain query parameters"},
		{cloud.Map{"url": "https://a b"}, "Check", "has to be a valid URL"},
		{cloud.Map{"url": "https://"}, "ValidationError", "Invalid Open ID Connect Provider URL"},
		{cloud.Map{"clientIdLists": []any{strings.Repeat("a", 256)}}, "Check", "in the range (1 - 255)"},
		{cloud.Map{"clientIdLists": many(101, "a")}, "LimitExceeded", "ClientIdsPerOpenIdConnectProvider: 100"},
		{cloud.Map{"thumbprintLists": []any{"abc"}}, "Check", "in the range (40 - 40), got abc"},
		{cloud.Map{"thumbprintLists": many(6, strings.Repeat("a", 38))}, "LimitExceeded", "fewer than 5 entries"},
	} {
		_, err := c.Try(iam.OpenIDConnectProviderToken, awstest.With(cloud.Map{"url": awstest.Github, "clientIdLists": []any{"sts.amazonaws.com"}}, tt.in))
		c.Refused(err, tt.code, tt.words)
	}
}
