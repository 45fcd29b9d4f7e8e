package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"slipway/internal/stack"
	"slipway/spec"
)

// images are the images of a stack's services, by name.
type images = map[string]spec.Image

// selectServices returns the services to promote: the named ones, which both stacks must have, or all that both have. The source has
// its running services, the target those in its configuration.
func selectServices(asked []string, source, target string, runs, configured images) ([]string, error) {
	if len(asked) == 0 {
		for name := range runs {
			if _, both := configured[name]; both {
				asked = append(asked, name)
			}
		}
		if len(asked) == 0 {
			return nil, fmt.Errorf("stacks %s and %s have no service in common", source, target)
		}
		slices.Sort(asked)
		return asked, nil
	}
	var errs []error
	for _, name := range asked {
		if _, has := runs[name]; !has {
			errs = append(errs, fmt.Errorf("stack %s runs no service %s; it runs: %s", source, name, names(runs)))
		}
		if _, has := configured[name]; !has {
			errs = append(errs, fmt.Errorf("the configuration of stack %s has no service %s: give it one, with its host names, and promote then; it has: %s",
				target, name, names(configured)))
		}
	}
	asked = slices.Clone(asked)
	slices.Sort(asked)
	return slices.Compact(asked), errors.Join(errs...)
}

func names(services images) string {
	if len(services) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(services)), ", ")
}

// promoted returns the image that a target's service gets: the source's digest, from the repository in the target's configuration. That
// may be another repository with the same images.
func promoted(runs, configured spec.Image) spec.Image {
	image := runs
	if configured.Repository != "" {
		image = configured
	}
	image.Tag, image.Digest = "", runs.Digest
	return image
}

// pinned returns the images for services that could be promoted and are not: the running ones, if the configuration names others. The
// configuration is older than the stack if promotions are not committed, and the promotion of one service must not roll another one
// back. A service that is never promoted keeps its configured image.
func pinned(promoting []string, promotable, runs, configured images) images {
	pins := images{}
	for name, image := range configured {
		_, promoted := promotable[name]
		running, runs := runs[name]
		if promoted && runs && running.Digest != "" && running.Digest != image.Digest && !slices.Contains(promoting, name) {
			pins[name] = running
		}
	}
	return pins
}

// sameBefore returns an error if the target's configuration names another image of before than the source runs: it belongs to the
// service's version, but is not promoted with it.
func sameBefore(services []string, who, target string, wanted, configured images) error {
	var errs []error
	for _, name := range services {
		want, now := wanted[name], configured[name]
		if want.Digest == now.Digest && (want.Digest != "" || want == now) {
			continue
		}
		errs = append(errs, fmt.Errorf("before service %s, stack %s %s, and the configuration of stack %s names %s: set services.%s.before.image there first",
			name, who, cmp.Or(want.String(), "the service's own image"), target, cmp.Or(now.String(), "the service's own image"), name))
	}
	return errors.Join(errs...)
}

// previous returns the newest successful release in which one of the services had another image than in the newest release, even if
// that one failed. No services means all. Releases are ordered newest first.
func previous(releases []stack.Release, services []string) (stack.Release, error) {
	if len(releases) == 0 {
		return stack.Release{}, errors.New("it has never been updated")
	}
	newest := releases[0]
	if newest.Images == nil {
		return stack.Release{}, errors.New("what its newest update deployed cannot be read from its history any more")
	}
	if len(services) == 0 {
		services = slices.Sorted(maps.Keys(newest.Images))
	}
	for _, name := range services {
		image, has := newest.Images[name]
		if !has {
			return stack.Release{}, fmt.Errorf("its newest update deployed no service %s; it deployed: %s", name, names(newest.Images))
		}
		if err := byDigest(newest, name, image); err != nil {
			return stack.Release{}, err
		}
	}
	for _, release := range releases[1:] {
		if !release.Succeeded() {
			continue
		}
		if release.Images == nil {
			return stack.Release{}, fmt.Errorf("what the update of %s deployed cannot be read from its history any more", when(release))
		}
		differs := false
		for _, name := range services {
			image, had := release.Images[name]
			if !had {
				continue
			}
			if err := byDigest(release, name, image); err != nil {
				return stack.Release{}, err
			}
			differs = differs || image.Digest != newest.Images[name].Digest
		}
		if differs {
			return release, nil
		}
	}
	return stack.Release{}, errors.New("no successful update of its history deployed other images")
}

func byDigest(release stack.Release, service string, image spec.Image) error {
	if image.Digest != "" {
		return nil
	}
	return fmt.Errorf("the update of %s deployed service %s as %s: its history does not have that tag's image; only images configured by digest can be rolled back",
		when(release), service, image)
}

func when(release stack.Release) string { return release.Start.Local().Format(time.DateTime) }

// short is the part of a digest that people compare.
func short(image spec.Image) string {
	if image.Digest == "" {
		return image.String()
	}
	const shown = len("sha256:") + 12
	return image.Digest[:min(shown, len(image.Digest))]
}
