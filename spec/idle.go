package spec

import "time"

// MaxIdleTimeout is the longest idle timeout of a load balancer, in seconds ("Connection idle timeout" in the guide for Application
// Load Balancers).
const MaxIdleTimeout = 4000

const (
	// idleMargin is how much longer, in seconds, a container keeps an idle connection than the load balancer does. If the container
	// closed it first, a request could be on its way and get a 502 ("Troubleshoot your Application Load Balancers").
	idleMargin = 15
	// longestPing is the longest time between two pings of a WebSocket. The load balancer cuts silent WebSockets too.
	longestPing = 20 * time.Second
)

// IdleEnvironment returns the variables that tell the container how long, in seconds, the load balancer keeps an idle connection.
func IdleEnvironment(timeout int) map[string]string {
	ping := min(longestPing, time.Duration(timeout)*time.Second/3) // two pings may be lost
	return map[string]string{
		"IDLE_TIMEOUT":  seconds(timeout + idleMargin),
		"PING_INTERVAL": ping.Truncate(time.Millisecond).String(),
	}
}
