package servicediscovery

import (
	"regexp"
	"time"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
)

type httpNamespace struct {
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Tags        tags.Tags `json:"tags"`
}

type httpNamespaceOutputs struct {
	ARN      string `json:"arn"`
	HTTPName string `json:"httpName"`
}

// namespaceName is what Cloud Map takes as the name of an HTTP namespace.
// https://docs.aws.amazon.com/cloud-map/latest/api/API_CreateHttpNamespace.html
const maxName = 1024

var namespaceName = regexp.MustCompile(`^[!-~]+$`)

// HTTPNamespace has names that callers of the Cloud Map API find, and no DNS server answers. ECS Service Connect keeps its names there. Its
// services are those of ECS, which refer to it: so it cannot be deleted before them.
// https://docs.aws.amazon.com/cloud-map/latest/dg/working-with-namespaces.html
var HTTPNamespace = &cloud.Kind[httpNamespace, httpNamespaceOutputs]{
	Spec: cloud.Spec{
		Token:    HTTPNamespaceToken,
		Label:    "Service Discovery HTTP Namespace",
		Import:   cloud.ByID,
		Drift:    cloud.Drift{Change: cloud.Map{"tags": cloud.Map{"By": "hand"}}, Serves: true, Refused: "ResourceInUse"},
		Derived:  tags.All,
		Needs:    httpNamespaceNeeds,
		AutoName: &cloud.AutoName{Property: "name", Max: maxName},
		Replace:  []string{"description", "name"},
		Latency:  cloud.Latency{Create: 15, Delete: 5},
		Patience: 2 * time.Minute, // terraform-provider-aws v5.100.0, internal/service/servicediscovery/http_namespace.go
		NotFound: func(id string) *cloud.Error {
			return cloud.Errorf("NamespaceNotFound", "Unable to find namespace with ID: %s", id)
		},
		InUse: func(_, by *cloud.Resource) *cloud.Error {
			return cloud.Errorf("ResourceInUse", "Namespace has associated services; delete the services before deleting the namespace (%s)", by.ID)
		},
	},
	Check: func(in *httpNamespace) []cloud.Failure {
		if in.Name != "" && (len(in.Name) > maxName || !namespaceName.MatchString(in.Name)) {
			return []cloud.Failure{{Property: "name", Reason: "invalid value for name: 1 to 1024 characters of ASCII, without spaces"}}
		}
		return nil
	},
	Rules: func(c *cloud.Call, in *httpNamespace) error {
		for _, r := range c.Tx.List(c.Caller.Scope, HTTPNamespaceToken) {
			if r.ID != c.Resource.ID && cloud.InputsOf[httpNamespace](r).Name == in.Name {
				return cloud.Errorf("NamespaceAlreadyExists", "The namespace %s already exists with ID %s", in.Name, r.ID)
			}
		}
		return nil
	},
	Create: func(c *cloud.Call, in *httpNamespace, out *httpNamespaceOutputs) (string, error) {
		id := "ns-" + ids.Hex(16)
		out.ARN, out.HTTPName = arns.New(c.Caller.Scope, "servicediscovery", "namespace/"+id), in.Name
		return id, nil
	},
}

var httpNamespaceNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		name := o.Regional("servicediscovery", "namespace/")
		o.Creates("servicediscovery:CreateHttpNamespace", name+"*", name+"ns-"+ids.Hex(16), "servicediscovery:TagResource", "")
		o.Any("servicediscovery:GetOperation")
	},
	Read: func(o *permission.Operation) {
		o.Own("servicediscovery:GetNamespace")
		o.Any("servicediscovery:ListTagsForResource")
	},
	Update: func(o *permission.Operation) {
		o.Retags("servicediscovery:TagResource", "servicediscovery:UntagResource")
	},
	Delete: func(o *permission.Operation) {
		o.Own("servicediscovery:DeleteNamespace")
		o.Any("servicediscovery:GetOperation")
	},
}
