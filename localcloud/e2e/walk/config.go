// Package walk draws a stack's configurations and changes at random, but the same for a seed, and says what clients may see of each. It
// runs nothing and knows nothing of the program: it defines the meaning of a change independently, so the program can be checked
// against it.
package walk

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Zone is the domain that all host names are in, and Stack the stack's name.
const (
	Zone  = "slipway.test"
	Stack = "local"
)

// Repository has the services' images: one for each of [Versions], [Sick] and [Exits], by its tag.
const Repository = account + ".dkr.ecr.eu-central-1.amazonaws.com/hello"

// account is the stack's.
const account = "000000000000"

// Versions are those of the service that work.
var Versions = []string{"v1", "v2", "v3"}

// Versions that do not work.
const (
	Sick  = "sick"  // answers its health check with 503
	Exits = "exits" // ends as soon as it has started
)

// sidecarPort is one that no service has: the containers of a task share its ports.
const sidecarPort = "9999"

// The shortest times that a worker has to stop, in seconds: one that nobody calls, and one that keeps serving first.
const (
	leastStop       = 2
	leastStopCalled = 10
)

// parameter is one of somebody else, which is there.
const parameter = "/flag"

// The ways out of a network that walks change between.
const (
	egressPublic = "public"
	egressNAT    = "nat"
	egressIPv6   = "ipv6"
)

// Config is the part of a stack's configuration that walks change.
type Config struct {
	Region      string
	CIDR        string
	Zones       int
	IPv6        bool
	Egress      string // how tasks reach out
	IdleTimeout int
	TTL         int    // of the records, in seconds
	Proxied     bool   // by Cloudflare, which sets the TTL then
	Tag         string // value of a tag that all of the stack's resources have
	Services    map[string]Service
	Worker      string // the version of a service that takes no requests; empty: there is none
	Queue       bool   // the worker scales by a queue's backlog
	Job         string // the version of a job that runs at night; empty: there is none

	// gone are the names that services had once. They are no part of the configuration.
	gone []string
}

// Service is the configuration of one service.
type Service struct {
	Version   string
	Hostnames []string
	Paths     []string // none: every path
	Port      int
	Memory    int // of a quarter of a CPU
	Count     int
	Scaling   *Scaling // instead of Count
	Health    Health
	Canary    *Canary
	Alarms    bool
	Spot      bool   // a part of the tasks runs on Spot capacity
	Drain     string // the profile
	Delay     int    // of the deregistration, in seconds
	Sidecar   bool   // another container runs in each task
	Exec      bool   // people may run commands in the tasks
	Access    bool   // the tasks may do more, and have a secret of somebody else
	Calls     bool   // the service calls the worker, if there is one
	Room      bool   // the containers can write to memory, and have more storage
}

// Scaling is between which numbers of tasks AWS chooses.
type Scaling struct {
	Min, Max int
	Requests int // that each task should get in a minute
}

// Health is what makes a task healthy. The tasks of a configuration answer at no other path, and with no other status code.
type Health struct {
	Path     string
	Interval int    // in seconds
	Codes    string // that the load balancer takes for healthy
	Answer   int    // that tasks give, one of those
}

// Canary is a canary of the service.
type Canary struct {
	Version string
	Weight  int
}

// NewService returns a service of a single task.
func NewService(version string, hostnames ...string) Service {
	return Service{
		Version: version, Hostnames: hostnames, Port: 8080, Memory: 512, Count: 1,
		Health: Health{Path: "/healthz", Interval: 5, Codes: "200", Answer: 200}, Drain: "http", Delay: 1,
	}
}

// clone returns a copy that shares nothing with the original.
func (c Config) clone() Config {
	services := make(map[string]Service, len(c.Services))
	for name, s := range c.Services {
		s.Hostnames, s.Paths = slices.Clone(s.Hostnames), slices.Clone(s.Paths)
		if s.Canary != nil {
			canary := *s.Canary
			s.Canary = &canary
		}
		if s.Scaling != nil {
			scaling := *s.Scaling
			s.Scaling = &scaling
		}
		services[name] = s
	}
	c.Services, c.gone = services, slices.Clone(c.gone)
	return c
}

// names returns the services' names, sorted.
func (c Config) names() []string { return slices.Sorted(maps.Keys(c.Services)) }

// hostnames returns the host names of all services, sorted, each once.
func (c Config) hostnames() []string {
	var names []string
	for _, s := range c.Services {
		names = append(names, s.Hostnames...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// paths returns the service's path patterns, at least one.
func (s Service) paths() []string {
	if len(s.Paths) == 0 {
		return []string{"/*"}
	}
	return s.Paths
}

// YAML returns the configuration as the file of Pulumi's.
func (c Config) YAML() string {
	var b strings.Builder
	// The salt belongs to the passphrase that the local cloud sets. There are no secrets in a walk.
	b.WriteString("encryptionsalt: v1:oQp/n4LRsWM=:v1:UwPXLcqMOFoFKPW5:g2HVTEO4WZm368pAiw2nLWkp5yWoTA==\nconfig:\n")
	line := func(indent, key string, value any) {
		text, err := json.Marshal(value) // which is YAML too
		if err != nil {
			panic(err) // there is nothing but texts, numbers and maps of them
		}
		fmt.Fprintf(&b, "%s%s: %s\n", indent, key, text)
	}
	line("  ", "aws:region", c.Region)
	line("  ", "slipway:domain", Zone)
	line("  ", "slipway:network", map[string]any{"cidr": c.CIDR, "zones": c.Zones, "ipv6": c.IPv6, "egress": c.Egress})
	line("  ", "slipway:loadBalancer", map[string]any{"idleTimeout": c.IdleTimeout})
	if c.Proxied {
		line("  ", "slipway:dns", map[string]any{"proxied": true})
	} else {
		line("  ", "slipway:dns", map[string]any{"ttl": c.TTL})
	}
	line("  ", "slipway:tags", map[string]any{"Walk": c.Tag})
	b.WriteString("  slipway:services:\n")
	for _, name := range c.names() {
		line("    ", name, c.values(name))
	}
	if c.Worker != "" {
		line("    ", "worker", c.worker())
	}
	if c.Job != "" {
		line("  ", "slipway:jobs", map[string]any{"nightly": map[string]any{
			"image": Repository + ":" + c.Job, "schedule": "cron(0 3 * * ? *)", "timeout": 60, "retries": 1, "overlap": false,
		}})
	}
	return b.String()
}

// worker returns the worker as it stands in the configuration.
func (c Config) worker() map[string]any {
	out := map[string]any{"image": Repository + ":" + c.Worker, "stopTimeout": leastStop}
	for _, s := range c.Services {
		if s.Calls {
			out["port"], out["stopTimeout"] = 8080, leastStopCalled
		}
	}
	if c.Queue {
		out["scaling"] = map[string]any{"max": 2, "queue": map[string]any{"arn": "arn:aws:sqs:" + c.Region + ":" + account + ":orders", "messagesPerTask": 10}}
	}
	return out
}

// values returns a service as it stands in the configuration.
func (c Config) values(name string) map[string]any {
	s := c.Services[name]
	deployment := map[string]any{"drain": s.Drain}
	if s.Alarms {
		deployment["alarms"] = true
	}
	out := map[string]any{
		"image":     Repository + ":" + s.Version,
		"hostnames": s.Hostnames,
		"port":      s.Port,
		"memory":    s.Memory,
		// A shorter grace than by default, in which no task of a walk would get healthy that does not at once.
		"healthCheck": map[string]any{
			"path": s.Health.Path, "codes": s.Health.Codes, "interval": s.Health.Interval, "timeout": 2, "gracePeriod": 5,
		},
		"deregistrationDelay": s.Delay,
		"deployment":          deployment,
		// The service's own answer, its only healthy path, and its answer there.
		"env": map[string]any{"SERVICE": name, "HEALTH": s.Health.Path, "HEALTH_ANSWER": fmt.Sprint(s.Health.Answer)},
	}
	if s.Scaling != nil {
		out["scaling"] = map[string]any{"min": s.Scaling.Min, "max": s.Scaling.Max, "requests": s.Scaling.Requests}
	} else {
		out["instanceCount"] = s.Count
	}
	if len(s.Paths) > 0 {
		out["paths"] = s.Paths
	}
	if s.Canary != nil {
		out["canary"] = map[string]any{"image": Repository + ":" + s.Canary.Version, "weight": s.Canary.Weight}
	}
	if s.Sidecar {
		out["sidecars"] = map[string]any{"beside": map[string]any{
			"image": Repository + ":" + Versions[0], "env": map[string]any{"PORT": sidecarPort, "HEALTH_ANSWER": "200"}, "memory": 64,
		}}
	}
	if s.Exec {
		out["exec"] = true
	}
	if s.Access {
		out["allow"] = []any{map[string]any{"actions": []string{"s3:GetObject"}, "resources": []string{"arn:aws:s3:::reports/*"}}}
		out["watch"] = map[string]any{"/" + name: 30}
		out["secretsFrom"] = map[string]any{"FLAG": "arn:aws:ssm:" + c.Region + ":" + account + ":parameter" + parameter}
	}
	if s.Calls && c.Worker != "" {
		out["calls"] = []string{"worker"}
	}
	if s.Room {
		out["tmp"], out["storage"], out["ulimits"] = map[string]any{"/tmp": 16}, 30, map[string]any{"nofile": 4096}
	}
	if s.Spot {
		out["capacity"] = map[string]any{"fargate": map[string]any{"base": 1, "weight": 1}, "fargateSpot": map[string]any{"weight": 1}}
	}
	return out
}
