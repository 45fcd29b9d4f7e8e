// Package arns makes and takes apart the names of resources.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
package arns

import (
	"regexp"
	"strings"

	"slipway/localcloud/cloud"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// New returns the resource name that AWS gives to something in the call's account and region.
func New(s cloud.Scope, service, resource string) string {
	return arn.ARN{Partition: "aws", Service: service, Region: s.Region, AccountID: s.Account, Resource: resource}.String()
}

// Global returns the ARN of a resource without a region, and without an account if that is empty.
func Global(service, account, resource string) string {
	return New(cloud.Scope{Account: account}, service, resource)
}

// Root returns the ARN that stands for everyone in an account.
func Root(account string) string { return Global("iam", account, "root") }

// Pattern matches what the provider accepts as an ARN.
var Pattern = regexp.MustCompile(`^arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:(\d{12}|aws)?:.+$`)

// Account returns the account in an ARN, or "".
func Account(name string) string { return parse(name).AccountID }

// Resource returns what an ARN says of the resource itself, such as service/main/hello, or "".
func Resource(name string) string { return parse(name).Resource }

// Parts splits what follows the kind in the ARN of a load balancer, a listener or a rule: app, the name, and the ids.
func Parts(name string) []string {
	_, path, _ := strings.Cut(Resource(name), "/")
	return strings.Split(path, "/")
}

// Last returns the last part of an ARN's resource, after the last slash: mostly its name.
func Last(name string) string {
	resource := Resource(name)
	return resource[strings.LastIndex(resource, "/")+1:]
}

// parse splits an ARN; an invalid one has no parts.
func parse(name string) arn.ARN {
	a, _ := arn.Parse(name)
	return a
}
