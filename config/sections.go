package config

import (
	"errors"
	"regexp"
	"slices"

	"slipway/internal/settings"
	"slipway/spec"
)

// Every section of the config except the services.

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
		Egress: spec.Egress(o.Text("egress", string(spec.EgressPublic), func(egress string) error {
			return spec.Egress(egress).Check()
		})),
	}
	logs := o.Section("flowLogs")
	if days := logs.Integer("retentionDays", spec.DefaultLogRetention, 1, spec.MaxLogRetention); o.Has("flowLogs") {
		n.FlowLogs.RetentionDays = days
	}
	logs.Close()
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

// readLoadBalancer reads the settings of the stack's load balancer, and the names that make the stack a platform.
func readLoadBalancer(o *settings.Object, domain string) (b spec.LoadBalancer, platformNames []string) {
	defer o.Close()
	b = spec.LoadBalancer{
		IdleTimeout:        o.Integer("idleTimeout", spec.DefaultIdleTimeout, 1, spec.MaxIdleTimeout),
		DeletionProtection: o.Boolean("deletionProtection", o.Has("hostnames")), // a platform's destruction would take other stacks with it
		SSLPolicy:          o.Text("sslPolicy", spec.DefaultSSLPolicy, spec.CheckSSLPolicy),
	}
	report(o, b.Problems())
	return b, o.Set("hostnames", func(name string) error {
		if domain == "" { // which is reported
			return nil
		}
		return spec.CheckHostname(name, domain)
	})
}

// report notes the problems that the rules find, by key. It leaves out what is reported already, and contradictions that involve it.
func report(o *settings.Object, found spec.Problems) {
	for _, problem := range found {
		key := o.Path(problem.Path...)
		wrong := func(member string) bool {
			return o.Problems.Within(o.Path(slices.Concat(problem.Path, []string{member})...))
		}
		switch {
		case errors.Is(problem.Err, spec.ErrMissing): // the reader has reported it, and says what it should be
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

// ownTags are set by the program.
var ownTags = []string{"Name", "Project", spec.ServiceTag, "Stack"}

func readTags(root *settings.Object) spec.Tags {
	tags := spec.Tags(root.Scalars("tags"))
	var found spec.Problems
	found.Include(tags.Problems(ownTags...), "tags")
	report(root, found)
	return tags
}
