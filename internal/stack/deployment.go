package stack

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
)

// Deployment reads the stack's state: its resources and, while an update runs, the pending operations. The backend updates it with each
// step. Its secrets are encrypted. It is zero for a stack that has never been updated.
func (s *Stack) Deployment(ctx context.Context) (apitype.DeploymentV3, error) {
	// Not the Automation API's Export: it asks for the plain text of secrets.
	var exported apitype.UntypedDeployment
	if err := s.project.query(ctx, &exported, "stack", "export", "--stack", s.Name()); err != nil {
		return apitype.DeploymentV3{}, fmt.Errorf("read the state of stack %s: %w", s.Name(), err)
	}
	var deployment apitype.DeploymentV3
	if len(exported.Deployment) == 0 {
		return deployment, nil
	}
	// Versions 3 and 4 have this form (apitype.DeploymentV3).
	if err := json.Unmarshal(exported.Deployment, &deployment); err != nil {
		return apitype.DeploymentV3{}, fmt.Errorf("read the state of stack %s, of version %d: %w", s.Name(), exported.Version, err)
	}
	return deployment, nil
}
