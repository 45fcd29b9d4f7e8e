package elbv2api

import (
	"fmt"
	"slices"

	"slipway/localcloud/api"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/cloud"
)

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Listener.html
type listener struct {
	ARN             string        `xml:"ListenerArn"`
	LoadBalancerARN string        `xml:"LoadBalancerArn"`
	Port            int           `xml:"Port"`
	Protocol        string        `xml:"Protocol"`
	SSLPolicy       string        `xml:"SslPolicy,omitempty"`
	Certificates    []certificate `xml:"Certificates>member"`
	Default         []action      `xml:"DefaultActions>member"`
}

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Certificate.html
type certificate struct {
	ARN       string `xml:"CertificateArn"`
	IsDefault *bool  `xml:"IsDefault"` // only in descriptions of listener certificates
}

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeListeners.html
func describeListeners(r *api.Request) (any, error) {
	balancer, arns := r.Form.Get("LoadBalancerArn"), r.List("ListenerArns")
	if err := r.Only("LoadBalancerArn", "ListenerArns", "Marker", "PageSize"); err != nil {
		return nil, err
	}
	if (balancer == "") == (len(arns) == 0) {
		return nil, cloud.Errorf("ValidationError", "You must specify either listener ARNs or a load balancer ARN")
	}
	var out struct {
		Listeners []listener `xml:"Listeners>member"`
		Next      string     `xml:"NextMarker,omitempty"`
	}
	return &out, r.View(func(tx *cloud.Tx) error {
		if err := look(r, tx); err != nil {
			return err
		}
		all, err := named(r, tx, elbv2.Listener.Token, arns, elbv2.Listener.NotFound)
		if err != nil {
			return err
		}
		if balancer != "" {
			if _, err := named(r, tx, elbv2.LoadBalancer.Token, []string{balancer}, elbv2.LoadBalancer.NotFound); err != nil {
				return err
			}
			all = parts(tx.List(r.Caller.Scope, elbv2.Listener.Token), "loadBalancerArn", balancer)
		}
		some, next, err := paged(r, all, func(l *cloud.Resource) string { return l.ID })
		if err != nil {
			return err
		}
		for _, l := range some {
			out.Listeners = append(out.Listeners, listenerOf(l))
		}
		out.Next = next
		return nil
	})
}

// parts returns the resources that belong to the one that an input names.
func parts(all []*cloud.Resource, input, of string) []*cloud.Resource {
	return slices.DeleteFunc(slices.Clone(all), func(r *cloud.Resource) bool { return r.Inputs[input] != of })
}

func listenerOf(r *cloud.Resource) listener {
	in := elbv2.Listener.Described(r)
	l := listener{
		ARN: r.ID, LoadBalancerARN: in.LoadBalancerARN, Port: *in.Port, Protocol: in.Protocol, SSLPolicy: in.SSLPolicy, Default: actionsOf(in.DefaultActions),
	}
	if in.CertificateARN != "" {
		l.Certificates = []certificate{{ARN: in.CertificateARN}}
	}
	return l
}

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeListenerCertificates.html
func describeListenerCertificates(r *api.Request) (any, error) {
	const arn = "ListenerArn"
	if err := r.Only(arn, "Marker", "PageSize"); err != nil {
		return nil, err
	}
	var out struct {
		Certificates []certificate `xml:"Certificates>member"`
		Next         string        `xml:"NextMarker,omitempty"`
	}
	return &out, r.View(func(tx *cloud.Tx) error {
		if err := look(r, tx); err != nil {
			return err
		}
		found, err := named(r, tx, elbv2.Listener.Token, []string{r.Form.Get(arn)}, elbv2.Listener.NotFound)
		if err != nil {
			return err
		}
		var all []certificate
		yes, no := true, false
		if first := elbv2.Listener.Inputs(found[0]).CertificateARN; first != "" {
			all = append(all, certificate{first, &yes})
		}
		for _, listed := range elbv2.CertificatesOf(tx, found[0]) {
			all = append(all, certificate{listed, &no})
		}
		out.Certificates, out.Next, err = paged(r, all, func(c certificate) string { return fmt.Sprint(!*c.IsDefault, c.ARN) })
		return err
	})
}
