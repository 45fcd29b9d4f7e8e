package elbv2

import (
	"cmp"
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
)

// defaultSSLPolicy is the default policy of a listener in the API.
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

type listenerOutputs struct {
	ARN                  string    `json:"arn"`
	DefaultActions       []any     `json:"defaultActions"`
	Protocol             string    `json:"protocol"`
	SSLPolicy            string    `json:"sslPolicy"`
	MutualAuthentication cloud.Map `json:"mutualAuthentication"`
	ServerEnabled        bool      `json:"routingHttpResponseServerEnabled"`
}

// follow fills in what follows from the inputs, and records the load balancer with the target groups.
func (out *listenerOutputs) follow(c *cloud.Call, in *listener) (err error) {
	out.Protocol, out.ServerEnabled, out.SSLPolicy = cmp.Or(in.Protocol, "HTTP"), true, ""
	if in.https() {
		out.SSLPolicy, out.MutualAuthentication = cmp.Or(in.SSLPolicy, defaultSSLPolicy), cloud.Map{"mode": "off"}
	}
	if out.DefaultActions, err = completeActions("defaultActions", c.Resource.Inputs, in.DefaultActions); err != nil {
		return err
	}
	return forwardTo(c, c.Find(cloud.Ref{Token: LoadBalancerToken, Value: in.LoadBalancerARN}), forwardsTo(in.DefaultActions))
}

// Listener accepts connections on one port of a load balancer. Its rules and its list of certificates go with it.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html
var Listener = &cloud.Kind[listener, listenerOutputs]{
	Spec: cloud.Spec{
		Token:    ListenerToken,
		Label:    "ELBv2 Listener",
		Import:   cloud.ByID,
		Drift:    cloud.Drift{Change: cloud.Map{"sslPolicy": defaultSSLPolicy}, Serves: true},
		Derived:  tags.All,
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
	Rules: func(c *cloud.Call, in *listener) error {
		if err := in.refuse(c); err != nil {
			return err
		}
		for _, r := range c.Tx.List(c.Caller.Scope, ListenerToken) {
			other := cloud.InputsOf[listener](r)
			if r.ID != c.Resource.ID && other.LoadBalancerARN == in.LoadBalancerARN && *other.Port == *in.Port {
				return cloud.Errorf("DuplicateListener", "A listener already exists on this port for this load balancer '%s'", in.LoadBalancerARN)
			}
		}
		return nil
	},
	Create: func(c *cloud.Call, in *listener, out *listenerOutputs) (string, error) {
		out.ARN = arns.New(c.Caller.Scope, "elasticloadbalancing", "listener/"+strings.Join(arns.Parts(in.LoadBalancerARN), "/")+"/"+ids.Hex(16))
		return out.ARN, out.follow(c, in)
	},
	Update: func(c *cloud.Call, in *listener, out *listenerOutputs) error { return out.follow(c, in) },
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
	if _, _, err := TLSVersions(in.SSLPolicy); in.SSLPolicy != "" && err != nil {
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
