package stack

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"

	"slipway/internal/smoke"
)

// Target returns a service of the outputs as a smoke test asks it. A worker has no URL; what is not deployed has no image either. The outputs of a
// stack whose last update was made by a program of before tell a URL and nothing of what can be asked there.
//
// The outputs come from the stack's state, and anyone who may write that chooses them: a URL must be in one of the project's domains.
func (o Outputs) Target(service string) (smoke.Target, error) {
	target := smoke.Target{URL: o.URLs[service], Checks: o.Checks[service], Image: o.Images[service].Digest}
	if target.URL == "" {
		if _, deployed := o.Images[service]; deployed {
			target.Worker = service
		}
		return target, nil
	}
	if err := errors.Join(o.Domains.Check(target.URL), target.Checks.Check()); err != nil {
		return smoke.Target{}, fmt.Errorf("service %s is not asked: %w", service, err)
	}
	return target, nil
}

// Deployed returns the names of the services that are deployed, workers among them, sorted.
func (o Outputs) Deployed() []string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(o.URLs)), maps.Keys(o.Images))
	slices.Sort(names)
	return slices.Compact(names)
}

// OfPullRequest reports whether a stack belongs to a pull request (ci/pr-stack). Anyone who can push a branch can write anything into
// the state of any of them, because the role of those jobs may (bootstrap/).
func OfPullRequest(name string) bool {
	return strings.HasPrefix(name[strings.LastIndex(name, "/")+1:], "pr-")
}

// Domains are the DNS zones in a project's configuration files. A server with a certificate for a name in one of them belongs to the
// owners of the project.
type Domains []string

// Check returns an error unless a URL uses https and a domain, as main.go makes them.
func (d Domains) Check(text string) error {
	u, err := url.Parse(text)
	if err != nil {
		return errors.New("its URL cannot be read")
	}
	shown := u.Redacted()
	if u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Port() != "" && u.Port() != "443" {
		return fmt.Errorf("its URL must be https://host or https://host/path, not %q", shown)
	}
	host := strings.ToLower(u.Hostname())
	if slices.ContainsFunc(d, func(domain string) bool { return host == domain || strings.HasSuffix(host, "."+domain) }) {
		return nil
	}
	if len(d) == 0 {
		return fmt.Errorf("no Pulumi.*.yaml here names the domain of %q, so it is not trusted", shown)
	}
	return fmt.Errorf("its URL %q is not in the configured %s", shown, strings.Join(d, ", "))
}

// configurations reads the project's configuration files of all stacks. It leaves out those that cannot be read.
func (p *Project) configurations() []*workspace.ProjectStack {
	files, _ := filepath.Glob(filepath.Join(p.Dir(), "Pulumi.*.yaml")) // fails only if the pattern is bad
	var all []*workspace.ProjectStack
	for _, file := range files {
		if settings, err := workspace.LoadProjectStack(nil, nil, file); err == nil {
			all = append(all, settings)
		}
	}
	return all
}

// Domains reads the domains from the project's configuration files. A file that cannot be read names none.
func (p *Project) Domains() Domains {
	var domains Domains
	for _, settings := range p.configurations() {
		value := settings.Config[config.MustMakeKey(p.name, "domain")]
		if domain, err := value.Value(config.NopDecrypter); err == nil && domain != "" && !value.Secure() {
			domains = append(domains, strings.ToLower(domain))
		}
	}
	slices.Sort(domains)
	return slices.Compact(domains)
}
