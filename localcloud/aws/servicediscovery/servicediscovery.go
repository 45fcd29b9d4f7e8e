// Package servicediscovery has the kinds of AWS Cloud Map, a file each. What callers must be allowed follows, for the calls, the
// provider's own source, and for actions, resources and condition keys the Service Authorization Reference:
//
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudmap.html
// terraform-provider-aws, internal/service/servicediscovery
package servicediscovery

// HTTPNamespaceToken is the token of the one kind.
const HTTPNamespaceToken = "aws:servicediscovery/httpNamespace:HttpNamespace"

// Kinds returns the kinds and functions of the service.
func Kinds() []any { return []any{HTTPNamespace} }
