package acm

import (
	"cmp"
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

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/aws/internal/untyped"
	"slipway/localcloud/cloud"
)

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

// Validation is a CNAME record that proves the ownership of a domain, names without the trailing dot.
type Validation struct{ Name, Value string }

// Validations returns the records that the certificate waits for, each once.
func Validations(certificate *cloud.Resource) []Validation {
	var out []Validation
	for _, o := range Certificate.Outputs(certificate).DomainValidationOptions {
		v := Validation{Name: strings.TrimSuffix(o.RecordName, "."), Value: strings.TrimSuffix(o.RecordValue, ".")}
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// CertificateNames returns the names that the certificate is for, the common name first.
func CertificateNames(r *cloud.Resource) []string { return Certificate.Inputs(r).names() }

// IssueCertificate gives a certificate that is still waiting for its validation the key pair that was made for it.
func IssueCertificate(tx *cloud.Tx, key cloud.Key, pair tls.Certificate) error {
	r := tx.Get(key)
	if r == nil || Certificate.Outputs(r).Status != CertificatePending {
		return nil // deleted, or another change was faster
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
	out := *Certificate.Outputs(r)
	out.Status = CertificateIssued
	out.NotBefore, out.NotAfter = untyped.Timestamp(pair.Leaf.NotBefore), untyped.Timestamp(pair.Leaf.NotAfter)
	r = r.Clone()
	r.SetStatus(s)
	cloud.SetOutputs(r, &out)
	tx.Put(r)
	return nil
}

// DeferCertificate notes which validation records of a pending certificate are missing, or that they have been for too long.
func DeferCertificate(tx *cloud.Tx, key cloud.Key, missing []Validation, late bool) error {
	r := tx.Get(key)
	if r == nil || Certificate.Outputs(r).Status != CertificatePending {
		return nil
	}
	s := cloud.StatusOf[CertificateStatus](r)
	if slices.Equal(s.Missing, missing) && !late {
		return nil // a write would wake all watchers for nothing
	}
	s.Missing = missing
	out := *Certificate.Outputs(r)
	r = r.Clone()
	r.SetStatus(s)
	if late {
		out.Status = CertificateTimedOut
		cloud.SetOutputs(r, &out)
	}
	tx.Put(r)
	return nil
}

type certificate struct {
	DomainName              string    `json:"domainName"`
	SubjectAlternativeNames []string  `json:"subjectAlternativeNames"`
	ValidationMethod        string    `json:"validationMethod"`
	KeyAlgorithm            string    `json:"keyAlgorithm"`
	CertificateAuthorityARN string    `json:"certificateAuthorityArn"`
	CertificateBody         string    `json:"certificateBody"`
	PrivateKey              string    `json:"privateKey"`
	Tags                    tags.Tags `json:"tags"`
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

// domainName is ACM's pattern for a certificate's names.
// https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html
var domainName = regexp.MustCompile(`^(\*\.)?([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])$`)

type certificateOutputs struct {
	ARN                     string             `json:"arn"`
	SubjectAlternativeNames []string           `json:"subjectAlternativeNames"`
	KeyAlgorithm            string             `json:"keyAlgorithm"`
	Options                 cloud.Map          `json:"options"`
	DomainValidationOptions []DomainValidation `json:"domainValidationOptions"`
	Status                  string             `json:"status"`
	Type                    string             `json:"type"`
	NotBefore               string             `json:"notBefore,omitempty"`
	NotAfter                string             `json:"notAfter,omitempty"`
	RenewalEligibility      string             `json:"renewalEligibility"`
	PendingRenewal          bool               `json:"pendingRenewal"`
	RenewalSummaries        []any              `json:"renewalSummaries"`
	ValidationEmails        []any              `json:"validationEmails"`
}

// DomainValidation is the record that proves the ownership of a certificate's domain.
type DomainValidation struct {
	DomainName  string `json:"domainName"`
	RecordName  string `json:"resourceRecordName"`
	RecordType  string `json:"resourceRecordType"`
	RecordValue string `json:"resourceRecordValue"`
}

// Certificate is a public certificate. It is issued once the certificate controller has found every validation record in DNS.
// https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
var Certificate = &cloud.Kind[certificate, certificateOutputs]{
	Spec: cloud.Spec{
		Token:   CertificateToken,
		Label:   "ACM Certificate",
		Import:  cloud.ByID,
		Drift:   cloud.Drift{Change: cloud.Map{"tags": cloud.Map{"By": "hand"}}, Serves: true, Refused: "ResourceInUseException"},
		Derived: tags.All,
		Needs:   certificateNeeds,
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
		NotFound: check.NotFound("ResourceNotFoundException", "Could not find certificate %s."),
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
	Create: func(c *cloud.Call, in *certificate, out *certificateOutputs) (string, error) {
		if err := in.requestable(); err != nil {
			return "", err
		}
		out.ARN = arns.New(c.Caller.Scope, "acm", "certificate/"+ids.UUID())
		out.SubjectAlternativeNames = in.names()
		for _, n := range in.names() {
			v := validation(c.Caller.Scope.Account, n)
			out.DomainValidationOptions = append(out.DomainValidationOptions, DomainValidation{
				DomainName: n, RecordName: v.Name + ".", RecordType: "CNAME", RecordValue: v.Value + ".",
			})
		}
		out.KeyAlgorithm = cmp.Or(in.KeyAlgorithm, "RSA_2048")
		if out.Options == nil {
			out.Options = cloud.Map{"certificateTransparencyLoggingPreference": "ENABLED"}
		}
		out.Status, out.Type, out.RenewalEligibility = CertificatePending, "AMAZON_ISSUED", "INELIGIBLE"
		out.RenewalSummaries, out.ValidationEmails = []any{}, []any{}
		c.Resource.SetStatus(CertificateStatus{Requested: time.Now().UTC()})
		return out.ARN, nil
	},
	Delete: func(c *cloud.Call, _ *certificate) error {
		c.DeleteWhere("certificateArn", CertificateValidationToken)
		return nil
	},
}

var certificateNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		name := o.Regional("acm", "certificate/")
		o.Creates("acm:RequestCertificate", name+"*", name+ids.Hex(32), "acm:AddTagsToCertificate", "")
	},
	Read: func(o *permission.Operation) { o.Own("acm:DescribeCertificate", "acm:ListTagsForCertificate") },
	Update: func(o *permission.Operation) {
		if o.Changes("options") {
			o.Own("acm:UpdateCertificateOptions")
		}
		o.Retags("acm:AddTagsToCertificate", "acm:RemoveTagsFromCertificate")
	},
	Delete: func(o *permission.Operation) { o.Own("acm:DeleteCertificate") },
}

// requestable refuses what ACM does not issue, or the local cloud does not.
func (in *certificate) requestable() error {
	switch {
	case in.CertificateBody != "" || in.PrivateKey != "":
		return fmt.Errorf("importing a certificate: %w", cloud.ErrUnimplemented)
	case in.CertificateAuthorityARN != "":
		return fmt.Errorf("a private certificate authority: %w", cloud.ErrUnimplemented)
	case in.ValidationMethod == "":
		return errors.New("`certificate_authority_arn` or `validation_method` must be set when creating an ACM certificate")
	case in.ValidationMethod != "DNS":
		return fmt.Errorf("validation by %s: %w", in.ValidationMethod, cloud.ErrUnimplemented)
	}
	names := in.names()
	for _, n := range names {
		if len(n) > 253 || !domainName.MatchString(n) {
			return cloud.Errorf("ValidationException", "1 validation error detected: Value '%s' at 'domainName' failed to satisfy constraint: "+
				"Member must satisfy regular expression pattern: (\\*\\.)?(((?!-)[A-Za-z0-9-]{0,62}[A-Za-z0-9])\\.)+((?!-)[A-Za-z0-9-]{1,62}[A-Za-z0-9])", n)
		}
	}
	// https://docs.aws.amazon.com/acm/latest/userguide/acm-limits.html
	if len(names) > 10 {
		return cloud.Errorf("LimitExceededException", "Cannot request more than 10 domain names on a certificate (%d requested).", len(names))
	}
	if len(in.DomainName) > 64 {
		return cloud.Errorf("InvalidDomainValidationOptionsException",
			"The first domain name can have a maximum of 64 characters: %s has %d.", in.DomainName, len(in.DomainName))
	}
	return nil
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
