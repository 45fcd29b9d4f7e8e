package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"slipway/internal/build"
	"slipway/spec"
)

var notShipped = regexp.MustCompile(`^Pulumi\.(local|pr-.*)\.yaml$`)

// read returns the images of a stack's services that have a build, by the services' names.
func read(ctx context.Context, dir, stack string, pullRequest bool) ([]image, error) {
	file := filepath.Join(dir, "Pulumi."+stack+".yaml")
	all, err := build.Services(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("stack %s has no configuration: there is no %s", stack, file)
	}
	if err != nil {
		return nil, err
	}
	shipped, err := platforms(dir)
	if err != nil {
		return nil, err
	}
	var images []image
	for _, name := range slices.Sorted(maps.Keys(all)) {
		s := all[name]
		if s.Build == nil {
			continue
		}
		if spec.CheckServiceName(name) != nil {
			return nil, fmt.Errorf("%s: %q is not the name of a service", file, name)
		}
		i := image{Service: name, Platforms: shipped[name], Context: s.Build.Context, Dockerfile: s.Build.Dockerfile}
		if i.Repositories, err = repositories(s.Image, pullRequest); err != nil {
			return nil, fmt.Errorf("%s: service %s: %w", file, name, err)
		}
		if i.Source, err = build.Source(ctx, dir, *s.Build, i.Platforms); err != nil {
			return nil, fmt.Errorf("%s: service %s: %w", file, name, err)
		}
		images = append(images, i)
	}
	return images, oneImageEach(images)
}

// oneImageEach reports repositories to which several images would be pushed: they would have the same tag, the version.
func oneImageEach(images []image) error {
	pushed := map[string]image{}
	for _, i := range images {
		if other, there := pushed[i.Repositories]; there && other.Source != i.Source {
			return fmt.Errorf("services %s and %s are built from different sources and share the repository %s: give one of them another",
				other.Service, i.Service, i.Repositories)
		}
		pushed[i.Repositories] = i
	}
	return nil
}

// platforms returns the platforms of each service in the committed stacks, because an image is promoted from one to the other. The
// local cloud's stack has its own images, and a pull request's stack is a copy.
func platforms(dir string) (map[string]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "Pulumi.*.yaml"))
	if err != nil {
		return nil, err
	}
	found := map[string][]string{}
	for _, file := range files {
		if notShipped.MatchString(filepath.Base(file)) {
			continue
		}
		all, err := build.Services(file)
		if err != nil {
			return nil, err
		}
		for name, s := range all {
			architecture := cmp.Or(s.Architecture, spec.DefaultArchitecture)
			if err := spec.CheckArchitecture(architecture); err != nil {
				return nil, fmt.Errorf("%s: service %s: architecture %w", file, name, err)
			}
			found[name] = append(found[name], "linux/"+architecture)
		}
	}
	joined := map[string]string{}
	for name, list := range found {
		slices.Sort(list)
		joined[name] = strings.Join(slices.Compact(list), ",")
	}
	return joined, nil
}
