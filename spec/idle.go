package spec

import "time"

// MaxIdleTimeout is the longest idle timeout of a load balancer, in seconds ("Connection idle timeout" in the guide for Application
// Load Balancers).
const MaxIdleTimeout = 4000

const (
	// idleMargin is how much longer, in seconds, a container keeps an idle connection than the load balancer does. Were it to close
	// the connection first, a request could be on its way in it, and get a 502 ("Troubleshoot your Application Load Balancers").
	idleMargin = 15
	// longestPing is between two pings of a WebSocket, of which the load balancer cuts silent ones too.
	longestPing = 20 * time.Second
)

// IdleEnvironment returns what the container has to know of for how long, in seconds, the load balancer lets a connection be idle.
func IdleEnvironment(timeout int) map[string]string {
	ping := min(longestPing, time.Duration(timeout)*time.Second/3) // two may be lost
	return map[string]string{
		"IDLE_TIMEOUT":  seconds(timeout + idleMargin),
		"PING_INTERVAL": ping.Truncate(time.Millisecond).String(),
	}
}
