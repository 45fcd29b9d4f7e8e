package main

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"slipway/components"
	"slipway/internal/settings"
)

// Every section of the config but the services.

var zoneIDPattern = regexp.MustCompile(`^[0-9a-f]{32}$`)

func checkZoneID(id string) error {
	if !zoneIDPattern.MatchString(id) {
		return errors.New("a Cloudflare zone id is 32 hexadecimal digits; leave it out to have it looked up by the domain")
	}
	return nil
}

func readNetwork(o *settings.Object) networkConfig {
	defer o.Close()
	n := networkConfig{
		cidr: o.Text("cidr", components.DefaultCIDR, func(s string) error {
			_, err := components.ParseVPCBlock(s)
			return err
		}),
		zones: o.Integer("zones", components.DefaultZones, components.MinZones, components.MaxZones),
		ipv6:  o.Boolean("ipv6", true),
	}
	if block, err := components.ParseVPCBlock(n.cidr); err == nil {
		if _, err := components.PublicBlocks(block, n.zones); err != nil {
			o.Invalid("cidr", n.cidr, err)
		}
	}
	return n
}

func readDNS(o *settings.Object) dnsConfig {
	defer o.Close()
	d := dnsConfig{
		proxied: o.Boolean("proxied", false),
		ttl:     o.Integer("ttl", components.MinTTL, components.MinTTL, components.MaxTTL),
	}
	if _, hasTTL := o.Get("ttl"); hasTTL && d.proxied {
		o.Problems.Add(o.Path("ttl"), "ttl and proxied exclude each other: Cloudflare sets the time-to-live of proxied records")
	}
	return d
}

var sslPolicyPattern = regexp.MustCompile(`^ELBSecurityPolicy-TLS13-1-[23](-[A-Za-z0-9]+)*-[0-9]{4}-[0-9]{2}$`)

func readLoadBalancer(o *settings.Object) loadBalancerConfig {
	defer o.Close()
	return loadBalancerConfig{
		idleTimeout:        o.Integer("idleTimeout", components.DefaultIdleTimeout, 1, components.MaxIdleTimeout),
		deletionProtection: o.Boolean("deletionProtection", false),
		sslPolicy: o.Text("sslPolicy", components.DefaultSSLPolicy, func(s string) error {
			if !sslPolicyPattern.MatchString(s) {
				return errors.New("must be a policy with TLS 1.3 and nothing below TLS 1.2, such as " + components.DefaultSSLPolicy)
			}
			return nil
		}),
	}
}

func readLogs(o *settings.Object) int {
	defer o.Close()
	days := o.Integer("retentionDays", components.DefaultLogRetention, 1, components.MaxLogRetention)
	if err := components.CheckLogRetention(days); err != nil {
		o.Invalid("retentionDays", days, err)
	}
	return days
}

// policyARNPattern matches the ARNs of managed policies, an account's own and AWS's ("IAM identifiers" in the IAM user guide).
var policyARNPattern = regexp.MustCompile(`^arn:aws(-[a-z]+)*:iam::([0-9]{12}|aws):policy/([!-~]+/)*[A-Za-z0-9+=,.@_-]{1,128}$`)

// maxARN is the length of a PermissionsBoundary (PutRolePermissionsBoundary in the IAM API reference).
const maxARN = 2048

func checkPolicyARN(arn string) error {
	if len(arn) > maxARN || !policyARNPattern.MatchString(arn) {
		return errors.New("must be the ARN of a managed policy, such as arn:aws:iam::123456789012:policy/slipway-boundary")
	}
	return nil
}

// Bounds of tags ("Tag naming limits and requirements" in the guide to tagging AWS resources).
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

// ownTags are set by the program.
var ownTags = []string{"Name", "Project", "Service", "Stack"}

// sameTag returns the key of another tag that differs from a tag's in case alone, and comes before it; "" if there is none. Most of
// AWS tells such keys apart; IAM refuses both together ("Tag naming conventions in IAM and AWS STS" in the IAM user guide).
func sameTag(tags map[string]string, name string) string {
	for _, other := range slices.Sorted(maps.Keys(tags)) {
		if other < name && strings.EqualFold(other, name) {
			return other
		}
	}
	return ""
}

var tagPattern = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

func readTags(root *settings.Object) components.Tags {
	tags := root.Scalars("tags")
	if most := maxTags - len(ownTags); len(tags) > most {
		root.Problems.Add(root.Path("tags"), "there are %d tags; at most %d leave room for %s", len(tags), most, strings.Join(ownTags, ", "))
	}
	for name, value := range tags {
		at := root.Path("tags", name)
		own := slices.IndexFunc(ownTags, func(own string) bool { return strings.EqualFold(own, name) })
		other := sameTag(tags, name)
		switch {
		case own >= 0:
			root.Problems.Add(at, "is set by the program as %s, and IAM does not tell upper and lower case apart; choose another key", ownTags[own])
		case other != "":
			root.Problems.Add(at, "is the same key as %s to IAM, which does not tell upper and lower case apart; choose another", other)
		case strings.HasPrefix(strings.ToLower(name), "aws:"):
			root.Problems.Add(at, "keys that begin with aws: are reserved by AWS")
		case name == "" || utf8.RuneCountInString(name) > maxTagKey || !tagPattern.MatchString(name):
			root.Problems.Add(at, "a tag's key is 1 to %d letters, digits, spaces and _ . : / = + - @", maxTagKey)
		case utf8.RuneCountInString(value) > maxTagValue || !tagPattern.MatchString(value):
			root.Problems.Add(at, "a tag's value is at most %d letters, digits, spaces and _ . : / = + - @", maxTagValue)
		}
	}
	return tags
}
