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
	Account string // of the assumed role; empty if there is none
}

// Placement reads the stack's region and account from its configuration. It ignores the environment, such as AWS_PROFILE.
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
