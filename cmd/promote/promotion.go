package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"slipway/internal/smoke"
	"slipway/internal/stack"
	"slipway/spec"
)

// environment has the calls of a stack that a promotion needs.
type environment interface {
	Name() string
	Outputs(context.Context) (stack.Outputs, error)
	LastUpdate(context.Context) (stack.Update, bool, error)
	Releases(ctx context.Context, limit int) ([]stack.Release, error)
	ConfiguredImages() (services, before map[string]spec.Image, err error)
	Draft(context.Context, map[string]spec.Image) (draft, error)
	Up(ctx context.Context, message string, progress io.Writer) error
}

// draft is a changed configuration before it replaces the stack's.
type draft interface {
	Preview(ctx context.Context, progress io.Writer) error
	Save() error
	Restore() error
	Discard()
}

// promotion is one run of the command.
type promotion struct {
	services []string      // the named ones; none means all
	digests  digests       // the digests that the source must run, if any
	save     string        // the file to write the digests to; none if empty
	wait     time.Duration // how long the target's services may take to answer correctly
	smoke    func(context.Context, smoke.Target) (smoke.Report, error)
	confirm  func(ctx context.Context, question string) (bool, error)
	preview  bool // only
	out      io.Writer
}

// errDeclined is the error of a question that was answered no.
var errDeclined = errors.New("declined: nothing was changed")

// change is a change of a stack.
type change struct {
	images   images            // by service
	promotes images            // of all services that could be changed
	versions map[string]string // the expected versions of the services afterwards, if known
	question string
	message  string // for the stack's history
}

// promote gives one stack's images to another.
func (p *promotion) promote(ctx context.Context, source, target environment) error {
	if err := settled(ctx, source); err != nil {
		return fmt.Errorf("promote stack %s: %w", source.Name(), err)
	}
	outputs, err := source.Outputs(ctx)
	if err != nil {
		return err
	}
	configured, before, err := target.ConfiguredImages()
	if err != nil {
		return err
	}
	services, err := selectServices(p.services, source.Name(), target.Name(), outputs.Images, configured)
	if err != nil {
		return err
	}
	if err := sameBefore(services, source.Name()+" runs", target.Name(), outputs.Before, before); err != nil {
		return err
	}
	c := change{
		images:   images{},
		promotes: outputs.Images,
		question: fmt.Sprintf("Promote to %s?", target.Name()),
	}
	for _, name := range services {
		if _, canary := outputs.Canaries[name]; canary {
			return fmt.Errorf("stack %s runs a canary of service %s, which may answer the smoke test instead: promote or remove the canary there first",
				source.Name(), name)
		}
		if outputs.Images[name].Digest == "" {
			return fmt.Errorf("stack %s runs service %s as %s, a tag, which can mean another image tomorrow: configure it by digest first",
				source.Name(), name, outputs.Images[name])
		}
		c.images[name] = promoted(outputs.Images[name], configured[name])
	}
	if err := p.digests.check(source.Name(), services, outputs.Images, !p.preview); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(outputs.Images)) {
		if _, known := configured[name]; !known && len(p.services) == 0 {
			fmt.Fprintf(p.out, "Service %s is left out: the configuration of stack %s does not have it.\n", name, target.Name())
		}
	}

	fmt.Fprintf(p.out, "Does what stack %s runs work?\n", source.Name())
	reports, err := p.check(ctx, outputs, services, nil, 0)
	if err != nil {
		return fmt.Errorf("stack %s: %w", source.Name(), err)
	}
	if err := p.show(services, reports); err != nil {
		return fmt.Errorf("stack %s is not fit to be promoted: %w", source.Name(), err)
	}
	if p.save != "" {
		if err := saveDigests(p.save, c.images); err != nil {
			return err
		}
	}
	c.versions = versions(reports)
	c.message = "promote from " + source.Name() + ": " + c.summary(services)
	return p.apply(ctx, target, services, configured, c)
}

// settled returns an error unless the newest entry of the stack's history succeeded.
func settled(ctx context.Context, e environment) error {
	last, updated, err := e.LastUpdate(ctx)
	switch {
	case err != nil:
		return err
	case !updated:
		return errors.New("it has never been updated")
	case last.Kind == "destroy":
		return errors.New("it was destroyed")
	case !last.Succeeded():
		return fmt.Errorf("its last %s, at %s, has not succeeded: %s", last.Kind, when(stack.Release{Update: last}), last.Result)
	}
	return nil
}

// limit is how far back in its history a stack is rolled back, in entries.
const limit = 100

// rollback returns a stack to images that it ran before.
func (p *promotion) rollback(ctx context.Context, target environment) error {
	fail := func(err error) error { return fmt.Errorf("roll back stack %s: %w", target.Name(), err) }
	if last, updated, err := target.LastUpdate(ctx); err != nil {
		return err
	} else if updated && last.Kind == "destroy" {
		return fail(errors.New("it was destroyed"))
	}
	releases, err := target.Releases(ctx, limit)
	if err != nil {
		return err
	}
	before, err := previous(releases, p.services)
	if err != nil {
		return fail(err)
	}
	configured, beforeNow, err := target.ConfiguredImages()
	if err != nil {
		return err
	}
	// A service that did not exist then, had only a tag, or does not exist any more stays unchanged.
	maps.DeleteFunc(before.Images, func(_ string, image spec.Image) bool { return image.Digest == "" })
	services, err := selectServices(p.services, target.Name(), target.Name(), before.Images, configured)
	if err != nil {
		return fail(err)
	}
	if err := sameBefore(services, target.Name()+" ran", target.Name(), before.Before, beforeNow); err != nil {
		return fail(err)
	}
	c := change{
		images:   images{},
		promotes: configured,
		question: fmt.Sprintf("Roll back %s?", target.Name()),
	}
	for _, name := range services {
		image := before.Images[name]
		image.Tag = "" // it may mean another image now
		c.images[name] = image
	}
	c.message = "roll back to the images of " + before.Start.UTC().Format("2006-01-02 15:04:05Z") + ": " + c.summary(services)
	fmt.Fprintf(p.out, "Back to the update of %s.\n", when(before))
	return p.apply(ctx, target, services, configured, c)
}

// apply shows a change, asks for confirmation, makes it and checks the result.
func (p *promotion) apply(ctx context.Context, target environment, services []string, configured images, c change) error {
	outputs, err := target.Outputs(ctx)
	if err != nil {
		return err
	}
	for _, name := range services {
		if _, runs := outputs.Images[name]; runs && configured[name].Tag != "" && configured[name].Digest == "" {
			return fmt.Errorf("nothing was changed: the configuration of stack %s names service %s as %s, a tag, so it could not be rolled back: configure it by digest",
				target.Name(), name, configured[name])
		}
	}
	// Only for its version: its health does not matter now.
	now, err := p.check(ctx, outputs, services, nil, 0)
	if err != nil {
		return fmt.Errorf("stack %s: %w", target.Name(), err)
	}
	pins := pinned(services, c.promotes, outputs.Images, configured)
	fmt.Fprintf(p.out, "%s:\n", target.Name())
	if err := c.show(p.out, services, outputs.Images, versions(now), pins, configured); err != nil {
		return err
	}

	done := settled(ctx, target) == nil
	saved := true // the configuration names the wanted images
	edits := maps.Clone(pins)
	for _, name := range services {
		done = done && outputs.Images[name].Digest == c.images[name].Digest
		saved = saved && configured[name].Digest == c.images[name].Digest
		edits[name] = c.images[name]
	}
	if done && saved {
		fmt.Fprintf(p.out, "Nothing to do: stack %s runs this.\n", target.Name())
		return p.verify(ctx, target, services, outputs, c)
	}

	proposed, err := target.Draft(ctx, edits)
	if err != nil {
		return err
	}
	defer proposed.Discard()
	if done && !p.preview {
		fmt.Fprintf(p.out, "Nothing to do: stack %s runs this, which its configuration file now says too.\n", target.Name())
		if err := proposed.Save(); err != nil {
			return err
		}
		return p.verify(ctx, target, services, outputs, c)
	}
	if err := proposed.Preview(ctx, p.out); err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	if p.preview {
		return nil
	}
	if agreed, err := p.confirm(ctx, c.question); err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	} else if !agreed {
		return errDeclined
	}

	if err := proposed.Save(); err != nil {
		return errors.Join(err, proposed.Restore())
	}
	if err := target.Up(ctx, c.message, p.out); err != nil {
		if errors.Is(err, stack.ErrNotBegun) {
			return errors.Join(fmt.Errorf("nothing was changed: %w", err), proposed.Restore())
		}
		return fmt.Errorf("%w; Pulumi's output is above. The configuration of stack %s names the new images: "+
			"fix the cause and run `pulumi up --stack %s`, or %s", err, target.Name(), target.Name(), goBack(target))
	}
	if outputs, err = target.Outputs(ctx); err != nil {
		return err
	}
	return p.verify(ctx, target, services, outputs, c)
}

func goBack(e environment) string {
	return fmt.Sprintf("roll back with `go run ./cmd/promote -rollback %s`", e.Name())
}

// verify checks that a stack's services answer with the expected versions.
func (p *promotion) verify(ctx context.Context, target environment, services []string, outputs stack.Outputs, c change) error {
	fmt.Fprintf(p.out, "Does stack %s work?\n", target.Name())
	for _, name := range services {
		if runs := outputs.Images[name]; runs.Digest != c.images[name].Digest {
			return fmt.Errorf("stack %s runs service %s as %s, and not as %s: someone else has updated it", target.Name(), name, runs, c.images[name])
		}
	}
	reports, err := p.check(ctx, outputs, services, c.versions, p.wait)
	if err != nil {
		return fmt.Errorf("could not check stack %s: %w", target.Name(), err)
	}
	if err := p.show(services, reports); err != nil {
		return fmt.Errorf("stack %s is updated, but does not work: %w; fix it, or %s", target.Name(), err, goBack(target))
	}
	return nil
}

// check smoke-tests all services at once, each with the checks of its stack. It leaves out services that are not deployed yet.
func (p *promotion) check(ctx context.Context, outputs stack.Outputs, services []string, wanted map[string]string, wait time.Duration,
) (map[string]smoke.Report, error) {
	targets := map[string]smoke.Target{}
	for _, name := range services {
		target, err := outputs.Target(name)
		if err != nil {
			return nil, err
		}
		if target.URL != "" || target.Worker != "" {
			target.Version, target.Wait = wanted[name], wait
			targets[name] = target
		}
	}
	var mu sync.Mutex
	reports, errs := map[string]smoke.Report{}, []error{}
	var running sync.WaitGroup
	for name, target := range targets {
		running.Go(func() {
			report, err := p.smoke(ctx, target)
			mu.Lock()
			defer mu.Unlock()
			reports[name] = report
			errs = append(errs, err)
		})
	}
	running.Wait()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("smoke test: %w", context.Cause(ctx))
	}
	return reports, errors.Join(errs...)
}

// show writes the results of smoke tests, and returns an error if one failed.
func (p *promotion) show(services []string, reports map[string]smoke.Report) error {
	var errs []error
	for _, name := range services {
		report, checked := reports[name]
		if !checked {
			errs = append(errs, fmt.Errorf("service %s is not deployed", name))
			continue
		}
		errs = append(errs, report.Write(p.out), report.Err())
	}
	return errors.Join(errs...)
}

// versions are the services' versions, or the digest for a service that has none.
func versions(reports map[string]smoke.Report) map[string]string {
	found := map[string]string{}
	for name, report := range reports {
		found[name] = report.Version
	}
	return found
}

// show writes a table of old and new images.
func (c change) show(w io.Writer, services []string, runs images, current map[string]string, pins, configured images) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, name := range services {
		then := described(c.images[name], c.versions[name])
		old, running := runs[name]
		switch {
		case !running:
			fmt.Fprintf(table, "  %s\tnothing\t->\t%s\n", name, then)
		case old.Digest == c.images[name].Digest:
			fmt.Fprintf(table, "  %s\t%s\t\tstays\n", name, described(old, current[name]))
		default:
			fmt.Fprintf(table, "  %s\t%s\t->\t%s\n", name, described(old, current[name]), then)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(pins)) {
		fmt.Fprintf(table, "  %s\t%s\t\tstays; the configuration file named %s\n", name, short(pins[name]), short(configured[name]))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	return nil
}

func described(image spec.Image, version string) string {
	if version == "" || smoke.IsDigest(version) {
		return short(image)
	}
	return short(image) + " " + version
}

// summary is the change in a line.
func (c change) summary(services []string) string {
	parts := make([]string, len(services))
	for i, name := range services {
		parts[i] = name + " " + described(c.images[name], c.versions[name])
	}
	return strings.Join(parts, ", ")
}
