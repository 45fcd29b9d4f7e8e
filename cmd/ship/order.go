package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"slipway/internal/build"
	"slipway/spec"
)

// order is an image to build for a service.
type order struct {
	service string
	build   build.Build
	// image is the service's image in the configuration. Its digest is not the new one's.
	image    spec.Image
	platform v1.Platform
}

// byTag reports whether the configuration names the image by a tag alone, which then gets the new one.
func (o order) byTag() bool { return o.image.Tag != "" && o.image.Digest == "" }

// repository is the name of the image's repository.
func (o order) repository() string {
	return spec.Image{Registry: o.image.Registry, Repository: o.image.Repository}.String()
}

// ordersOf returns what to build: for the asked services, or for all with a build.
func ordersOf(stack string, asked []string, services map[string]build.Service, architecture string) ([]order, error) {
	if len(asked) == 0 {
		for name, s := range services {
			if s.Build != nil {
				asked = append(asked, name)
			}
		}
	}
	if len(asked) == 0 {
		return nil, fmt.Errorf("no service of stack %s has a build; say where its source is: `pulumi config set --stack %s --path 'services.NAME.build.context' .`", stack, stack)
	}
	asked = slices.Clone(asked)
	slices.Sort(asked)
	var orders []order
	var errs []error
	for _, name := range slices.Compact(asked) {
		o, err := orderOf(name, services, architecture)
		orders, errs = append(orders, o), append(errs, err)
	}
	return orders, errors.Join(errs...)
}

func orderOf(name string, services map[string]build.Service, architecture string) (order, error) {
	s, there := services[name]
	switch {
	case !there:
		return order{}, fmt.Errorf("the configuration has no service %s; it has: %s", name, strings.Join(slices.Sorted(maps.Keys(services)), ", "))
	case s.Build == nil:
		return order{}, fmt.Errorf("service %s has no build; say where its source is, with services.%s.build.context", name, name)
	}
	if err := spec.CheckServiceName(name); err != nil {
		return order{}, fmt.Errorf("service %q: %w", name, err)
	}
	architecture = cmp.Or(architecture, s.Architecture, spec.DefaultArchitecture)
	if err := spec.CheckArchitecture(architecture); err != nil {
		return order{}, fmt.Errorf("service %s: architecture %w", name, err)
	}
	image, err := repositoryIn(s.Image)
	if err != nil {
		return order{}, fmt.Errorf("service %s: image %q: %w", name, s.Image, err)
	}
	return order{service: name, build: *s.Build, image: image, platform: v1.Platform{OS: "linux", Architecture: architecture}}, nil
}

// repositoryIn parses an image. Before a service is first shipped, it may be a repository alone.
func repositoryIn(reference string) (spec.Image, error) {
	image, err := spec.ParseImage(reference)
	if err == nil {
		return image, nil
	}
	alone, failed := spec.ParseImage(reference + ":none")
	if failed != nil {
		return spec.Image{}, err
	}
	alone.Tag = ""
	return alone, nil
}
