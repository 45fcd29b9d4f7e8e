package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"slipway/localcloud/aws/sts"
	"slipway/localcloud/daemon"
)

// putParameter and putSecret do what other teams do on AWS with `aws ssm put-parameter` and `aws secretsmanager put-secret-value`.
func putParameter(ctx context.Context, dir string, flags *flag.FlagSet, args []string) error {
	secure := flags.Bool("secure", false, "make it a SecureString")
	return putValue(ctx, dir, flags, args, func(c daemon.Client, v daemon.Value) (string, error) {
		v.Secure = *secure
		return c.PutParameter(ctx, v)
	})
}

func putSecret(ctx context.Context, dir string, flags *flag.FlagSet, args []string) error {
	return putValue(ctx, dir, flags, args, func(c daemon.Client, v daemon.Value) (string, error) { return c.PutSecret(ctx, v) })
}

// putValue puts the value that the arguments or standard input give, and prints the ARN that a stack's configuration names it by.
func putValue(
	ctx context.Context, dir string, flags *flag.FlagSet, args []string, put func(daemon.Client, daemon.Value) (string, error),
) error {
	v := daemon.Value{}
	flags.StringVar(&v.Account, "account", sts.DefaultAccount, "the account that it is in")
	flags.StringVar(&v.Region, "region", cmp.Or(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"), defaultRegion), "the region that it is in")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch flags.NArg() {
	case 1:
		text, err := io.ReadAll(os.Stdin)
		if err != nil {
			return fmt.Errorf("read the value from standard input: %w", err)
		}
		v.Value = strings.TrimSuffix(string(text), "\n")
	case 2:
		v.Value = flags.Arg(1)
	default:
		flags.Usage()
		return flag.ErrHelp
	}
	v.Name = flags.Arg(0)
	c, err := client(ctx, dir)
	if err != nil {
		return err
	}
	arn, err := put(c, v)
	if err != nil {
		return err
	}
	fmt.Println(arn)
	return nil
}
