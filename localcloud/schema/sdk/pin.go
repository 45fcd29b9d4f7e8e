//go:build sdk

package sdk

// Nothing is built with this tag: the imports only make go.mod and go.sum pin the SDKs whose sources this package reads, and
// keep `go mod tidy`, which looks at every tag, from dropping them.
import (
	_ "github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	_ "github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
)
