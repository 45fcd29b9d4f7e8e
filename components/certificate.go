package components

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/acm"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

// CertificateArgs describe a [Certificate].
type CertificateArgs struct {
	// Hostnames are the certificate's names, wildcards included. Their order does not matter.
	Hostnames []string
	// Standing has the names of each certificate that the load balancer has already, the default one first. A name stays in its
	// certificate.
	Standing [][]string
	// Listener is the ARN of the HTTPS listener to which the certificates are added; nil: the caller has a use for them.
	Listener pulumi.StringInput
	// ZoneID and Zone are the id and the name of the host names' Cloudflare zone.
	ZoneID pulumi.StringInput
	Zone   string
	// Comment is put on the validation records.
	Comment string
	Tags    Tags
}

// Certificate is a public certificate from ACM, validated by records in Cloudflare's DNS. More host names than one certificate takes
// make several; the load balancer chooses by the name that the client asks for.
//
// A certificate cannot change its names. A change of host names makes a new certificate, which replaces the old one on the listener
// before the old one is deleted.
type Certificate struct {
	pulumi.ResourceState

	name string
	args CertificateArgs

	// ARN is known once the certificate is issued. A listener refuses a certificate before that.
	ARN pulumi.StringOutput
	// More has the ARNs of the further certificates, each by one of its names.
	More map[string]pulumi.StringOutput

	added []pulumi.Resource // the certificates on the listener
}

// NewCertificate requests a certificate, creates its validation records and waits until it is issued.
func NewCertificate(ctx *pulumi.Context, name string, args *CertificateArgs, opts ...pulumi.ResourceOption) (*Certificate, error) {
	if args == nil {
		return nil, errors.New("certificate: args are missing")
	}
	certificate := &Certificate{name: name, args: *args, More: make(map[string]pulumi.StringOutput)}
	groups, err := certificate.groups()
	if err != nil {
		return nil, fmt.Errorf("certificate %s: %w", name, err)
	}
	if err := ctx.RegisterComponentResource("slipway:index:Certificate", name, certificate, opts...); err != nil {
		return nil, err
	}
	if err := certificate.issueAll(ctx, groups); err != nil {
		return nil, err
	}
	return certificate, ctx.RegisterResourceOutputs(certificate, pulumi.Map{"arn": certificate.ARN})
}

// groups checks the arguments and divides the host names into certificates.
func (c *Certificate) groups() ([][]string, error) {
	if c.args.ZoneID == nil || c.args.Zone == "" {
		return nil, errors.New("the zone's id and name are both needed")
	}
	if err := errors.Join(checkHostnames(c.args.Hostnames, c.args.Zone), c.args.Tags.problems().Err()); err != nil {
		return nil, err
	}
	return spec.CertificateGroups(c.args.Hostnames, c.args.Standing)
}

// issueAll requests a certificate for each group of host names, and waits until they are issued.
func (c *Certificate) issueAll(ctx *pulumi.Context, groups [][]string) error {
	records := validationRecords{certificate: c, hostnames: make(map[string]pulumi.StringInput)}
	for i, group := range groups {
		if i == 0 {
			arn, err := c.issue(ctx, c.name, group, &records)
			if err != nil {
				return err
			}
			c.ARN = arn
			if err := c.add(ctx, group[0], arn); err != nil {
				return err
			}
			continue
		}
		key := spec.GroupKey(group, groups[:i])
		arn, err := c.issue(ctx, c.name+"/"+key, group, &records)
		if err != nil {
			return err
		}
		c.More[key] = arn
		if err := c.add(ctx, key, arn); err != nil {
			return err
		}
	}
	return nil
}

// add adds a certificate to the listener, if there is one.
func (c *Certificate) add(ctx *pulumi.Context, key string, arn pulumi.StringInput) error {
	if c.args.Listener == nil {
		return nil
	}
	added, err := lb.NewListenerCertificate(ctx, c.name+"/"+key, &lb.ListenerCertificateArgs{
		ListenerArn: c.args.Listener, CertificateArn: arn,
	}, pulumi.Parent(c))
	c.added = append(c.added, added)
	return err
}

// issue requests one certificate and waits until it is issued.
func (c *Certificate) issue(ctx *pulumi.Context, name string, hostnames []string, records *validationRecords) (pulumi.StringOutput, error) {
	parent := pulumi.Parent(c)
	request, err := acm.NewCertificate(ctx, name, &acm.CertificateArgs{
		DomainName: pulumi.String(spec.CommonName(hostnames)),
		// All names, the first one too. The provider adds the first one anyway. It takes a missing list as an unchanged one (the
		// comment at the property), so a certificate reduced to one name would keep its old names.
		SubjectAlternativeNames: pulumi.ToStringArray(hostnames),
		ValidationMethod:        pulumi.String("DNS"),
		Tags:                    c.args.Tags.named(c.name), // not the certificate's own name: a tag's value cannot contain "*"
	}, parent)
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	fqdns, err := records.add(ctx, request, hostnames)
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	validation, err := acm.NewCertificateValidation(ctx, name, &acm.CertificateValidationArgs{
		CertificateArn:        request.Arn,
		ValidationRecordFqdns: fqdns,
	}, parent)
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	return validation.CertificateArn, nil
}

// validationRecords are the records that prove control over domains to ACM. ACM asks for the same record for a domain in every
// certificate of an account, so a domain has one record.
type validationRecords struct {
	certificate *Certificate
	hostnames   map[string]pulumi.StringInput // of the records, by domain
}

// add creates the records that a certificate needs and that do not exist yet. It returns their host names.
//
// The loop is over the configured names and not over ACM's validation options. Those are unknown until the certificate is requested, so
// the records would be missing from the preview.
func (v *validationRecords) add(ctx *pulumi.Context, request *acm.Certificate, hostnames []string) (pulumi.StringArray, error) {
	domains := validationDomains(hostnames)
	fqdns := make(pulumi.StringArray, len(domains))
	for i, domain := range domains {
		if v.hostnames[domain] == nil {
			option := request.DomainValidationOptions.ApplyT(func(options []acm.CertificateDomainValidationOption) (map[string]string, error) {
				return validationRecord(options, domain)
			}).(pulumi.StringMapOutput)
			// Its name is only the domain, so a renamed stack keeps its records.
			record, err := record{
				zoneID: v.certificate.args.ZoneID,
				zone:   v.certificate.args.Zone,
				name:   option.MapIndex(pulumi.String("name")),
				target: option.MapIndex(pulumi.String("value")),
				dns:    spec.DNS{TTL: validationTTL},
				// A record may be left from an earlier certificate or belong to another stack.
				overwrite: true,
				comment:   v.certificate.args.Comment,
				// Its name used to begin with the certificate's.
			}.create(ctx, domain, pulumi.Parent(v.certificate), pulumi.Aliases([]pulumi.Alias{{Name: pulumi.String(v.certificate.name + "/" + domain)}}))
			if err != nil {
				return nil, err
			}
			v.hostnames[domain] = record.Hostname
		}
		fqdns[i] = v.hostnames[domain]
	}
	return fqdns, nil
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

// validationRecord returns the name and value of the CNAME that proves control over the domain to ACM.
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
