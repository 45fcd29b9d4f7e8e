package config

import (
	"fmt"
	"log/slog"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/internal/settings"
)

// Secret is a value that is never shown: formatted, logged or encoded it is "[secret]". A function keeps it, because fmt prints
// unexported fields without their Format methods, and prints only the address of a function.
type Secret struct {
	reveal func() string
}

func newSecret(value string) Secret {
	return Secret{func() string { return value }}
}

// Format implements [fmt.Formatter] for every verb, including %#v and %+v.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(settings.Redacted)) }

// MarshalText implements [encoding.TextMarshaler], which JSON and YAML encoders use.
func (Secret) MarshalText() ([]byte, error) { return []byte(settings.Redacted), nil }

// LogValue implements [slog.LogValuer].
func (Secret) LogValue() slog.Value { return slog.StringValue(settings.Redacted) }

// Input returns the value as a Pulumi secret, which is encrypted in the state.
func (s Secret) Input() pulumi.StringInput {
	return pulumi.ToSecret(pulumi.String(s.reveal())).(pulumi.StringOutput)
}

// Inputs returns the values as Pulumi secrets.
func Inputs(secrets map[string]Secret) pulumi.StringMap {
	values := make(pulumi.StringMap, len(secrets))
	for name, s := range secrets {
		values[name] = s.Input()
	}
	return values
}
