package components

// Platform is what services and jobs stand on. They do not see who made it.
type Platform struct {
	Tasks    Placement // where tasks run
	Cluster  *Cluster
	Listener Listener // empty if there is no load balancer
}
