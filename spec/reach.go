package spec

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
)

// Reach is a TCP port of a security group that somebody else keeps, such as a database's. The group gets a rule that lets the tasks in.
type Reach struct {
	SecurityGroupID string
	Port            int
}

// securityGroupPattern matches the id of a security group ("Resource IDs" in the Amazon EC2 user guide): older ones are shorter.
var securityGroupPattern = regexp.MustCompile(`^sg-([0-9a-f]{8}|[0-9a-f]{17})$`)

// CheckSecurityGroup reports what is not the id of a security group.
func CheckSecurityGroup(id string) error {
	if !securityGroupPattern.MatchString(id) {
		return errors.New("must be the id of a security group, such as sg-0123456789abcdef0")
	}
	return nil
}

// reachProblems reports what cannot be reached.
func (w Workload) reachProblems() Problems {
	var found Problems
	for i, r := range w.Reaches {
		element := fmt.Sprintf("reaches[%d]", i)
		found.AddValue(r.SecurityGroupID, CheckSecurityGroup(r.SecurityGroupID), element, "securityGroupId")
		found.AddRange(r.Port, 1, MaxPort, element, "port")
		if slices.Contains(w.Reaches[:i], r) { // EC2 would refuse the second rule as InvalidPermission.Duplicate
			found.Add(errors.New("is in the list already: "+r.SecurityGroupID+", port "+strconv.Itoa(r.Port)), element)
		}
	}
	return found
}
