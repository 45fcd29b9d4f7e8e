package acm

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/cloud"
)

type certificateValidation struct {
	CertificateARN        string   `json:"certificateArn"`
	ValidationRecordFQDNs []string `json:"validationRecordFqdns"`
}

// certificateIssuance is how long the provider waits for a certificate to be issued.
const certificateIssuance = 75 * time.Minute

// CertificateValidation is nothing in ACM: it is the provider's wait for a certificate to be issued.
// terraform-provider-aws, resource aws_acm_certificate_validation
var CertificateValidation = &cloud.Kind[certificateValidation, struct{}]{
	Spec: cloud.Spec{
		Token:  CertificateValidationToken,
		Label:  "ACM Certificate Validation",
		Import: cloud.NotImported,
		Drift:  cloud.Drift{Unchanged: "it is no thing of its own", Left: "it is no thing of its own"},
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
		return []cloud.Ref{{Token: CertificateToken, Value: in.CertificateARN, Weak: true}}
	},
	Rules: func(c *cloud.Call, in *certificateValidation) error {
		if len(in.ValidationRecordFQDNs) == 0 {
			return nil
		}
		return in.covers(c.Find(cloud.Ref{Token: CertificateToken, Value: in.CertificateARN}))
	},
	// The provider's id is a time too.
	Create: func(*cloud.Call, *certificateValidation, *struct{}) (string, error) {
		return time.Now().UTC().Format("2006-01-02 15:04:05.999999999 -0700 MST"), nil
	},
	Apply: func(c *cloud.Call, in *certificateValidation) error {
		var last *cloud.Resource
		key := cloud.Key{Scope: c.Resource.Scope, Token: CertificateToken, ID: in.CertificateARN}
		err := c.Await(certificateIssuance, func(tx *cloud.Tx) (bool, error) {
			r := tx.Get(key)
			if r == nil {
				return false, errors.New("couldn't find resource")
			}
			last = r
			switch status := cloud.OutputsOf[certificateOutputs](r).Status; status {
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

// A validation only waits, so there is nothing to delete.
var certificateValidationNeeds = permission.Needs{
	Read: func(o *permission.Operation) { o.Other(CertificateToken, "certificateArn", "acm:DescribeCertificate") },
}

// covers refuses to wait for a certificate with a validation record that the program did not make.
func (in *certificateValidation) covers(certificate *cloud.Resource) error {
	made := map[string]bool{}
	for _, name := range in.ValidationRecordFQDNs {
		made[strings.TrimSuffix(name, ".")] = true
	}
	var errs []error
	for _, o := range cloud.OutputsOf[certificateOutputs](certificate).DomainValidationOptions {
		if name := strings.TrimSuffix(o.RecordName, "."); !made[name] {
			made[name] = true
			errs = append(errs, fmt.Errorf("missing %s DNS validation record: %s", o.DomainName, name))
		}
	}
	return errors.Join(errs...)
}

// missing names the records that ACM did not find: ACM's console shows them and the provider leaves them out.
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
