package main

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"slipway/internal/smoke"
	"slipway/internal/stack"
	"slipway/spec"
)

// facts are read from a stack's state. They contain nothing that may be secret.
type facts struct {
	written         time.Time // when the state was
	resources       int
	touched         []time.Time // when each resource was last created or changed
	region, account string
	services        []service
	jobs            []job
	offers          bool   // it is a platform for other stacks
	platform        string // the stack on whose platform it stands, perhaps in full; empty: on its own
	pending         []operation
}

// service is one service of a stack.
type service struct {
	name    string
	url     string
	refused string       // why its URL is not trusted; empty if it is
	checks  smoke.Checks // its checks
	image   spec.Image   // the running image, without its canary's
	target  spec.Image   // the wanted image: another one during a deployment, or after it failed
	canary  spec.Image   // that its canary runs; zero if it has none
	desired int          // tasks; for a service that scales, their number in the state
	scaling bounds
}

// job is one job of a stack.
type job struct {
	name                 string
	machine              string // the ARN of the state machine of its scheduled runs; empty if it has no schedule
	expression, timeZone string // of its schedule
}

// bounds are the fewest and the most tasks of a service that scales, at any time of its schedule; zero if it does not.
type bounds struct{ least, most int }

// including returns bounds that include others too.
func (b bounds) including(other bounds) bounds {
	if b == (bounds{}) {
		return other
	}
	return bounds{min(b.least, other.least), max(b.most, other.most)}
}

// operation is a pending operation.
type operation struct {
	Verb string // creating, updating, …
	Kind string // aws:ecs:Service
	Name string
}

const (
	serviceType         = "aws:ecs/service:Service"
	taskDefinitionType  = "aws:ecs/taskDefinition:TaskDefinition"
	scalableTargetType  = "aws:appautoscaling/target:Target"
	scheduleType        = "aws:scheduler/schedule:Schedule"
	scheduledActionType = "aws:appautoscaling/scheduledAction:ScheduledAction"
)

// readFacts reads from a state what the page shows. It accepts URLs only in the domains.
func readFacts(d apitype.DeploymentV3, domains stack.Domains) facts {
	f := facts{written: d.Manifest.Time}
	services := map[string]*service{}
	named := func(name string) *service {
		if services[name] == nil {
			services[name] = &service{name: name}
		}
		return services[name]
	}
	definitions := map[string]spec.Image{} // by ARN
	newest := map[string]spec.Image{}      // by service
	running := map[string]string{}         // task definitions' ARNs by service
	canaries := map[string]string{}        // the same of their canaries
	scaling := map[string]bounds{}         // by Application Auto Scaling's name of a service
	scalable := map[string]string{}        // the same names by service
	schedules := map[string]map[string]any{}

	for _, r := range d.Resources {
		if r.Type == resource.RootStackType {
			for name, url := range textMap(r.Outputs["urls"]) {
				named(name).url = url
			}
			for name, checks := range checksIn(r.Outputs["checks"]) {
				named(name).checks = checks
			}
			for name, reference := range textMap(r.Outputs["images"]) {
				named(name).image, _ = spec.ParseImage(reference)
			}
			f.jobs = jobsIn(r.Outputs["jobs"])
			_, f.offers = r.Outputs["platform"].(map[string]any)
			f.platform = textMap(r.Outputs["network"])["platform"]
		}
		if region, account, ok := place(string(r.ID)); ok && f.region == "" {
			f.region, f.account = region, account
		}
		if !strings.HasPrefix(string(r.Type), "pulumi:providers:") && !r.Delete {
			f.resources++
			if at := lastTouched(r); !at.IsZero() {
				f.touched = append(f.touched, at)
			}
		}
		switch r.Type {
		case taskDefinitionType:
			image := imageOf(r.Inputs)
			definitions[string(r.ID)] = image
			if name := tagOf(r.Inputs); name != "" && !r.Delete && !ofCanary(r.URN, name) {
				newest[name] = image
			}
		case serviceType:
			name := tagOf(r.Inputs)
			if name == "" || r.Delete {
				continue
			}
			// Not the inputs, which are only what was wanted: ECS may have rolled back, and scaling changes the count.
			definition, _ := r.Outputs["taskDefinition"].(string)
			if ofCanary(r.URN, name) {
				canaries[name] = definition
				continue
			}
			running[name] = definition
			named(name).desired = number(r.Outputs["desiredCount"])
			if _, id, ok := strings.Cut(string(r.ID), ":service/"); ok {
				scalable[name] = "service/" + id
			}
		case scheduleType:
			if !r.Delete {
				schedules[strings.TrimPrefix(r.URN.Name(), r.URN.Stack().String()+"-")] = r.Inputs
			}
		case scalableTargetType, scheduledActionType:
			if id, _ := r.Outputs["resourceId"].(string); id != "" && !r.Delete {
				scaling[id] = scaling[id].including(boundsOf(r))
			}
		}
	}
	for name, s := range services {
		if s.url != "" {
			if err := errors.Join(domains.Check(s.url), s.checks.Check()); err != nil {
				s.refused = firstLine(err.Error())
			}
		}
		// The service's task definition is what ECS runs; the outputs are written only when an update ends.
		if image := definitions[running[name]]; image.Digest != "" {
			s.image = image
		}
		s.canary, s.scaling = definitions[canaries[name]], scaling[scalable[name]]
		s.target = s.image
		if image := newest[name]; image.Digest != "" {
			s.target = image
		}
	}
	for i, j := range f.jobs {
		f.jobs[i].expression, _ = schedules[j.name]["scheduleExpression"].(string)
		f.jobs[i].timeZone, _ = schedules[j.name]["scheduleExpressionTimezone"].(string)
	}
	for _, op := range d.PendingOperations {
		f.pending = append(f.pending, operation{
			Verb: string(op.Type), Kind: stack.ShortType(string(op.Resource.Type)), Name: op.Resource.URN.Name(),
		})
	}
	for _, name := range slices.Sorted(maps.Keys(services)) {
		f.services = append(f.services, *services[name])
	}
	return f
}

// place reads region and account from an ARN that has both.
func place(id string) (region, account string, ok bool) {
	named, err := arn.Parse(id)
	if err != nil || named.Region == "" || named.AccountID == "" {
		return "", "", false
	}
	return named.Region, named.AccountID, true
}

// textMap returns the plain texts of a map. A secret is a map too, with a signature.
func textMap(value any) map[string]string {
	object, _ := value.(map[string]any)
	if _, secret := object[resource.SigKey]; secret {
		return nil
	}
	texts := map[string]string{}
	for key, v := range object {
		if text, ok := v.(string); ok {
			texts[key] = text
		}
	}
	return texts
}

// checksIn returns the services' checks in the stack's output. It ignores values that main.go would not write.
func checksIn(output any) map[string]smoke.Checks {
	text, err := json.Marshal(output)
	if err != nil {
		return nil
	}
	var checks map[string]smoke.Checks
	if err := json.Unmarshal(text, &checks); err != nil {
		return nil
	}
	return checks
}

// jobsIn returns the jobs in the stack's output, by name. It ignores values that main.go would not write.
func jobsIn(output any) []job {
	text, err := json.Marshal(output)
	if err != nil {
		return nil
	}
	var runs map[string]spec.Run
	if err := json.Unmarshal(text, &runs); err != nil {
		return nil
	}
	var jobs []job
	for _, name := range slices.Sorted(maps.Keys(runs)) {
		jobs = append(jobs, job{name: name, machine: runs[name].StateMachine})
	}
	return jobs
}

// tagOf returns the name of a resource's service, from main.go's tag.
func tagOf(inputs map[string]any) string { return textMap(inputs["tags"])[spec.ServiceTag] }

// ofCanary reports whether a resource with a service's tag belongs to its canary. A service may itself be called canary.
func ofCanary(urn resource.URN, service string) bool {
	return urn.Name() == urn.Stack().String()+"-"+spec.CanaryName(service)
}

// imageOf returns the image of a task definition's main container; none if the definition is secret.
func imageOf(inputs map[string]any) spec.Image {
	text, _ := inputs["containerDefinitions"].(string)
	var containers []struct{ Name, Image string }
	if json.Unmarshal([]byte(text), &containers) != nil {
		return spec.Image{}
	}
	for _, container := range containers {
		if container.Name == spec.ContainerName {
			image, _ := spec.ParseImage(container.Image)
			return image
		}
	}
	return spec.Image{}
}

// boundsOf returns the bounds of a scalable target, or of one of its scheduled actions.
func boundsOf(r apitype.ResourceV3) bounds {
	said := r.Outputs
	if r.Type == scheduledActionType {
		said, _ = said["scalableTargetAction"].(map[string]any)
	}
	return bounds{number(said["minCapacity"]), number(said["maxCapacity"])}
}

// number returns a number in a state, or 0 for another value.
func number(value any) int {
	n, _ := value.(float64)
	return int(n)
}

func lastTouched(r apitype.ResourceV3) time.Time {
	var last time.Time
	for _, at := range []*time.Time{r.Created, r.Modified} {
		if at != nil && at.After(last) {
			last = *at
		}
	}
	return last
}
