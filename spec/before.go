package spec

import (
	"fmt"
	"strconv"
)

// Before runs in each new task before the service's container starts: a migration, for example. It has the service's environment,
// secrets and role. If it fails, the task does not start, and a deployment of such tasks fails. ECS gives it three minutes
// (startTimeout of ContainerDefinition in the ECS API reference).
type Before struct {
	Command []string
	Image   *Image // the service's own if nil
}

// Problems reports what is missing or wrong.
func (b *Before) Problems() Problems {
	var found Problems
	if len(b.Command) == 0 {
		found.Add(fmt.Errorf("%w; it is a list: the command that must succeed before the service starts", ErrMissing), "command")
	}
	for i, argument := range b.Command {
		found.Add(CheckArgument(argument), "command", strconv.Itoa(i))
	}
	if b.Image != nil {
		found.Add(b.Image.Check(), "image")
	}
	return found
}

// ImageFor returns the image that runs before a container of the given image.
func (b *Before) ImageFor(service Image) Image {
	if b.Image != nil {
		return *b.Image
	}
	return service
}
