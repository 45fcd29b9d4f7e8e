package aws

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"slipway/localcloud/cloud"
)

const (
	certificateToken           = "aws:acm/certificate:Certificate"
	certificateValidationToken = "aws:acm/certificateValidation:CertificateValidation"
)

func acmKinds() []any { return []any{Certificate, CertificateValidation} }

// The states of a certificate.
// https://docs.aws.amazon.com/acm/latest/APIReference/API_CertificateDetail.html
const (
	CertificatePending  = "PENDING_VALIDATION"
	CertificateIssued   = "ISSUED"
	CertificateTimedOut = "VALIDATION_TIMED_OUT"
)

// ValidationPeriod is how long ACM looks for the validation records of a certificate.
// https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
const ValidationPeriod = 72 * time.Hour

// CertificateStatus is the Status of a certificate.
type CertificateStatus struct {
	Requested time.Time
	// Chain and Key are the issued certificate in PEM form; empty before.
	Chain, Key string `json:",omitempty"`
	// Missing says which validation records ACM did not find when it last looked.
	Missing []Validation `json:",omitempty"`
}

// KeyPair returns the issued certificate as a server uses it.
func (s CertificateStatus) KeyPair() (tls.Certificate, error) {
	if s.Chain == "" {
		return tls.Certificate{}, errors.New("the certificate has not been issued")
	}
	return tls.X509KeyPair([]byte(s.Chain), []byte(s.Key))
}

// Validation is a CNAME record by which a domain's owner shows that it is theirs, names without the trailing dot.
type Validation struct{ Name, Value string }

// Validations returns the records that the certificate waits for, each once.
func Validations(certificate *cloud.Resource) []Validation {
	var out []Validation
	options, _ := certificate.Outputs["domainValidationOptions"].([]any)
	for _, o := range options {
		option, _ := o.(cloud.Map)
		name, _ := option["resourceRecordName"].(string)
		value, _ := option["resourceRecordValue"].(string)
		v := Validation{Name: strings.TrimSuffix(name, "."), Value: strings.TrimSuffix(value, ".")}
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// CertificateNames returns the names that the certificate is for, the common name first.
func CertificateNames(r *cloud.Resource) []string { return Certificate.Of(r).names() }

// IssueCertificate gives a certificate that is still waiting for its validation the key pair that was made for it.
func IssueCertificate(tx *cloud.Tx, key cloud.Key, pair tls.Certificate) error {
	r := tx.Get(key)
	if r == nil || r.Outputs["status"] != CertificatePending {
		return nil // deleted, or somebody was faster
	}
	private, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		return fmt.Errorf("encode the key of certificate %s: %w", r.ID, err)
	}
	s := cloud.StatusOf[CertificateStatus](r)
	for _, der := range pair.Certificate {
		s.Chain += string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	s.Key = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	s.Missing = nil
	r = r.Clone()
	r.SetStatus(s)
	r.Outputs["status"] = CertificateIssued
	r.Outputs["notBefore"] = timestamp(pair.Leaf.NotBefore)
	r.Outputs["notAfter"] = timestamp(pair.Leaf.NotAfter)
	tx.Put(r)
	return nil
}

// DeferCertificate notes which validation records of a pending certificate are missing, or that they have been for too long.
func DeferCertificate(tx *cloud.Tx, key cloud.Key, missing []Validation, late bool) error {
	r := tx.Get(key)
	if r == nil || r.Outputs["status"] != CertificatePending {
		return nil
	}
	s := cloud.StatusOf[CertificateStatus](r)
	if slices.Equal(s.Missing, missing) && !late {
		return nil // a write would wake everybody for nothing
	}
	s.Missing = missing
	r = r.Clone()
	r.SetStatus(s)
	if late {
		r.Outputs["status"] = CertificateTimedOut
	}
	tx.Put(r)
	return nil
}

type certificate struct {
	DomainName              string   `json:"domainName"`
	SubjectAlternativeNames []string `json:"subjectAlternativeNames"`
	ValidationMethod        string   `json:"validationMethod"`
	KeyAlgorithm            string   `json:"keyAlgorithm"`
	CertificateAuthorityARN string   `json:"certificateAuthorityArn"`
	CertificateBody         string   `json:"certificateBody"`
	PrivateKey              string   `json:"privateKey"`
	Tags                    tags     `json:"tags"`
}

// names returns every name once, the domain name first.
func (in *certificate) names() []string {
	names := []string{in.DomainName}
	for _, n := range in.SubjectAlternativeNames {
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

// domainName is ACM's pattern for what a certificate can be for.
// https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html
var domainName = regexp.MustCompile(`^(\*\.)?([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])$`)

// Certificate is a public certificate. It is issued once every validation record is found in DNS, which the certificate
// controller looks after.
// https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
var Certificate = &cloud.Kind[certificate]{
	Spec: cloud.Spec{
		Token: certificateToken,
		Label: "ACM Certificate",
		Needs: certificateNeeds,
		Replace: []string{
			"domainName", "subjectAlternativeNames", "validationMethod", "validationOptions", "keyAlgorithm", "certificateAuthorityArn",
		},
		// The provider's CustomizeDiff adds the domain name to the others (terraform-provider-aws v5.100.0,
		// internal/service/acm/certificate.go).
		Whole: func(inputs cloud.Map) cloud.Map {
			names, _ := inputs["subjectAlternativeNames"].([]any)
			domain, known := inputs["domainName"].(string)
			if len(names) == 0 || !known || slices.Contains(names, any(domain)) {
				return inputs
			}
			inputs = maps.Clone(inputs)
			inputs["subjectAlternativeNames"] = append([]any{domain}, names...)
			return inputs
		},
		Computed: []string{"domainName", "keyAlgorithm", "options", "subjectAlternativeNames", "validationMethod"},
		Sets:     []string{"subjectAlternativeNames", "validationOptions"},
		Latency:  cloud.Latency{Create: 6, Delete: 1},
		Patience: 20 * time.Minute,
		NotFound: notFound("ResourceNotFoundException", "Could not find certificate %s."),
		InUse: func(r, _ *cloud.Resource) *cloud.Error {
			return cloud.Errorf("ResourceInUseException", "Certificate %s in account %s is in use.", r.ID, r.Scope.Account)
		},
	},
	Check: func(in *certificate) []cloud.Failure {
		var failures []cloud.Failure
		fail := func(property, format string, args ...any) {
			failures = append(failures, cloud.Failure{Property: property, Reason: fmt.Sprintf(format, args...)})
		}
		if strings.HasSuffix(in.DomainName, ".") {
			fail("domainName", "invalid value for domain_name (cannot end with a period)")
		}
		for i, n := range in.SubjectAlternativeNames {
			property := fmt.Sprintf("subjectAlternativeNames[%d]", i)
			if strings.HasSuffix(n, ".") {
				fail(property, "invalid value for subject_alternative_names (cannot end with a period)")
			}
			if len(n) > 253 {
				fail(property, "expected length of subject_alternative_names to be in the range (1 - 253), got %s", n)
			}
		}
		if m := in.ValidationMethod; m != "" && m != "DNS" && m != "EMAIL" {
			fail("validationMethod", `expected validation_method to be one of ["EMAIL" "DNS"], got %s`, m)
		}
		algorithms := []string{"RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"}
		if a := in.KeyAlgorithm; a != "" && !slices.Contains(algorithms, a) {
			fail("keyAlgorithm", "expected key_algorithm to be one of %q, got %s", algorithms, a)
		}
		return failures
	},
	Outputs: func(c *cloud.Call, in *certificate) (cloud.Map, error) {
		out := cloud.Map{"tagsAll": in.Tags.all(c)}
		if c.Old != nil {
			return out, nil
		}
		switch {
		case in.CertificateBody != "" || in.PrivateKey != "":
			return nil, fmt.Errorf("importing a certificate: %w", cloud.ErrUnimplemented)
		case in.CertificateAuthorityARN != "":
			return nil, fmt.Errorf("a private certificate authority: %w", cloud.ErrUnimplemented)
		case in.ValidationMethod == "":
			return nil, errors.New("`certificate_authority_arn` or `validation_method` must be set when creating an ACM certificate")
		case in.ValidationMethod != "DNS":
			return nil, fmt.Errorf("validation by %s: %w", in.ValidationMethod, cloud.ErrUnimplemented)
		}
		names := in.names()
		for _, n := range names {
			if len(n) > 253 || !domainName.MatchString(n) {
				return nil, cloud.Errorf("ValidationException", "1 validation error detected: Value '%s' at 'domainName' failed to satisfy constraint: "+
					"Member must satisfy regular expression pattern: (\\*\\.)?(((?!-)[A-Za-z0-9-]{0,62}[A-Za-z0-9])\\.)+((?!-)[A-Za-z0-9-]{1,62}[A-Za-z0-9])", n)
			}
		}
		// https://docs.aws.amazon.com/acm/latest/userguide/acm-limits.html
		if len(names) > 10 {
			return nil, cloud.Errorf("LimitExceededException", "Cannot request more than 10 domain names on a certificate (%d requested).", len(names))
		}
		if len(in.DomainName) > 64 {
			return nil, cloud.Errorf("InvalidDomainValidationOptionsException",
				"The first domain name can have a maximum of 64 characters: %s has %d.", in.DomainName, len(in.DomainName))
		}
		s := c.Caller.Scope
		id := randomHex(32)
		c.Resource.ID = arn(s, "acm", "certificate/"+strings.Join([]string{id[:8], id[8:12], id[12:16], id[16:20], id[20:]}, "-"))
		c.Resource.SetStatus(CertificateStatus{Requested: time.Now().UTC()})
		var options []any
		for _, n := range names {
			v := validation(s.Account, n)
			options = append(options, cloud.Map{
				"domainName": n, "resourceRecordName": v.Name + ".", "resourceRecordType": "CNAME", "resourceRecordValue": v.Value + ".",
			})
		}
		out["subjectAlternativeNames"] = anyList(names)
		if in.KeyAlgorithm == "" {
			out["keyAlgorithm"] = "RSA_2048"
		}
		if c.Resource.Inputs["options"] == nil {
			out["options"] = cloud.Map{"certificateTransparencyLoggingPreference": "ENABLED"}
		}
		out["arn"] = c.Resource.ID
		out["domainValidationOptions"] = options
		out["status"] = CertificatePending
		out["type"] = "AMAZON_ISSUED"
		out["renewalEligibility"], out["pendingRenewal"], out["renewalSummaries"] = "INELIGIBLE", false, []any{}
		out["validationEmails"] = []any{}
		return out, nil
	},
	Delete: func(c *cloud.Call, _ *certificate) error {
		deleteWhere(c, "certificateArn", certificateValidationToken)
		return nil
	},
}

var certificateNeeds = needs{
	Create: func(o *operation) {
		name := o.regional("acm", "certificate/")
		o.creates("acm:RequestCertificate", name+"*", name+randomHex(32), "acm:AddTagsToCertificate", "")
	},
	Read: func(o *operation) { o.own("acm:DescribeCertificate", "acm:ListTagsForCertificate") },
	Update: func(o *operation) {
		if o.changes("options") {
			o.own("acm:UpdateCertificateOptions")
		}
		o.retags("acm:AddTagsToCertificate", "acm:RemoveTagsFromCertificate")
	},
	Delete: func(o *operation) { o.own("acm:DeleteCertificate") },
}

// validation returns the record that shows control of the domain. It is the same in every certificate of the account, and the
// same for a wildcard as for the name that it is directly below.
// https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
func validation(account, domain string) Validation {
	domain = strings.ToLower(strings.TrimPrefix(domain, "*."))
	sum := sha256.Sum256([]byte(account + " " + domain))
	digits := hex.EncodeToString(sum[:])
	label := make([]byte, 10)
	for i := range label {
		label[i] = 'a' + sum[len(sum)-1-i]%26
	}
	return Validation{
		Name:  "_" + digits[:32] + "." + domain,
		Value: "_" + digits[32:] + "." + string(label) + ".acm-validations.aws",
	}
}

type certificateValidation struct {
	CertificateARN        string   `json:"certificateArn"`
	ValidationRecordFQDNs []string `json:"validationRecordFqdns"`
}

// certificateIssuance is how long the provider waits for a certificate to be issued.
const certificateIssuance = 75 * time.Minute

// CertificateValidation is nothing in ACM: it is the provider's wait for a certificate to be issued.
// terraform-provider-aws, resource aws_acm_certificate_validation
var CertificateValidation = &cloud.Kind[certificateValidation]{
	Spec: cloud.Spec{
		Token: certificateValidationToken,
		Label: "ACM Certificate Validation",
		// terraform-provider-aws v5.100.0, internal/service/acm/certificate_validation.go
		Waits: []cloud.Wait{
			{
				Verb: cloud.Create, Whole: true, // it has no id yet while it waits
				Failure: "waiting for ACM Certificate to be issued: timeout while waiting for state to become 'ISSUED' (last state: 'PENDING_VALIDATION', timeout: 1h15m0s)",
			},
		},
		Needs:   certificateValidationNeeds,
		Replace: []string{"certificateArn", "validationRecordFqdns"},
		Sets:    []string{"validationRecordFqdns"},
		Latency: cloud.Latency{Create: 89},
		// It sets its id once the certificate is issued (terraform-provider-aws v5.100.0 internal/service/acm/certificate_validation.go).
		AllOrNothing: true,
	},
	Refs: func(_ *cloud.Call, in *certificateValidation) []cloud.Ref {
		return []cloud.Ref{{Token: certificateToken, Value: in.CertificateARN, Weak: true}}
	},
	Outputs: func(c *cloud.Call, in *certificateValidation) (cloud.Map, error) {
		if len(in.ValidationRecordFQDNs) > 0 {
			if err := in.covers(c.Find(cloud.Ref{Token: certificateToken, Value: in.CertificateARN})); err != nil {
				return nil, err
			}
		}
		if c.Old == nil {
			// The provider's id is a time too.
			c.Resource.ID = time.Now().UTC().Format("2006-01-02 15:04:05.999999999 -0700 MST")
		}
		return nil, nil
	},
	Apply: func(c *cloud.Call, in *certificateValidation) error {
		var last *cloud.Resource
		key := cloud.Key{Scope: c.Resource.Scope, Token: certificateToken, ID: in.CertificateARN}
		err := c.Await(certificateIssuance, func(tx *cloud.Tx) (bool, error) {
			r := tx.Get(key)
			if r == nil {
				return false, errors.New("couldn't find resource")
			}
			last = r
			switch status := r.Outputs["status"]; status {
			case CertificateIssued:
				return true, nil
			case CertificatePending:
				return false, nil
			default:
				return false, fmt.Errorf("unexpected state '%s', wanted target 'ISSUED'", status)
			}
		})
		if errors.Is(err, cloud.ErrTimeout) {
			limit := c.Timeout
			if limit == 0 {
				limit = time.Duration(float64(certificateIssuance) * c.Patience)
			}
			err = fmt.Errorf("%w to become 'ISSUED' (last state: 'PENDING_VALIDATION', timeout: %s)%s", err, limit, missing(last))
		}
		if err != nil {
			return fmt.Errorf("waiting for ACM Certificate (%s) to be issued: %w", in.CertificateARN, err)
		}
		return nil
	},
}

// To validate is to wait for somebody else, and nothing is left to delete.
var certificateValidationNeeds = needs{
	Read: func(o *operation) { o.other(certificateToken, "certificateArn", "acm:DescribeCertificate") },
}

// covers refuses to wait for a certificate of which a validation record is not among those that the program made.
func (in *certificateValidation) covers(certificate *cloud.Resource) error {
	made := map[string]bool{}
	for _, name := range in.ValidationRecordFQDNs {
		made[strings.TrimSuffix(name, ".")] = true
	}
	var errs []error
	options, _ := certificate.Outputs["domainValidationOptions"].([]any)
	for _, o := range options {
		option, _ := o.(cloud.Map)
		name, _ := option["resourceRecordName"].(string)
		if name = strings.TrimSuffix(name, "."); !made[name] {
			made[name] = true
			errs = append(errs, fmt.Errorf("missing %s DNS validation record: %s", option["domainName"], name))
		}
	}
	return errors.Join(errs...)
}

// missing names the records that ACM looked for in vain: what ACM's console shows and the provider leaves out.
func missing(certificate *cloud.Resource) string {
	if certificate == nil {
		return ""
	}
	var b strings.Builder
	for _, v := range cloud.StatusOf[CertificateStatus](certificate).Missing {
		fmt.Fprintf(&b, "; no CNAME record %s with the value %s answers in DNS", v.Name, v.Value)
	}
	return b.String()
}
