package spec

import "errors"

// Before is what must have run in a task before the service's container starts in it: a migration, for example. It runs in
// each new task, with the service's environment, secrets and role. A task in which it fails does not start, and a deployment
// of such tasks fails. ECS gives it three minutes (startTimeout of ContainerDefinition in the ECS API reference).
type Before struct {
	Command []string
	Image   *Image // the service's own if nil
}

// Check reports a command that is missing.
func (b *Before) Check() error {
	if len(b.Command) == 0 {
		return errors.New("the command is missing")
	}
	return nil
}

// ImageFor returns what runs before a container of the given image.
func (b *Before) ImageFor(service Image) Image {
	if b.Image != nil {
		return *b.Image
	}
	return service
}
