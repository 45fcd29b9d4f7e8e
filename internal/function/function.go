// Package function is about calls of providers' functions: what the programs that make them tell of one that failed.
package function

import (
	"errors"
	"regexp"
	"strings"

	"google.golang.org/grpc/status"
)

// wrapped matches what the engine puts before an error of a provider's function (Invoke of pkg/resource/deploy/source_eval.go in
// pulumi/pulumi). The SDKs hand on the error of the protocol, which says even less.
var wrapped = regexp.MustCompile(`^invocation of \S+ returned an error: `)

// Error returns what a provider says of a function that failed, without how the answer came here.
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
