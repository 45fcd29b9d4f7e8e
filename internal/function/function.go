// Package function shortens the errors of providers' functions.
package function

import (
	"errors"
	"regexp"
	"strings"

	"google.golang.org/grpc/status"
)

// wrapped matches the engine's prefix of an error from a provider's function (Invoke of pkg/resource/deploy/source_eval.go in
// pulumi/pulumi). The SDKs return the protocol's error, which says even less.
var wrapped = regexp.MustCompile(`^invocation of \S+ returned an error: `)

// Error returns the provider's own error of a failed function, without the engine's prefix.
func Error(err error) error {
	s, ok := status.FromError(err)
	if !ok {
		return err
	}
	return errors.New(wrapped.ReplaceAllString(s.Message(), ""))
}

// NoRecord reports whether the error is that of Cloudflare's getRecord where there is no such record (terraform-provider-cloudflare v4, data
// source cloudflare_record).
func NoRecord(err error) bool {
	return err != nil && strings.Contains(err.Error(), "didn't get any DNS records")
}
