package elbv2

import (
	"slices"
	"strings"
	"time"

	"slipway/localcloud/cloud"
)

// TargetState is how a target group sees one of its targets.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html
type TargetState string

// The states a target goes through.
const (
	// TargetInitial is a target that has been registered and not yet checked.
	TargetInitial TargetState = "initial"
	// TargetHealthy is a target that receives requests.
	TargetHealthy TargetState = "healthy"
	// TargetUnhealthy is a target that failed its health checks.
	TargetUnhealthy TargetState = "unhealthy"
	// TargetUnused is a target of a group that no load balancer forwards to; it is not checked.
	TargetUnused TargetState = "unused"
	// TargetDraining is a target that was deregistered and finishes the requests it has.
	TargetDraining TargetState = "draining"
)

// Target is a member of a target group and its health.
type Target struct {
	// ID is the IP address of the target within its VPC.
	ID    string
	Port  int
	State TargetState
	// Reason is a code such as "Target.Timeout", and Description the sentence that goes with it; both are empty for a
	// healthy target.
	Reason      string `json:",omitempty"`
	Description string `json:",omitempty"`
	// Deregistered is when the target began to drain; zero if it has not.
	Deregistered time.Time `json:",omitzero"`
}

// TargetGroupStatus is the Status of a target group.
type TargetGroupStatus struct {
	Targets []Target `json:",omitempty"`
}

// Index returns the target's index in the group, or -1.
func (s *TargetGroupStatus) Index(ip string, port int) int {
	return slices.IndexFunc(s.Targets, func(t Target) bool { return t.ID == ip && t.Port == port })
}

// CheckTarget refuses an address that is not of the group's type. The sentence is not AWS's.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html#target-group-ip-address-type
func CheckTarget(group *cloud.Resource, address string) error {
	kind := addressIPv4
	if strings.Contains(address, ":") {
		kind = addressIPv6
	}
	if want := TargetGroup.Outputs(group).IPAddressType; kind != want {
		return cloud.Errorf("ValidationError", "The IP address '%s' is not of the target group's IP address type '%s'", address, want)
	}
	return nil
}

// RegisterTarget makes the address a target of the group. A draining one becomes a new target again; a registered one stays unchanged.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RegisterTargets.html
func RegisterTarget(tx *cloud.Tx, group *cloud.Resource, ip string, port int) {
	updateTargets(tx, group, func(s *TargetGroupStatus) bool {
		t := Target{
			ID: ip, Port: port, State: TargetInitial, Reason: "Elb.RegistrationInProgress",
			Description: "Target registration is in progress",
		}
		i := s.Index(ip, port)
		switch {
		case i < 0:
			s.Targets = append(s.Targets, t)
		case s.Targets[i].State == TargetDraining:
			s.Targets[i] = t
		default:
			return false
		}
		return true
	})
}

// DeregisterTarget takes the address out of the group: no new requests go to it, and it drains until the group's
// deregistration delay is over. A target that no load balancer uses is gone at once.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeregisterTargets.html
func DeregisterTarget(tx *cloud.Tx, group *cloud.Resource, ip string, port int) {
	updateTargets(tx, group, func(s *TargetGroupStatus) bool {
		i := s.Index(ip, port)
		switch {
		case i < 0 || s.Targets[i].State == TargetDraining:
			return false
		case s.Targets[i].State == TargetUnused:
			s.Targets = slices.Delete(s.Targets, i, i+1)
		default:
			s.Targets[i] = Target{
				ID: ip, Port: port, State: TargetDraining, Reason: "Target.DeregistrationInProgress",
				Description: "Target deregistration is in progress", Deregistered: time.Now().UTC(),
			}
		}
		return true
	})
}

// TargetHealth returns the target with the address, and whether the group has it.
func TargetHealth(group *cloud.Resource, ip string, port int) (Target, bool) {
	s := cloud.Peek[TargetGroupStatus](group)
	if i := s.Index(ip, port); i >= 0 {
		return s.Targets[i], true
	}
	return Target{}, false
}

// updateTargets changes the status of the group as it is now in the transaction, if f says that it changed anything.
func updateTargets(tx *cloud.Tx, group *cloud.Resource, f func(*TargetGroupStatus) bool) {
	now := tx.Get(group.Key)
	if now == nil {
		return
	}
	s := cloud.StatusOf[TargetGroupStatus](now)
	if f(&s) {
		now = now.Clone()
		now.SetStatus(s)
		tx.Put(now)
	}
}
