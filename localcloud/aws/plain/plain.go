// Package plain stores resources of kinds that the local cloud does not model. It checks their inputs against the SDK's types and
// stores them; it makes up AWS's other outputs in AWS's forms. No rule of AWS is enforced, nothing runs, and permissions are not
// checked.
package plain

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
	"slipway/localcloud/schema"
	"slipway/localcloud/schema/sdk"
)

// Kinds are the kinds that a user wants to be kept, by patterns of tokens.
type Kinds struct {
	patterns []string
	sources  *sdk.Sources

	mu        sync.Mutex
	described map[string]*schema.Resource // nil for a token that the SDKs do not have
}

// New returns the kinds whose tokens match a pattern, such as "aws:sqs/*" or "aws:sqs/queue:Queue". The folder is the program's: its
// module has the SDKs, whose sources have the kinds' types. Without patterns nothing is stored.
func New(patterns []string, program string) (*Kinds, error) {
	k := &Kinds{patterns: patterns, described: map[string]*schema.Resource{}}
	if len(patterns) == 0 {
		return k, nil
	}
	for _, p := range patterns {
		if err := check(p); err != nil {
			return nil, err
		}
	}
	var err error
	if k.sources, err = sdk.Locate(program); err != nil {
		return nil, fmt.Errorf("keep %s: %w; start the local cloud in the folder of the Pulumi program", strings.Join(patterns, ", "), err)
	}
	return k, nil
}

// check reports a pattern that cannot match any token: it would silently store nothing.
func check(pattern string) error {
	pkg, member, ok := strings.Cut(pattern, ":")
	if !ok || pkg != "aws" && pkg != "cloudflare" || !strings.Contains(member, "/") {
		return fmt.Errorf("keep %q: want a token or a pattern of tokens, such as aws:sns/topic:Topic or aws:sns/*", pattern)
	}
	if _, err := path.Match(pattern, ""); err != nil {
		return fmt.Errorf("keep %q: %w", pattern, err)
	}
	return nil
}

// Keeps reports whether resources of that token are kept.
func (k *Kinds) Keeps(token string) bool {
	return slices.ContainsFunc(k.patterns, func(pattern string) bool {
		match, _ := path.Match(pattern, token) // New has checked the patterns
		return match
	})
}

// Describe returns the SDK's description of a stored kind.
func (k *Kinds) Describe(token string) (*schema.Resource, bool) {
	if !k.Keeps(token) {
		return nil, false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	r, known := k.described[token]
	if !known {
		r, _ = schema.Describe(k.sources, token) // the program cannot use what the SDK does not have
		k.described[token] = r
	}
	return r, r != nil
}

// Kind returns the kind of that token. Its error names the option that keeps it.
func (k *Kinds) Kind(token string) (any, error) {
	if !k.Keeps(token) {
		return nil, fmt.Errorf("resource %s: %w; `bin/localcloud start -plain '%s'` keeps it as it is told (docs/add-your-own-resource.md)",
			token, cloud.ErrUnimplemented, service(token))
	}
	r, ok := k.Describe(token)
	if !ok {
		return nil, fmt.Errorf("resource %s: %w, and the SDK that the program is built with does not have it", token, cloud.ErrUnimplemented)
	}
	return kind(r), nil
}

// service is the pattern of all kinds of the token's service.
func service(token string) string {
	module, _, _ := strings.Cut(token, "/")
	return module + "/*"
}

// kind declares a kind only from the SDK's description.
func kind(r *schema.Resource) *cloud.Kind[cloud.Map, cloud.Map] {
	k := &cloud.Kind[cloud.Map, cloud.Map]{Spec: cloud.Spec{Token: r.Token, Label: r.Token, Needs: nothing{}}}
	name := nameOf(r)
	if name != "" {
		k.AutoName = &cloud.AutoName{Property: name}
		k.Replace = []string{name}
	}
	if _, taggable := r.Outputs["tagsAll"]; taggable {
		k.Derived = tags.All
	}
	k.Create = func(c *cloud.Call, in, out *cloud.Map) (string, error) {
		f := newForms(r.Token, c.Caller.Scope, text((*in)[name]))
		if c.Find(cloud.Ref{Token: r.Token, Value: f.id}) != nil {
			return "", cloud.Errorf("AlreadyExists", "%s %s exists already", r.Token, f.id)
		}
		maps.Copy(*out, outputs(r, f, c))
		return f.id, nil
	}
	return k
}

// nothing is the needed permission, because a kind's AWS actions are not known.
type nothing struct{}

// Permissions implements [cloud.Needs].
func (nothing) Permissions(*cloud.Call, cloud.Operation) []cloud.Permission { return nil }

// nameOf is the input with the resource's name, or "": the bridged providers generate one if the program gives none.
func nameOf(r *schema.Resource) string {
	for _, name := range []string{"name", "bucket"} {
		if p, ok := r.Inputs[name]; ok && p.Type.Kind == schema.String {
			return name
		}
	}
	return ""
}

func text(v any) string {
	s, _ := v.(string)
	return s
}
