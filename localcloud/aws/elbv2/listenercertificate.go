package elbv2

import (
	"fmt"
	"strings"

	"slipway/localcloud/aws/acm"
	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/cloud"
)

type listenerCertificate struct {
	ListenerARN    string `json:"listenerArn"`
	CertificateARN string `json:"certificateArn"`
}

// maxCertificates is how many certificates a load balancer has, its listeners' default ones not counted.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
const maxCertificates = 25

// ListenerCertificate is an entry in a listener's list of certificates, from which the load balancer chooses by the host name that a
// client asks for. It is deleted with its listener.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_AddListenerCertificates.html
var ListenerCertificate = &cloud.Kind[listenerCertificate, struct{}]{
	Spec: cloud.Spec{
		Token:    ListenerCertificateToken,
		Label:    "ELBv2 Listener Certificate",
		Import:   cloud.ByID,
		Drift:    cloud.Drift{Unchanged: "it has nothing but its two ends"},
		Needs:    listenerCertificateNeeds,
		Replace:  []string{"listenerArn", "certificateArn"},
		Latency:  cloud.Latency{Create: 1, Delete: 1},
		NotFound: check.NotFound("CertificateNotFound", "Certificate '%s' not found"),
		// terraform-provider-aws v5.100.0, internal/service/elbv2/listener_certificate.go, resourceListenerCertificateDelete
		Forgiven: func(err *cloud.Error) bool { return err.Code == "OperationNotPermitted" },
	},
	Check: func(in *listenerCertificate) []cloud.Failure {
		var f []cloud.Failure
		for property, value := range check.InOrder(map[string]string{"listenerArn": in.ListenerARN, "certificateArn": in.CertificateARN}) {
			if value != "" && !arns.Pattern.MatchString(value) {
				f = append(f, cloud.Failure{Property: property, Reason: fmt.Sprintf("%q (%s) is an invalid ARN", property, value)})
			}
		}
		return f
	},
	Refs: func(_ *cloud.Call, in *listenerCertificate) []cloud.Ref {
		return []cloud.Ref{
			{Token: ListenerToken, Value: in.ListenerARN, Weak: true},
			{Token: acm.CertificateToken, Value: in.CertificateARN, Lenient: true}, // what is not there is refused in the load balancer's words
		}
	},
	Rules: func(c *cloud.Call, in *listenerCertificate) error {
		parent := c.Find(cloud.Ref{Token: ListenerToken, Value: in.ListenerARN})
		if !cloud.InputsOf[listener](parent).https() {
			return cloud.Errorf("ValidationError", "A certificate cannot be specified for HTTP listeners")
		}
		return refuseCertificate(c, in.CertificateARN)
	},
	Create: func(c *cloud.Call, in *listenerCertificate, _ *struct{}) (string, error) {
		parent := c.Find(cloud.Ref{Token: ListenerToken, Value: in.ListenerARN})
		// A certificate in the list is not added again, and that is not an error.
		id := in.ListenerARN + "_" + in.CertificateARN
		if c.Find(cloud.Ref{Token: ListenerCertificateToken, Value: id}) == nil && listedCertificates(c, parent) >= maxCertificates {
			return "", cloud.Errorf("TooManyCertificates", "You have reached the maximum of %d certificates for load balancer '%s'",
				maxCertificates, cloud.InputsOf[listener](parent).LoadBalancerARN)
		}
		return id, nil
	},
	Delete: func(c *cloud.Call, in *listenerCertificate) error {
		parent := c.Find(cloud.Ref{Token: ListenerToken, Value: in.ListenerARN})
		if parent != nil && cloud.InputsOf[listener](parent).CertificateARN == in.CertificateARN {
			return cloud.Errorf("OperationNotPermitted", "Default certificate cannot be removed")
		}
		return nil
	},
}

var listenerCertificateNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		o.Other(ListenerToken, "listenerArn", "elasticloadbalancing:AddListenerCertificates")
	},
	Read: func(o *permission.Operation) { o.Any("elasticloadbalancing:DescribeListenerCertificates") },
	Delete: func(o *permission.Operation) {
		o.Other(ListenerToken, "listenerArn", "elasticloadbalancing:RemoveListenerCertificates")
	},
}

// listedCertificates counts the entries of all listeners of a listener's load balancer.
func listedCertificates(c *cloud.Call, of *cloud.Resource) int {
	balancer, n := cloud.InputsOf[listener](of).LoadBalancerARN, 0
	for _, r := range c.Tx.List(of.Scope, ListenerCertificateToken) {
		l := c.Find(cloud.Ref{Token: ListenerToken, Value: cloud.InputsOf[listenerCertificate](r).ListenerARN})
		if l != nil && cloud.InputsOf[listener](l).LoadBalancerARN == balancer {
			n++
		}
	}
	return n
}

// CertificatesOf returns the ARNs of the certificates in a listener's list, the default one aside.
func CertificatesOf(tx *cloud.Tx, of *cloud.Resource) []string {
	var out []string
	for _, r := range tx.List(of.Scope, ListenerCertificateToken) {
		if arn, ok := strings.CutPrefix(r.ID, of.ID+"_"); ok {
			out = append(out, arn)
		}
	}
	return out
}

// refuseCertificate has the rules for a listener's certificates.
func refuseCertificate(c *cloud.Call, arn string) error {
	cert := c.Find(cloud.Ref{Token: acm.CertificateToken, Value: arn})
	switch {
	case cert == nil:
		return cloud.Errorf("CertificateNotFound", "Certificate '%s' not found", arn)
	case acm.Certificate.Outputs(cert).Status != acm.CertificateIssued:
		// AWS's own words for a certificate that awaits validation.
		return cloud.Errorf("UnsupportedCertificate", "The certificate '%s' must have a fully-qualified domain name, "+
			"a supported signature, and a supported key size.", arn)
	}
	return nil
}
