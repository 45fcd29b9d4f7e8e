package main

import (
	"fmt"
	"log/slog"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/internal/settings"
)

// secret is a value that does not show itself: formatted, logged or encoded it is "[secret]". A function keeps it, since fmt
// looks into unexported fields without asking their types how to format them, and of a function it prints the address.
type secret struct {
	reveal func() string
}

func newSecret(value string) secret {
	return secret{func() string { return value }}
}

// Format implements [fmt.Formatter] for every verb, %#v and %+v included.
func (secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(settings.Redacted)) }

// MarshalText implements [encoding.TextMarshaler], which JSON and YAML encoders use.
//
//nolint:unparam // The interface has an error.
func (secret) MarshalText() ([]byte, error) { return []byte(settings.Redacted), nil }

// LogValue implements [slog.LogValuer].
func (secret) LogValue() slog.Value { return slog.StringValue(settings.Redacted) }

// input returns the value as a Pulumi secret, which stays encrypted in the state.
func (s secret) input() pulumi.StringInput {
	return pulumi.ToSecret(pulumi.String(s.reveal())).(pulumi.StringOutput)
}

// inputs returns the values as Pulumi secrets.
func inputs(secrets map[string]secret) pulumi.StringMap {
	values := make(pulumi.StringMap, len(secrets))
	for name, s := range secrets {
		values[name] = s.input()
	}
	return values
}
