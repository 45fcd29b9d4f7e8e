package awstest

import (
	"fmt"
	"strings"

	"slipway/localcloud/aws/ecr"
)

// Held is a registry: images by repository.
type Held map[string][]ecr.Image

// Images implements [ecr.Images].
func (h Held) Images(repository string) ([]ecr.Image, bool) {
	images, ok := h[repository]
	return images, ok
}

// Remove implements [ecr.Images].
func (h Held) Remove(repository string) error {
	delete(h, repository)
	return nil
}

// ThereAccount is another account than that of Here.
const ThereAccount = "123456789012"

// ExpireUntagged is a rule for images whose tags have moved on.
const ExpireUntagged = `{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":14},"action":{"type":"expire"}}`

// ExpireAny is a rule for every image.
func ExpireAny(priority int) string {
	return fmt.Sprintf(`{"rulePriority":%d,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":5},"action":{"type":"expire"}}`, priority)
}

// LifecycleOf is a lifecycle policy of the rules.
func LifecycleOf(rules ...string) string { return `{"rules":[` + strings.Join(rules, ",") + `]}` }
