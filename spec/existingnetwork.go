package spec

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// ExistingNetwork is a VPC that others keep, with the subnets of it that a stack uses.
type ExistingNetwork struct {
	VPCID string
	// Public are the subnets of the stack's load balancer, in at least two zones and with a route to an internet gateway.
	Public Subnets
	// Tasks are the subnets of its tasks, by default the public ones.
	Tasks Subnets
}

// Subnets are some of a VPC's subnets, by their ids or else by tags that each of them has.
type Subnets struct {
	IDs  []string
	Tags map[string]string
}

// Given reports whether any are chosen.
func (s Subnets) Given() bool { return len(s.IDs)+len(s.Tags) > 0 }

// The settings of an existing network, as the config has them.
const (
	subnetIDs   = "subnetIds"
	subnetTags  = "subnetTags"
	publicGroup = "public"
	tasksGroup  = "tasks"
)

// path returns the setting that chooses the subnets of a group.
func (s Subnets) path(group string) []string {
	if len(s.Tags) > 0 {
		return []string{subnetTags, group}
	}
	return []string{subnetIDs, group}
}

// Patterns of ids ("Resource IDs" in the Amazon EC2 user guide); older ones are shorter.
var (
	vpcPattern    = regexp.MustCompile(`^vpc-([0-9a-f]{8}|[0-9a-f]{17})$`)
	subnetPattern = regexp.MustCompile(`^subnet-([0-9a-f]{8}|[0-9a-f]{17})$`)
)

// CheckVPC reports what is not the id of a VPC.
func CheckVPC(id string) error {
	if !vpcPattern.MatchString(id) {
		return errors.New("must be the id of a VPC, such as vpc-0123456789abcdef0")
	}
	return nil
}

// CheckSubnet reports what is not the id of a subnet.
func CheckSubnet(id string) error {
	if !subnetPattern.MatchString(id) {
		return errors.New("must be the id of a subnet, such as subnet-0123456789abcdef0")
	}
	return nil
}

// Problems reports what cannot be looked up.
func (n ExistingNetwork) Problems() Problems {
	var found Problems
	found.AddValue(n.VPCID, CheckVPC(n.VPCID), "vpcId")
	found.Include(n.Public.problems(publicGroup))
	found.Include(n.Tasks.problems(tasksGroup))
	if !n.Public.Given() && !n.Tasks.Given() {
		found.Add(fmt.Errorf("%w; it names the subnets: public for the load balancer, tasks for the tasks. subnetTags finds them by tags", ErrMissing), subnetIDs)
	}
	return found
}

func (s Subnets) problems(group string) Problems {
	var found Problems
	for i, id := range s.IDs {
		found.AddValue(id, CheckSubnet(id), subnetIDs, fmt.Sprintf("%s[%d]", group, i))
	}
	for _, key := range slices.Sorted(maps.Keys(s.Tags)) {
		found.Add(checkTag(key, s.Tags[key]), subnetTags, group, key)
	}
	if len(s.IDs) > 0 && len(s.Tags) > 0 {
		found.Add(errors.New("subnetIds and subnetTags exclude each other for the same subnets"), subnetTags, group)
	}
	return found
}

// CheckPublic reports that subnets for a load balancer are missing.
func (n ExistingNetwork) CheckPublic() Problems {
	var found Problems
	if !n.Public.Given() {
		found.Add(fmt.Errorf("%w; it names at least two subnets for the load balancer, each with a route to an internet gateway", ErrMissing), subnetIDs, publicGroup)
	}
	return found
}

// tasks returns the choice of the tasks' subnets.
func (n ExistingNetwork) tasks() (Subnets, []string) {
	if n.Tasks.Given() {
		return n.Tasks, n.Tasks.path(tasksGroup)
	}
	return n.Public, n.Public.path(publicGroup)
}
