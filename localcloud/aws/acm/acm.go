// Package acm has the kinds of AWS Certificate Manager, a file each. What callers must be allowed follows, for the calls,
// the provider's own source, and for actions, resources and condition keys the Service Authorization Reference:
//
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscertificatemanager.html
// terraform-provider-aws, internal/service/acm
package acm

// The tokens of the kinds.
const (
	CertificateToken           = "aws:acm/certificate:Certificate"
	CertificateValidationToken = "aws:acm/certificateValidation:CertificateValidation"
)

// Kinds returns the kinds and functions of the service.
func Kinds() []any { return []any{Certificate, CertificateValidation} }
