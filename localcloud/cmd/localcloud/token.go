package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"slipway/localcloud/daemon"
	"slipway/localcloud/runtime/oidc"
)

// tokenLifetime is that of GitHub's tokens.
// https://docs.github.com/en/actions/reference/security/oidc
const tokenLifetime = 5 * time.Minute

// token prints an identity token, signed with the key in the cloud's folder, by which the daemon knows it. The daemon need not
// run, but must have run before.
func token(_ context.Context, dir string, flags *flag.FlagSet, args []string) error {
	subject := flags.String("subject", "", "who the token is for, such as repo:OWNER/NAME:environment:dev")
	audience := flags.String("audience", "sts.amazonaws.com", "whom it is to be shown to")
	issuer := flags.String("issuer", "https://token.actions.githubusercontent.com", "who is to have issued it")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *subject == "" {
		return errors.New("token: say whom it is for with -subject repo:OWNER/NAME:environment:dev")
	}
	if _, err := daemon.Last(dir); err != nil {
		return err
	}
	i, err := oidc.Open(dir)
	if err != nil {
		return err
	}
	signed, err := i.Sign(oidc.Claims{Issuer: *issuer, Subject: *subject, Audience: []string{*audience}, Expires: time.Now().Add(tokenLifetime)})
	if err != nil {
		return err
	}
	fmt.Println(signed)
	return nil
}
