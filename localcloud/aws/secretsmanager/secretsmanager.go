// Package secretsmanager has the kinds of AWS Secrets Manager, a file each. What callers must be allowed follows, for the
// calls, the provider's own source, and for actions, resources and condition keys the Service Authorization Reference:
//
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html
// terraform-provider-aws, internal/service/secretsmanager
package secretsmanager

// The tokens of the kinds.
const (
	SecretToken        = "aws:secretsmanager/secret:Secret"
	SecretVersionToken = "aws:secretsmanager/secretVersion:SecretVersion"
	DeletedSecretToken = "aws:secretsmanager/deletedSecret:DeletedSecret"
)

// Kinds returns the kinds and functions of the service.
func Kinds() []any { return []any{Secret, SecretVersion, DeletedSecret} }
