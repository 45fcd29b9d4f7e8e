package config

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"slipway/internal/settings"
	"slipway/spec"
)

// Every section of the config but the services.

var zoneIDPattern = regexp.MustCompile(`^[0-9a-f]{32}$`)

func checkZoneID(id string) error {
	if !zoneIDPattern.MatchString(id) {
		return errors.New("a Cloudflare zone id is 32 hexadecimal digits; leave it out to have it looked up by the domain")
	}
	return nil
}

func readNetwork(o *settings.Object) spec.Network {
	defer o.Close()
	n := spec.Network{
		CIDR: o.Text("cidr", spec.DefaultCIDR, func(s string) error {
			_, err := spec.ParseVPCBlock(s)
			return err
		}),
		Zones: o.Integer("zones", spec.DefaultZones, spec.MinZones, spec.MaxZones),
		IPv6:  o.Boolean("ipv6", true),
	}
	report(o, n.Problems())
	return n
}

func readDNS(o *settings.Object) spec.DNS {
	defer o.Close()
	d := spec.DNS{
		Proxied: o.Boolean("proxied", false),
		TTL:     o.Integer("ttl", spec.MinTTL, spec.MinTTL, spec.MaxTTL),
	}
	if _, hasTTL := o.Get("ttl"); hasTTL && d.Proxied {
		o.Problems.Add(o.Path("ttl"), "ttl and proxied exclude each other: Cloudflare sets the time-to-live of proxied records")
	}
	report(o, d.Problems())
	return d
}

func readLoadBalancer(o *settings.Object) spec.LoadBalancer {
	defer o.Close()
	b := spec.LoadBalancer{
		IdleTimeout:        o.Integer("idleTimeout", spec.DefaultIdleTimeout, 1, spec.MaxIdleTimeout),
		DeletionProtection: o.Boolean("deletionProtection", false),
		SSLPolicy:          o.Text("sslPolicy", spec.DefaultSSLPolicy, spec.CheckSSLPolicy),
	}
	report(o, b.Problems())
	return b
}

// report notes what the rules find wrong with what was read, by key. What is reported already, and what only contradicts that, is left out.
func report(o *settings.Object, found spec.Problems) {
	for _, problem := range found {
		key := o.Path(problem.Path...)
		wrong := func(member string) bool {
			return o.Problems.Within(o.Path(slices.Concat(problem.Path, []string{member})...))
		}
		switch {
		case errors.Is(problem.Err, spec.ErrMissing): // whoever read it says so, and what it would be
		case slices.ContainsFunc(problem.Between, wrong), problem.Between == nil && o.Problems.At(key):
		case problem.Value != nil:
			o.Problems.AddValue(key, problem.Value, o.Secret, problem.Err)
		default:
			o.Problems.Add(key, "%w", problem.Err)
		}
	}
}

func readLogs(o *settings.Object) int {
	defer o.Close()
	days := o.Integer("retentionDays", spec.DefaultLogRetention, 1, spec.MaxLogRetention)
	if err := spec.CheckLogRetention(days); err != nil {
		o.Invalid("retentionDays", days, err)
		return spec.DefaultLogRetention
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

func readTags(root *settings.Object) map[string]string {
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
