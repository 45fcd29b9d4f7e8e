package lb

import (
	"crypto/tls"
	"net/netip"
	"time"
)

// Protocol is what a listener accepts, or what a target group speaks to its targets.
type Protocol string

// The protocols an Application Load Balancer has.
const (
	HTTP  Protocol = "HTTP"
	HTTPS Protocol = "HTTPS"
)

// State is all a balancer should do: listeners, target groups and the attributes of the load balancer itself.
type State struct {
	Listeners    []Listener
	TargetGroups []TargetGroup

	// IdleTimeout closes a connection, to a client or to a target, over which nothing was sent for that long. Default 60 s.
	IdleTimeout time.Duration
	// DropInvalidHeaders removes request headers whose name is not made of letters, digits and hyphens.
	DropInvalidHeaders bool
	// DisableHTTP2 leaves HTTPS listeners with HTTP/1.1 alone.
	DisableHTTP2 bool

	// Access and Reach are called from many goroutines, and must not call the balancer.

	// Access tells whether packets from client reach the listener on port (the listener's own, not the one it fell back
	// to). It is asked for each new connection; nil lets everyone in. A client kept out is never answered.
	Access func(client netip.Addr, port int) bool
	// Reach tells whether the balancer's packets reach target. It is asked for each new connection; nil reaches everything.
	// A target out of reach is silent: a request to it times out. Apply the state again when its
	// answers change: pooled connections to targets that are out of reach are closed then.
	Reach func(target netip.AddrPort) bool
}

// Listener accepts connections on one port.
type Listener struct {
	ID       string // unique within the state
	Port     int    // 1-65535, unique within the state
	Protocol Protocol

	// Certificates, MinTLS and MaxTLS are for HTTPS. The first certificate is the default one, for clients that name no server
	// or one that none of the others is for. Versions are those of package crypto/tls; zero leaves TLS 1.2 and 1.3.
	Certificates []tls.Certificate
	MinTLS       uint16
	MaxTLS       uint16

	Rules   []Rule // in any order
	Default Action // what happens when no rule applies
}

// Rule performs Action for the requests that meet all of its conditions. The lowest priority (1-50000, unique within the
// listener) is tried first.
type Rule struct {
	Priority   int
	Conditions []Condition
	Action     Action
}

// Condition is met if one of its values matches the request. The set of fields in use follows from Field.
type Condition struct {
	Field  Field
	Header string      // name of the header, for HTTPHeader
	Values []string    // for every field but QueryString
	Query  []QueryPair // for QueryString
}

// Field is the part of a request that a condition looks at.
type Field string

// The fields of "Condition types for listener rules" in the Application Load Balancers guide. In HostHeader, HTTPHeader
// (both case-insensitive), PathPattern and QueryString, * stands for any characters and ? for one.
const (
	HostHeader    Field = "host-header"
	PathPattern   Field = "path-pattern"
	HTTPHeader    Field = "http-header"
	RequestMethod Field = "http-request-method"
	QueryString   Field = "query-string"
	SourceIP      Field = "source-ip" // values are CIDR blocks
)

// QueryPair is met by a query parameter with that key and value; an empty Key stands for any.
type QueryPair struct{ Key, Value string }

// Action is what happens to a request. Exactly one of its fields is set.
type Action struct {
	Forward       []WeightedTargetGroup
	Redirect      *Redirect
	FixedResponse *FixedResponse
}

// WeightedTargetGroup receives Weight (0-999) parts of the requests that an action forwards. A balancer does not fail
// over between target groups: the share of one without targets is answered 503.
type WeightedTargetGroup struct {
	TargetGroup string
	Weight      int
}

// Redirect answers with another URL. Each part may hold the keywords #{protocol}, #{host}, #{port}, #{path} (without its
// leading slash) and #{query}; an empty part keeps the request's.
type Redirect struct {
	Protocol   string
	Host       string
	Port       string
	Path       string
	Query      string
	StatusCode int // 301 or 302
}

// FixedResponse answers without asking a target.
type FixedResponse struct {
	StatusCode  int // 2xx, 4xx or 5xx
	ContentType string
	Body        string
}

// TargetGroup is a set of interchangeable targets. HTTPS targets are not asked to prove their identity, as on AWS.
type TargetGroup struct {
	ID       string // unique within the state
	Protocol Protocol
	Targets  []netip.AddrPort
	// DeregistrationDelay is how long a target that left Targets may finish the requests it has. AWS's default is 300 s;
	// zero is no delay.
	DeregistrationDelay time.Duration
	HealthCheck         HealthCheck
}

// HealthCheck decides which targets receive requests. Zero fields mean AWS's defaults.
type HealthCheck struct {
	Protocol           Protocol      // default HTTP
	Port               int           // default: the port of the target
	Path               string        // with its query, if it has one; default /
	Matcher            string        // status codes, such as "200", "200-299" or "200,202"; default 200
	Interval           time.Duration // default 30 s
	Timeout            time.Duration // default 5 s; not longer than Interval
	HealthyThreshold   int           // consecutive successes before an unhealthy target is healthy; default 5
	UnhealthyThreshold int           // consecutive failures before a target is unhealthy; default 2
}

// withDefaults applies the defaults of "Health checks for Application Load Balancer target groups".
func (h HealthCheck) withDefaults() HealthCheck {
	setDefault(&h.Protocol, HTTP)
	setDefault(&h.Path, "/")
	setDefault(&h.Matcher, "200")
	setDefault(&h.Interval, 30*time.Second)
	setDefault(&h.Timeout, 5*time.Second)
	setDefault(&h.HealthyThreshold, 5)
	setDefault(&h.UnhealthyThreshold, 2)
	return h
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
