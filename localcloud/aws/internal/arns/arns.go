// Package arns makes and takes apart the names of resources.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
package arns

import (
	"regexp"
	"strings"

	"slipway/localcloud/cloud"
)

// New returns the resource name that AWS gives to something in the call's account and region.
func New(s cloud.Scope, service, resource string) string {
	return "arn:aws:" + service + ":" + s.Region + ":" + s.Account + ":" + resource
}

// Pattern is what the provider takes for an ARN.
var Pattern = regexp.MustCompile(`^arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:(\d{12}|aws)?:.+$`)

// Parts splits what follows the kind in the ARN of a load balancer, a listener or a rule: app, the name, and the ids.
func Parts(arn string) []string {
	_, path, _ := strings.Cut(arn, "/")
	return strings.Split(path, "/")
}

// Account returns the account in an ARN, or "".
func Account(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[4]
	}
	return ""
}

// Root returns the ARN that stands for everybody in an account.
func Root(account string) string { return "arn:aws:iam::" + account + ":root" }
