package components

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/acm"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// maxCommonName is the longest name ACM takes as a certificate's first (RequestCertificate in its API reference).
const maxCommonName = 64

// CertificateArgs describe a [Certificate].
type CertificateArgs struct {
	// Hostnames that the certificate is for, wildcards included. Their order does not matter.
	Hostnames []string
	// ZoneID and Zone are the id and the name of the Cloudflare zone that all of the host names are in.
	ZoneID pulumi.StringInput
	Zone   string
	// Comment is put on the validation records.
	Comment string
	Tags    Tags
}

// Certificate is a public certificate that ACM has issued after it found its validation records in Cloudflare's DNS.
//
// A certificate cannot change its names: another set of host names makes a new certificate, which replaces the old one
// on the listener before that is deleted.
type Certificate struct {
	pulumi.ResourceState

	// ARN is known once the certificate is issued. A listener refuses one that is not.
	ARN pulumi.StringOutput
}

// NewCertificate requests a certificate, creates its validation records and waits until it is issued.
func NewCertificate(ctx *pulumi.Context, name string, args *CertificateArgs, opts ...pulumi.ResourceOption) (*Certificate, error) {
	if args == nil {
		return nil, errors.New("certificate: args are missing")
	}
	if args.ZoneID == nil || args.Zone == "" {
		return nil, fmt.Errorf("certificate %s: the zone's id and name are both needed", name)
	}
	commonName, alternatives, err := certificateNames(args.Hostnames)
	if err != nil {
		return nil, fmt.Errorf("certificate %s: %w", name, err)
	}

	certificate := &Certificate{}
	if err := ctx.RegisterComponentResource("slipway:index:Certificate", name, certificate, opts...); err != nil {
		return nil, err
	}
	parent := pulumi.Parent(certificate)

	requestArgs := &acm.CertificateArgs{
		DomainName:       pulumi.String(commonName),
		ValidationMethod: pulumi.String("DNS"),
		Tags:             args.Tags.named(name),
	}
	if len(alternatives) > 0 {
		requestArgs.SubjectAlternativeNames = pulumi.ToStringArray(alternatives)
	}
	request, err := acm.NewCertificate(ctx, name, requestArgs, parent)
	if err != nil {
		return nil, err
	}

	// The loop is over the configured names and not over ACM's validation options: those are unknown until the
	// certificate is requested, and the records would be missing from the preview.
	domains := validationDomains(args.Hostnames)
	recordNames := make(pulumi.StringArray, len(domains))
	for i, domain := range domains {
		option := request.DomainValidationOptions.ApplyT(func(options []acm.CertificateDomainValidationOption) (map[string]string, error) {
			return validationRecord(options, domain)
		}).(pulumi.StringMapOutput)
		record, err := NewDNSRecord(ctx, name+"/"+domain, &DNSRecordArgs{
			ZoneID: args.ZoneID,
			Zone:   args.Zone,
			Name:   option.MapIndex(pulumi.String("name")),
			Target: option.MapIndex(pulumi.String("value")),
			TTL:    validationTTL,
			// ACM asks for the same record in every certificate of an account for the same domain, so one may be
			// left from an earlier certificate or belong to another stack's.
			Overwrite: true,
			Comment:   args.Comment,
		}, parent)
		if err != nil {
			return nil, err
		}
		recordNames[i] = record.Hostname
	}

	validation, err := acm.NewCertificateValidation(ctx, name, &acm.CertificateValidationArgs{
		CertificateArn:        request.Arn,
		ValidationRecordFqdns: recordNames,
	}, parent)
	if err != nil {
		return nil, err
	}

	certificate.ARN = validation.CertificateArn
	return certificate, ctx.RegisterResourceOutputs(certificate, pulumi.Map{"arn": certificate.ARN})
}

// CheckCertificateNames reports why ACM would not issue a certificate for the host names.
func CheckCertificateNames(hostnames []string) error {
	_, _, err := certificateNames(hostnames)
	return err
}

// certificateNames sorts the host names and returns the one to be the certificate's first, and the others.
func certificateNames(hostnames []string) (first string, others []string, err error) {
	names := slices.Compact(slices.Sorted(slices.Values(hostnames)))
	if len(names) == 0 {
		return "", nil, errors.New("there is no host name")
	}
	i := slices.IndexFunc(names, func(name string) bool { return len(name) <= maxCommonName })
	if i < 0 {
		return "", nil, fmt.Errorf("one of the host names must have at most %d characters, for ACM to take it as the certificate's first", maxCommonName)
	}
	return names[i], slices.Delete(slices.Clone(names), i, i+1), nil
}

// validationDomains returns the domains that need a validation record, sorted. A wildcard is validated by the same record
// as the name it is directly below.
func validationDomains(hostnames []string) []string {
	domains := make([]string, len(hostnames))
	for i, hostname := range hostnames {
		domains[i] = strings.TrimPrefix(hostname, "*.")
	}
	slices.Sort(domains)
	return slices.Compact(domains)
}

// validationRecord returns the name and value of the CNAME by which ACM wants control over the domain to be shown.
func validationRecord(options []acm.CertificateDomainValidationOption, domain string) (map[string]string, error) {
	for _, option := range options {
		if option.DomainName == nil || strings.TrimPrefix(*option.DomainName, "*.") != domain {
			continue
		}
		if option.ResourceRecordName == nil || option.ResourceRecordValue == nil {
			break
		}
		return map[string]string{"name": *option.ResourceRecordName, "value": *option.ResourceRecordValue}, nil
	}
	return nil, fmt.Errorf("ACM gave no DNS validation record for %s; does the certificate exist, and was it requested with DNS validation?", domain)
}
