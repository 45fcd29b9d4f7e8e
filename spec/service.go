package spec

// PortVariable is the environment variable that tells a service which port to listen on.
const PortVariable = "PORT"

// ReservedVariables are the environment variables that a service gets from its settings, with what they are set from. Nothing
// changes them.
var ReservedVariables = map[string]string{
	PortVariable:       "the port",
	"DRAIN_DELAY":      "the drain profile",
	"IDLE_TIMEOUT":     "the load balancer's idle timeout",
	"MAX_SOCKET_AGE":   "the drain profile",
	"PING_INTERVAL":    "the load balancer's idle timeout",
	"SHUTDOWN_TIMEOUT": "the stop timeout",
}

// Defaults of a service.
const (
	DefaultPort         = 8080
	DefaultCPU          = 256
	DefaultMemory       = 512
	DefaultArchitecture = "amd64"
	DefaultLogRetention = 30
	// DefaultInstanceCount is the default of a service's InstanceCount, of which [NoInstances] is 0.
	DefaultInstanceCount = 1
	NoInstances          = -1
	// MaxInstances is how many tasks a service can have ("Amazon ECS service quotas").
	MaxInstances = 5000
)

// DefaultCapacity is the default of a service's Capacity. Nothing changes it.
var DefaultCapacity = Capacity{Fargate: Share{Weight: 1}}

// Instances returns what FargateServiceArgs.InstanceCount is for so many tasks.
func Instances(n int) int {
	if n == 0 {
		return NoInstances
	}
	return n
}
