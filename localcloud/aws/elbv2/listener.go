package elbv2

import (
	"maps"
	"slices"
	"strings"

	"slipway/localcloud/aws/acm"
	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
	"slipway/localcloud/lb"
)

// defaultSSLPolicy is what a listener has that is not told otherwise, through the API.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
const defaultSSLPolicy = "ELBSecurityPolicy-2016-08"

type listener struct {
	LoadBalancerARN      string   `json:"loadBalancerArn"`
	Port                 *int     `json:"port"`
	Protocol             string   `json:"protocol"`
	CertificateARN       string   `json:"certificateArn"`
	SSLPolicy            string   `json:"sslPolicy"`
	ALPNPolicy           string   `json:"alpnPolicy"`
	DefaultActions       []Action `json:"defaultActions"`
	MutualAuthentication *struct {
		Mode string `json:"mode"`
	} `json:"mutualAuthentication"`
	TCPIdleTimeoutSeconds int       `json:"tcpIdleTimeoutSeconds"`
	Tags                  tags.Tags `json:"tags"`
}

// https reports whether clients speak TLS with the listener. The provider takes HTTP for granted.
func (in *listener) https() bool { return in.Protocol == "HTTPS" }

// Listener accepts connections on one port of a load balancer. Its rules and its list of certificates go with it.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html
var Listener = &cloud.OldKind[listener]{
	Spec: cloud.Spec{
		Token:    ListenerToken,
		Label:    "ELBv2 Listener",
		Needs:    listenerNeeds,
		Replace:  []string{"loadBalancerArn"},
		Normal:   map[string]func(any) any{"defaultActions": sortedLists},
		Computed: []string{"mutualAuthentication", "protocol", "sslPolicy", "tcpIdleTimeoutSeconds"},
		Latency:  cloud.Latency{Create: 1, Delete: 1},
		NotFound: check.NotFound("ListenerNotFound", "One or more listeners not found (%s)"),
	},
	Check: func(in *listener) []cloud.Failure {
		var f []cloud.Failure
		if in.Port != nil {
			f = append(f, check.Between("port", *in.Port, 1, 65535)...)
		}
		f = append(f, check.OneOf("protocol", in.Protocol, "HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP", "GENEVE")...)
		f = append(f, checkActions("defaultActions", in.DefaultActions)...)
		if m := in.MutualAuthentication; m != nil && m.Mode != "" && m.Mode != "off" {
			f = append(f, check.NotModelled("mutualAuthentication", "mutual authentication"))
		}
		return f
	},
	Refs: func(_ *cloud.Call, in *listener) []cloud.Ref {
		return append(targetGroupRefs(in.DefaultActions),
			cloud.Ref{Token: LoadBalancerToken, Value: in.LoadBalancerARN, Weak: true},
			// A certificate that is not there is refused in the load balancer's words, not in the certificate manager's.
			cloud.Ref{Token: acm.CertificateToken, Value: in.CertificateARN, Lenient: true})
	},
	Outputs: func(c *cloud.Call, in *listener) (cloud.Map, error) {
		s, out := c.Caller.Scope, cloud.Map{"tagsAll": in.Tags.All(c)}
		if err := in.refuse(c); err != nil {
			return nil, err
		}
		balancer := c.Find(cloud.Ref{Token: LoadBalancerToken, Value: in.LoadBalancerARN})
		for _, r := range c.Tx.List(s, ListenerToken) {
			other := cloud.InputsOf[listener](r)
			if r.ID != c.Resource.ID && other.LoadBalancerARN == in.LoadBalancerARN && *other.Port == *in.Port {
				return nil, cloud.Errorf("DuplicateListener",
					"A listener already exists on this port for this load balancer '%s'", in.LoadBalancerARN)
			}
		}
		actions, err := completeActions("defaultActions", c.Resource.Inputs, in.DefaultActions)
		if err != nil {
			return nil, err
		}
		if err := forwardTo(c, balancer, forwardsTo(in.DefaultActions)); err != nil {
			return nil, err
		}
		out["defaultActions"] = actions
		out["routingHttpResponseServerEnabled"] = true
		if in.Protocol == "" {
			out["protocol"] = "HTTP"
		}
		switch {
		case !in.https():
			out["sslPolicy"] = ""
		case in.SSLPolicy == "":
			out["sslPolicy"] = defaultSSLPolicy
		}
		if in.https() {
			out["mutualAuthentication"] = cloud.Map{"mode": "off"}
		}
		if c.Old == nil {
			c.Resource.ID = arns.New(s, "elasticloadbalancing",
				"listener/"+strings.Join(arns.Parts(in.LoadBalancerARN), "/")+"/"+ids.Hex(16))
			out["arn"] = c.Resource.ID
		}
		return out, nil
	},
	Delete: func(c *cloud.Call, _ *listener) error {
		deleteParts(c.Tx, c.Resource)
		return forwardTo(c, nil, nil)
	},
}

var listenerNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		createsPart(o, LoadBalancerToken, "loadBalancerArn", "CreateListener", "listener/")
		// The provider sets attributes even if the program says nothing of them.
		o.Own("elasticloadbalancing:ModifyListenerAttributes")
	},
	Read: func(o *permission.Operation) {
		o.Any("elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeListenerAttributes", "elasticloadbalancing:DescribeTags")
	},
	Update: func(o *permission.Operation) {
		attribute := func(p string) bool { return strings.HasPrefix(p, "routingHttp") || p == "tcpIdleTimeoutSeconds" }
		if slices.ContainsFunc(o.Changed(), attribute) {
			o.Own("elasticloadbalancing:ModifyListenerAttributes")
		}
		if slices.ContainsFunc(o.Changed(), func(p string) bool { return p != "tags" && !attribute(p) }) {
			o.Own("elasticloadbalancing:ModifyListener")
		}
		retags(o)
	},
	Delete: func(o *permission.Operation) {
		o.Own("elasticloadbalancing:DeleteListener")
		o.Any("elasticloadbalancing:DescribeListeners")
	},
}

// refuse applies the rules that AWS has for the settings of a listener.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/create-https-listener.html
func (in *listener) refuse(c *cloud.Call) error {
	for _, property := range slices.Sorted(maps.Keys(c.Resource.Inputs)) {
		if strings.HasPrefix(property, "routingHttp") {
			return cloud.Errorf("ValidationError", "%s: %v", property, cloud.ErrUnimplemented)
		}
	}
	switch {
	case in.Port == nil:
		return cloud.Errorf("ValidationError", "A listener port must be specified")
	case in.Protocol != "" && in.Protocol != "HTTP" && in.Protocol != "HTTPS":
		return cloud.Errorf("ValidationError", "Protocol '%s' must be one of 'HTTP, HTTPS'", in.Protocol)
	case in.ALPNPolicy != "":
		return cloud.Errorf("InvalidConfigurationRequest", "ALPN policies are not supported for %s listeners", in.Protocol)
	case in.TCPIdleTimeoutSeconds != 0:
		return cloud.Errorf("InvalidConfigurationRequest", "Listener attribute 'tcp.idle_timeout.seconds' is not supported on application load balancers")
	case !in.https() && in.CertificateARN != "":
		return cloud.Errorf("ValidationError", "A certificate cannot be specified for HTTP listeners")
	case !in.https() && in.SSLPolicy != "":
		return cloud.Errorf("ValidationError", "An SSL policy cannot be specified for HTTP listeners")
	case !in.https():
		return nil
	case in.CertificateARN == "":
		return cloud.Errorf("ValidationError", "A certificate must be specified for HTTPS listeners")
	}
	if _, _, err := lb.TLSVersions(in.SSLPolicy); in.SSLPolicy != "" && err != nil {
		return cloud.Errorf("SSLPolicyNotFound", "SSL policy '%s' not found", in.SSLPolicy)
	}
	return refuseCertificate(c, in.CertificateARN)
}

// deleteParts removes the rules of a listener and its list of certificates.
func deleteParts(tx *cloud.Tx, listener *cloud.Resource) {
	for _, r := range tx.List(listener.Scope, ListenerCertificateToken) {
		if cloud.InputsOf[listenerCertificate](r).ListenerARN == listener.ID {
			tx.Delete(r.Key)
		}
	}
	for _, r := range tx.List(listener.Scope, ListenerRuleToken) {
		if cloud.InputsOf[listenerRule](r).ListenerARN == listener.ID {
			tx.Delete(r.Key)
		}
	}
}
