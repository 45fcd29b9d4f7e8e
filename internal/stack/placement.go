package stack

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// Placement is where a stack's AWS resources are.
type Placement struct {
	Region  string
	Account string // of the role that is assumed; empty if none is
}

// Placement reads from the stack's configuration where it is deployed to. What the environment says, such as AWS_PROFILE, is
// not part of it.
func (s *Stack) Placement(ctx context.Context) (Placement, error) {
	// The CLI prints an object's value as JSON in a string.
	var config map[string]struct{ Value string }
	if err := s.project.query(ctx, &config, "config", "--json", "--stack", s.Name()); err != nil {
		return Placement{}, fmt.Errorf("read the configuration of stack %s: %w", s.Name(), err)
	}
	placement := Placement{Region: config["aws:region"].Value}
	var role struct{ RoleARN string }
	if value := config["aws:assumeRole"].Value; value != "" {
		if err := json.Unmarshal([]byte(value), &role); err != nil {
			return Placement{}, fmt.Errorf("read aws:assumeRole of stack %s: %w", s.Name(), err)
		}
	}
	if named, err := arn.Parse(role.RoleARN); err == nil {
		placement.Account = named.AccountID
	}
	return placement, nil
}
