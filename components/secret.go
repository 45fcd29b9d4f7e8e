package components

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/secretsmanager"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// newSecret creates a secret whose value is a JSON object of strings. The AWS SDK makes the value a Pulumi secret, if it is not one
// yet.
func newSecret(
	ctx *pulumi.Context, name, description string, value pulumi.StringMap, tags Tags, parent pulumi.ResourceOption,
) (*secretsmanager.SecretVersion, error) {
	secret, err := secretsmanager.NewSecret(ctx, name, &secretsmanager.SecretArgs{
		Description: pulumi.String(description),
		// The value is in the stack's config, so there is nothing to recover, and destroy leaves nothing behind.
		RecoveryWindowInDays: pulumi.Int(0),
		Tags:                 tags.named(name),
	}, parent)
	if err != nil {
		return nil, err
	}
	return secretsmanager.NewSecretVersion(ctx, name, &secretsmanager.SecretVersionArgs{
		SecretId:     secret.ID(),
		SecretString: pulumi.JSONMarshal(value),
	}, parent)
}

// secretReference returns the reference in a task definition that puts a key of a secret's version into an environment variable ("Pass
// Secrets Manager secrets through Amazon ECS environment variables"). ECS reads secrets when it starts a task: with the version in it,
// a changed value changes the task definition and so makes a deployment.
func secretReference(secretARN, key, versionID string) string {
	return fmt.Sprintf("%s:%s::%s", secretARN, key, versionID)
}

// serviceSecrets are the ARNs and versions of the secrets of a service or a job in AWS Secrets Manager.
type serviceSecrets struct {
	environment, environmentVersion pulumi.StringOutput
	registry                        pulumi.StringOutput
}

// newSecrets creates one secret for the environment, with a key for each variable, and one for the registry's credentials, if there are
// any. AWS bills for each secret.
func (o owner) newSecrets(ctx *pulumi.Context) (serviceSecrets, error) {
	secrets := serviceSecrets{
		environment:        pulumi.String("").ToStringOutput(),
		environmentVersion: pulumi.String("").ToStringOutput(),
		registry:           pulumi.String("").ToStringOutput(),
	}
	if len(o.access.allSecrets()) > 0 {
		version, err := newSecret(ctx, o.name+"-environment", "Secret environment variables of "+o.title, o.access.allSecrets(), o.tags, o.parent)
		if err != nil {
			return serviceSecrets{}, err
		}
		secrets.environment, secrets.environmentVersion = version.Arn, version.VersionId
	}
	if o.access.Registry != nil {
		version, err := newSecret(ctx, o.name+"-registry", "Credentials of the registry that "+o.title+" is pulled from", pulumi.StringMap{
			"username": pulumi.String(o.access.Registry.Username),
			"password": o.access.Registry.Password,
		}, o.tags, o.parent)
		if err != nil {
			return serviceSecrets{}, err
		}
		secrets.registry = version.Arn
	}
	return secrets, nil
}
