package spec

import (
	"fmt"
	"strconv"
)

// Before is what must have run in a task before the service's container starts in it: a migration, for example. It runs in
// each new task, with the service's environment, secrets and role. A task in which it fails does not start, and a deployment
// of such tasks fails. ECS gives it three minutes (startTimeout of ContainerDefinition in the ECS API reference).
type Before struct {
	Command []string
	Image   *Image // the service's own if nil
}

// Problems reports what is missing or wrong.
func (b *Before) Problems() Problems {
	var found Problems
	if len(b.Command) == 0 {
		found.Add(fmt.Errorf("%w; it is a list: the command that has to succeed before the service starts", ErrMissing), "command")
	}
	for i, argument := range b.Command {
		found.Add(CheckArgument(argument), "command", strconv.Itoa(i))
	}
	if b.Image != nil {
		found.Add(b.Image.Check(), "image")
	}
	return found
}

// ImageFor returns what runs before a container of the given image.
func (b *Before) ImageFor(service Image) Image {
	if b.Image != nil {
		return *b.Image
	}
	return service
}
