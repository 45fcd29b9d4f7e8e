//go:build !unix

package stack

import "github.com/pulumi/pulumi/sdk/v3/go/auto"

// graceful leaves the command as it is: what it does on Unix needs Unix's signals.
func graceful(c auto.PulumiCommand) auto.PulumiCommand { return c }
