package spec

import (
	"cmp"
	"fmt"
)

// Drain is how a task that is to stop gets rid of its clients without dropping any. All are seconds.
//
// In a deployment ECS takes the task out of its target group, waits for the end of the deregistration delay, at which the load
// balancer cuts what is still connected, and only then sends SIGTERM; after the stop timeout SIGKILL follows ("Optimize load
// balancer connection draining parameters" in the ECS developer guide). When Fargate takes a Spot task back, SIGTERM comes at
// once, while the load balancer still sends requests.
type Drain struct {
	DeregistrationDelay int // how long requests and sockets get to end before the load balancer cuts them
	StopTimeout         int // between SIGTERM and SIGKILL
	// Delay is how long the container serves on after SIGTERM, until the load balancer has noticed. It gets it as DRAIN_DELAY.
	Delay int
	// SocketAge is after how long the container tells a WebSocket's client to reconnect, which then leads to another task if
	// this one is being drained: nothing else would, before the load balancer cuts it. It gets it as MAX_SOCKET_AGE. 0 is
	// never, for services without WebSockets.
	SocketAge int
}

// Drain profiles.
const (
	// DrainHTTP is for requests that take no longer than some seconds.
	DrainHTTP = "http"
	// DrainWebSocket is for services with WebSockets.
	DrainWebSocket = "websocket"
)

// DefaultStopTimeout is in seconds.
const DefaultStopTimeout = 30

const (
	// MaxStopTimeout is ContainerDefinition's stopTimeout on Fargate, in the ECS API reference.
	MaxStopTimeout = 120
	// MaxDeregistrationDelay is in "Target group attributes" in the guide for Application Load Balancers.
	MaxDeregistrationDelay = 3600
)

// DefaultDrain is the profile [DrainHTTP]. Nothing changes it.
var DefaultDrain = Drain{DeregistrationDelay: DefaultDeregistrationDelay(DrainHTTP), StopTimeout: DefaultStopTimeout, Delay: drainDelay}

const (
	drainDelay = 5 // the load balancer stops sending requests within a few seconds
	// shutdown is the least that a container gets to finish its requests in after Drain.Delay.
	shutdown = 5
	// minSocketAge keeps clients from doing little else than reconnecting.
	minSocketAge = 4
	// closing is how long a client may take to let its socket be closed.
	closing = 2
)

// DefaultDeregistrationDelay returns a profile's deregistration delay in seconds.
func DefaultDeregistrationDelay(profile string) int {
	if profile == DrainWebSocket {
		return 120
	}
	return 5
}

// WithDefaults returns the drain with what is not given filled in, but for the socket age: without it there are no WebSockets.
func (d Drain) WithDefaults() Drain {
	d.DeregistrationDelay = cmp.Or(d.DeregistrationDelay, DefaultDrain.DeregistrationDelay)
	d.StopTimeout = cmp.Or(d.StopTimeout, DefaultDrain.StopTimeout)
	d.Delay = cmp.Or(d.Delay, DefaultDrain.Delay)
	return d
}

// CheckDrainProfile reports an unknown profile.
func CheckDrainProfile(profile string) error {
	if profile != DrainHTTP && profile != DrainWebSocket {
		return fmt.Errorf("must be %s or %s", DrainHTTP, DrainWebSocket)
	}
	return nil
}

// NewDrain returns a profile with a deregistration delay and a stop timeout.
func NewDrain(profile string, deregistrationDelay, stopTimeout int) Drain {
	d := Drain{DeregistrationDelay: deregistrationDelay, StopTimeout: stopTimeout, Delay: drainDelay}
	if profile == DrainWebSocket {
		d.SocketAge = max(deregistrationDelay-closing-deregistrationDelay/10, minSocketAge)
	}
	return d
}

// checkDeregistrationDelay reports why the load balancer would cut what it should not.
func (d Drain) checkDeregistrationDelay() error {
	if d.DeregistrationDelay <= 0 {
		return fmt.Errorf("is %d: requests under way would be cut when a task leaves the load balancer", d.DeregistrationDelay)
	}
	if d.SocketAge > 0 && d.SocketAge+closing > d.DeregistrationDelay {
		return fmt.Errorf("is %d: the load balancer would cut WebSockets, which can be told to reconnect after %d seconds at the earliest; "+
			"have at least %d", d.DeregistrationDelay, d.SocketAge, d.SocketAge+closing)
	}
	return nil
}

// checkStopTimeout reports why requests under way would be killed.
func (d Drain) checkStopTimeout() error {
	if least := d.Delay + shutdown; d.StopTimeout < least {
		return fmt.Errorf("is %d: the container serves on for %d seconds after SIGTERM and then finishes its requests; have at least %d",
			d.StopTimeout, d.Delay, least)
	}
	return nil
}

// Problems reports every contradiction.
func (d Drain) Problems() Problems {
	var found Problems
	if err := d.checkDeregistrationDelay(); err != nil {
		found.Add(err, "deregistrationDelay")
	} else {
		found.AddRange(d.DeregistrationDelay, 1, MaxDeregistrationDelay, "deregistrationDelay")
	}
	if err := d.checkStopTimeout(); err != nil {
		found.Add(err, "stopTimeout")
	} else {
		found.AddRange(d.StopTimeout, 1, MaxStopTimeout, "stopTimeout")
	}
	return found
}

// Environment returns what the container has to know.
func (d Drain) Environment() map[string]string {
	return map[string]string{
		"DRAIN_DELAY":    seconds(d.Delay),
		"MAX_SOCKET_AGE": seconds(d.SocketAge),
		// What is left before SIGKILL, less a moment for the process to end in.
		"SHUTDOWN_TIMEOUT": seconds(d.StopTimeout - d.Delay - 1),
	}
}

func seconds(n int) string { return fmt.Sprintf("%ds", n) }
