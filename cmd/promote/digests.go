package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// digests are the wanted digests, by service; one without a name is for the only service.
type digests map[string]string

var errDigest = errors.New("must be service=sha256:…, once for each service, or sha256:… for the only one")

// add parses one from the command line.
func (d digests) add(text string) error {
	service, digest, named := strings.Cut(text, "=")
	if !named {
		service, digest = "", text
	}
	if !strings.HasPrefix(digest, "sha256:") || named && service == "" || d[service] != "" || len(d) > 0 && (d[""] != "" || !named) {
		return errDigest
	}
	d[service] = digest
	return nil
}

// check returns an error unless the digests match the services to promote; with all, each service needs one. Without it, a digest may
// also be for a service that is left out: a job has one for a service that the target does not have yet.
func (d digests) check(source string, services []string, runs images, all bool) error {
	if len(d) == 0 {
		return nil
	}
	if bare := d[""]; bare != "" {
		if len(services) != 1 {
			return fmt.Errorf("a digest without a service's name is for one service, and these are to be promoted: %s; give -digest service=sha256:… for each",
				strings.Join(services, ", "))
		}
		d = digests{services[0]: bare}
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(d)) {
		switch runs := runs[name]; {
		case all && !slices.Contains(services, name):
			errs = append(errs, fmt.Errorf("service %s, whose digest is given, is not among those to promote", name))
		case runs.Digest != d[name]:
			errs = append(errs, fmt.Errorf("stack %s runs service %s as %s, not as %s: another version was deployed there since, and its own job promotes it",
				source, name, runs, d[name]))
		}
	}
	for _, name := range services {
		if all && d[name] == "" {
			errs = append(errs, fmt.Errorf("service %s would be promoted too, unseen: give its digest, of %s, or name the services to promote", name, short(runs[name])))
		}
	}
	return errors.Join(errs...)
}

// saveDigests writes the digests of images to a file, as add reads them.
func saveDigests(path string, images images) error {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(images)) {
		fmt.Fprintf(&text, "%s=%s\n", name, images[name].Digest)
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		return fmt.Errorf("save the digests: %w", err)
	}
	return nil
}
