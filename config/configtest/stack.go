package configtest

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	pulumiconfig "github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"

	"slipway/internal/settings"
)

// Stack reads the config of the stack whose file is in the folder, as the engine does.
func Stack(t testing.TB, dir, name string) settings.Source {
	t.Helper()
	return StackWith(t, dir, name, decrypter)
}

// StackWith reads it and decrypts its secrets with the decrypter.
func StackWith(t testing.TB, dir, name string, decrypter func(encryptionSalt string) (pulumiconfig.Decrypter, error)) settings.Source {
	t.Helper()
	project, err := workspace.LoadProject(filepath.Join(dir, "Pulumi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	file := "Pulumi." + name + ".yaml"
	stack, err := workspace.LoadProjectStack(nil, project, filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	crypter, err := decrypter(stack.EncryptionSalt)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	s := settings.Source{Project: string(project.Name), Stack: name, Values: make(map[string]string), File: settings.ParseFile(file, text)}
	for key, value := range stack.Config {
		text, err := value.Value(crypter)
		if err != nil {
			t.Fatal(err)
		}
		s.Values[key.String()] = text
		if value.Secure() {
			s.SecretKeys = append(s.SecretKeys, key.String())
		}
	}
	return s
}

var decrypters = make(map[string]pulumiconfig.Decrypter) // by salt: a key takes half a second to derive

// decrypter returns the decrypter of a stack whose passphrase is "local".
func decrypter(encryptionSalt string) (pulumiconfig.Decrypter, error) {
	parts := strings.Split(encryptionSalt, ":")
	if len(parts) == 1 {
		return pulumiconfig.NopDecrypter, nil // a stack without secrets
	}
	if decrypters[encryptionSalt] == nil {
		salt, err := base64.StdEncoding.DecodeString(parts[1])
		if err != nil {
			return nil, err
		}
		decrypters[encryptionSalt] = pulumiconfig.NewSymmetricCrypterFromPassphrase("local", salt)
	}
	return decrypters[encryptionSalt], nil
}
