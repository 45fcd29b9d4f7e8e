//go:build !unix

package stack

import "github.com/pulumi/pulumi/sdk/v3/go/auto"

// graceful does nothing here: on Unix it needs Unix's signals.
func graceful(c auto.PulumiCommand) auto.PulumiCommand { return c }
