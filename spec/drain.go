package spec

import (
	"cmp"
	"fmt"
)

// Drain is how a stopping task hands over its clients without dropping any. All values are seconds.
//
// In a deployment ECS takes the task out of its target group and waits for the end of the deregistration delay. The load balancer then
// cuts what is still connected. Only then does ECS send SIGTERM, and SIGKILL after the stop timeout ("Optimize load balancer connection
// draining parameters" in the ECS developer guide). When Fargate takes a Spot task back, SIGTERM comes at once, while the load balancer
// still sends requests.
type Drain struct {
	DeregistrationDelay int // how long requests and sockets may last before the load balancer cuts them
	StopTimeout         int // between SIGTERM and SIGKILL
	// Delay is how long the container keeps serving after SIGTERM, until the load balancer has noticed. The container gets it as
	// DRAIN_DELAY.
	Delay int
	// SocketAge is the age at which the container tells a WebSocket's client to reconnect. If this task is being drained, the client
	// then reaches another one; nothing else moves it before the load balancer cuts the socket. The container gets it as
	// MAX_SOCKET_AGE. 0 means never, for services without WebSockets.
	SocketAge int
}

// Drain profiles.
const (
	// DrainHTTP is for requests that take a few seconds at most.
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
	// shutdown is the least time that a container gets to finish its requests after Drain.Delay.
	shutdown = 5
	// minSocketAge keeps clients from reconnecting all the time.
	minSocketAge = 4
	// closing is how long a client may take to close its socket.
	closing = 2
)

// DefaultDeregistrationDelay returns a profile's deregistration delay in seconds.
func DefaultDeregistrationDelay(profile string) int {
	if profile == DrainWebSocket {
		return 120
	}
	return 5
}

// WithDefaults fills in what is not given, except the socket age: 0 means that there are no WebSockets.
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

// checkDeregistrationDelay reports why the load balancer would cut requests or sockets.
func (d Drain) checkDeregistrationDelay() error {
	if d.DeregistrationDelay <= 0 {
		return fmt.Errorf("is %d: requests under way would be cut when a task leaves the load balancer", d.DeregistrationDelay)
	}
	if d.SocketAge > 0 && d.SocketAge+closing > d.DeregistrationDelay {
		return fmt.Errorf("is %d: the load balancer would cut WebSockets: they are told to reconnect after %d seconds at the earliest; "+
			"have at least %d", d.DeregistrationDelay, d.SocketAge, d.SocketAge+closing)
	}
	return nil
}

// checkStopTimeout reports why requests under way would be killed.
func (d Drain) checkStopTimeout() error {
	if least := d.Delay + shutdown; d.StopTimeout < least {
		return fmt.Errorf("is %d: the container keeps serving for %d seconds after SIGTERM and then finishes its requests; have at least %d",
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

// Environment returns the variables that tell the container.
func (d Drain) Environment() map[string]string {
	return map[string]string{
		"DRAIN_DELAY":    seconds(d.Delay),
		"MAX_SOCKET_AGE": seconds(d.SocketAge),
		// The time left before SIGKILL, less a moment for the process to end.
		"SHUTDOWN_TIMEOUT": seconds(d.StopTimeout - d.Delay - 1),
	}
}

// workerEnvironment returns the variables that tell a worker's container: it has no requests to finish.
func (d Drain) workerEnvironment() map[string]string {
	return map[string]string{"DRAIN_DELAY": seconds(0), "SHUTDOWN_TIMEOUT": seconds(d.StopTimeout - 1)}
}

func seconds(n int) string { return fmt.Sprintf("%ds", n) }
