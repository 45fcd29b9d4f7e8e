package servicediscovery_test

import (
	"strings"
	"testing"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/servicediscovery"
	"slipway/localcloud/cloud"
)

func TestHTTPNamespace(t *testing.T) {
	t.Parallel()
	c := awstest.New(t, servicediscovery.Kinds()...)
	in := cloud.Map{"name": "dev"}
	made := c.Make(servicediscovery.HTTPNamespaceToken, in)
	if arn := made.Text("arn"); !strings.HasPrefix(made.ID, "ns-") || !strings.HasSuffix(arn, ":namespace/"+made.ID) || made.Text("httpName") != "dev" {
		t.Errorf("the namespace is %s, %v", made.ID, made.Outputs)
	}
	_, err := c.Try(servicediscovery.HTTPNamespaceToken, in)
	c.Refused(err, "NamespaceAlreadyExists", made.ID)
	_, err = c.Try(servicediscovery.HTTPNamespaceToken, cloud.Map{"name": "two words"})
	c.Refused(err, "Check", "without spaces")
	c.Remove(made)
	c.Make(servicediscovery.HTTPNamespaceToken, in)
}

func TestHTTPNamespaceThatIsNotThere(t *testing.T) {
	t.Parallel()
	c := awstest.New(t, servicediscovery.Kinds()...)
	_, err := c.UpdateOnce(t.Context(), awstest.Here, servicediscovery.HTTPNamespaceToken, "ns-0", cloud.Map{"name": "dev"})
	c.Refused(err, "NamespaceNotFound", "ns-0")
}
