package stack

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
)

// awsNamespace is that of the AWS provider's settings in a stack's configuration.
const awsNamespace = "aws"

// AWS returns the settings of the AWS provider in the stack's configuration file, by their names without the namespace, for calls of AWS
// with the provider's access. Encrypted settings are refused: reading them takes the stack's passphrase or key.
func (s *Stack) AWS() (map[string]string, error) {
	settings, err := workspace.LoadProjectStack(nil, nil, s.ConfigFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // everything is in the environment
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s.ConfigFile(), err)
	}
	options := map[string]string{}
	for key, value := range settings.Config {
		if key.Namespace() != awsNamespace {
			continue
		}
		if value.Secure() {
			return nil, fmt.Errorf("%s has %s encrypted; have the credentials in the environment or in a profile instead", s.ConfigFile(), key)
		}
		if options[key.Name()], err = value.Value(config.NewBlindingDecrypter()); err != nil {
			return nil, fmt.Errorf("read %s in %s: %w", key, s.ConfigFile(), err)
		}
	}
	return options, nil
}
