// Package acmapi answers the API of AWS Certificate Manager.
package acmapi

import (
	"slices"
	"time"

	"slipway/localcloud/api"
	"slipway/localcloud/aws/acm"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/cloud"
)

// Service answers AWS Certificate Manager's API.
var Service = api.Service{Target: "CertificateManager", Operations: map[string]api.Operation{
	"DescribeCertificate":    describeCertificate,
	"ListCertificates":       listCertificates,
	"ListTagsForCertificate": listTags,
}}

// https://docs.aws.amazon.com/acm/latest/APIReference/API_CertificateDetail.html
type certificateDetail struct {
	ARN          string             `json:"CertificateArn"`
	DomainName   string             `json:"DomainName"`
	Names        []string           `json:"SubjectAlternativeNames"`
	Validations  []domainValidation `json:"DomainValidationOptions"`
	Status       string             `json:"Status"`
	Type         string             `json:"Type"`
	KeyAlgorithm string             `json:"KeyAlgorithm"`
	CreatedAt    api.Epoch          `json:"CreatedAt"`
	NotBefore    api.Epoch          `json:"NotBefore"`
	NotAfter     api.Epoch          `json:"NotAfter"`
	InUseBy      []string           `json:"InUseBy"`
	Renewal      string             `json:"RenewalEligibility"`
}

// https://docs.aws.amazon.com/acm/latest/APIReference/API_DomainValidation.html
type domainValidation struct {
	DomainName string         `json:"DomainName"`
	Method     string         `json:"ValidationMethod"`
	Status     string         `json:"ValidationStatus"`
	Record     resourceRecord `json:"ResourceRecord"`
}

type resourceRecord struct {
	Name  string `json:"Name"`
	Type  string `json:"Type"`
	Value string `json:"Value"`
}

// https://docs.aws.amazon.com/acm/latest/APIReference/API_DescribeCertificate.html
func describeCertificate(r *api.Request) (any, error) {
	var in struct {
		ARN string `json:"CertificateArn"`
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	var out struct {
		Certificate certificateDetail `json:"Certificate"`
	}
	return &out, r.View(func(tx *cloud.Tx) error {
		found := tx.Get(cloud.Key{Scope: r.Caller.Scope, Token: acm.Certificate.Token, ID: in.ARN})
		if err := iam.May(tx, r.Caller, iam.Look{Action: "acm:DescribeCertificate", Resource: in.ARN, Of: found}); err != nil {
			return err
		}
		if found == nil {
			return acm.Certificate.NotFound(in.ARN)
		}
		out.Certificate = certificateOf(tx, found)
		return nil
	})
}

func certificateOf(tx *cloud.Tx, r *cloud.Resource) certificateDetail {
	out := acm.Certificate.Outputs(r)
	d := certificateDetail{
		ARN: r.ID, DomainName: acm.CertificateNames(r)[0], Names: acm.CertificateNames(r), Status: out.Status, Type: out.Type,
		KeyAlgorithm: out.KeyAlgorithm, CreatedAt: api.Epoch(cloud.StatusOf[acm.CertificateStatus](r).Requested),
		NotBefore: at(out.NotBefore), NotAfter: at(out.NotAfter), InUseBy: usersOf(tx, r), Renewal: out.RenewalEligibility,
	}
	for _, o := range out.DomainValidationOptions {
		v := domainValidation{
			DomainName: o.DomainName, Method: "DNS", Status: "SUCCESS", Record: resourceRecord{o.RecordName, o.RecordType, o.RecordValue},
		}
		switch d.Status {
		case acm.CertificatePending:
			v.Status = acm.CertificatePending
		case acm.CertificateTimedOut:
			v.Status = "FAILED"
		}
		d.Validations = append(d.Validations, v)
	}
	return d
}

// at returns an output that is a time; zero if there is none.
func at(output string) api.Epoch {
	t, _ := time.Parse(time.RFC3339, output)
	return api.Epoch(t)
}

// usersOf returns the ARNs of the load balancers with a listener that presents the certificate.
func usersOf(tx *cloud.Tx, r *cloud.Resource) []string {
	users := []string{}
	for _, l := range tx.List(r.Scope, elbv2.Listener.Token) {
		in := elbv2.Listener.Inputs(l)
		if (in.CertificateARN == r.ID || slices.Contains(elbv2.CertificatesOf(tx, l), r.ID)) && !slices.Contains(users, in.LoadBalancerARN) {
			users = append(users, in.LoadBalancerARN)
		}
	}
	return users
}

// https://docs.aws.amazon.com/acm/latest/APIReference/API_CertificateSummary.html
type certificateSummary struct {
	ARN          string    `json:"CertificateArn"`
	DomainName   string    `json:"DomainName"`
	Names        []string  `json:"SubjectAlternativeNameSummaries"`
	More         bool      `json:"HasAdditionalSubjectAlternativeNames"`
	Status       string    `json:"Status"`
	Type         string    `json:"Type"`
	KeyAlgorithm string    `json:"KeyAlgorithm"`
	InUse        bool      `json:"InUse"`
	CreatedAt    api.Epoch `json:"CreatedAt"`
	NotBefore    api.Epoch `json:"NotBefore"`
	NotAfter     api.Epoch `json:"NotAfter"`
	Renewal      string    `json:"RenewalEligibility"`
}

// https://docs.aws.amazon.com/acm/latest/APIReference/API_ListCertificates.html
func listCertificates(r *api.Request) (any, error) {
	const most = 1000
	in := struct {
		Statuses []string `json:"CertificateStatuses"`
		Includes struct {
			KeyTypes []string `json:"keyTypes"`
		} `json:"Includes"`
		MaxItems  *int   `json:"MaxItems"`
		NextToken string `json:"NextToken"`
	}{}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	if len(in.Includes.KeyTypes) == 0 {
		in.Includes.KeyTypes = []string{"RSA_1024", "RSA_2048"} // a caller must request all others
	}
	size := most
	if in.MaxItems != nil {
		size = *in.MaxItems
	}
	if size < 1 || size > most {
		return nil, cloud.Errorf("ValidationException", "1 validation error detected: Value '%d' at 'maxItems' failed to satisfy constraint: "+
			"Member must have value between 1 and %d", size, most)
	}
	out := struct {
		Certificates []certificateSummary `json:"CertificateSummaryList"`
		NextToken    string               `json:"NextToken,omitempty"`
	}{Certificates: []certificateSummary{}}
	return &out, r.View(func(tx *cloud.Tx) error {
		if err := iam.May(tx, r.Caller, iam.Look{Action: "acm:ListCertificates"}); err != nil {
			return err
		}
		var all []certificateSummary
		for _, c := range tx.List(r.Caller.Scope, acm.Certificate.Token) {
			s := summaryOf(tx, c)
			if slices.Contains(in.Includes.KeyTypes, s.KeyAlgorithm) && (len(in.Statuses) == 0 || slices.Contains(in.Statuses, s.Status)) {
				all = append(all, s)
			}
		}
		some, next, ok := api.Page(all, func(s certificateSummary) string { return s.ARN }, size, in.NextToken)
		if !ok {
			return cloud.Errorf("ValidationException", "Invalid NextToken.")
		}
		out.Certificates, out.NextToken = append(out.Certificates, some...), next
		return nil
	})
}

// summaryOf has the first hundred names at most.
func summaryOf(tx *cloud.Tx, r *cloud.Resource) certificateSummary {
	d := certificateOf(tx, r)
	const most = 100
	return certificateSummary{
		ARN: d.ARN, DomainName: d.DomainName, Names: d.Names[:min(most, len(d.Names))], More: len(d.Names) > most, Status: d.Status, Type: d.Type,
		KeyAlgorithm: d.KeyAlgorithm, InUse: len(d.InUseBy) > 0, CreatedAt: d.CreatedAt, NotBefore: d.NotBefore, NotAfter: d.NotAfter, Renewal: d.Renewal,
	}
}
