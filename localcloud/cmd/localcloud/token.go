package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"slipway/localcloud/daemon"
	"slipway/localcloud/oidc"
)

// tokenLifetime is that of GitHub's tokens.
// https://docs.github.com/en/actions/reference/security/oidc
const tokenLifetime = 5 * time.Minute

// token prints an identity token. The key in the cloud's folder signs it, and the daemon trusts that key. The daemon need not run, but
// must have run before. Flags give further claims, because roles may compare them.
func token(_ context.Context, dir string, flags *flag.FlagSet, args []string) error {
	subject := flags.String("subject", "", "who the token is for, such as repo:OWNER/NAME:environment:dev")
	audience := flags.String("audience", "sts.amazonaws.com", "the service that the token is for")
	issuer := flags.String("issuer", "https://token.actions.githubusercontent.com", "who issues it")
	others := map[string]string{}
	flags.Func("claim", "what else it says, such as ref=refs/heads/main of a job on that branch; may be given several times", func(s string) error {
		name, value, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			return errors.New("must be NAME=VALUE, such as ref=refs/heads/main")
		}
		others[name] = value
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *subject == "" {
		return errors.New("token: name its subject with -subject repo:OWNER/NAME:environment:dev")
	}
	if _, err := daemon.Last(dir); err != nil {
		return err
	}
	i, err := oidc.Open(dir)
	if err != nil {
		return err
	}
	signed, err := i.Sign(oidc.Claims{
		Issuer: *issuer, Subject: *subject, Audience: []string{*audience}, Expires: time.Now().Add(tokenLifetime), Others: others,
	})
	if err != nil {
		return err
	}
	fmt.Println(signed)
	return nil
}
