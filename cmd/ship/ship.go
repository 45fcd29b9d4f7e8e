package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"slipway/internal/awsconfig"
	"slipway/internal/build"
	"slipway/internal/deployments"
	"slipway/internal/ecr"
	"slipway/internal/image"
	"slipway/internal/smoke"
	"slipway/internal/stack"
	"slipway/spec"
)

// shipment is one run of the command.
type shipment struct {
	options
	project      string // its folder
	file         string // the name of the stack's configuration file
	aws          awsconfig.Options
	repositories *ecr.Registries
	registries   image.Registries
	smoke        func(context.Context, smoke.Target) (smoke.Report, error)
	confirm      func(ctx context.Context, question string) (bool, error)
	out          io.Writer

	took []string // how long each part took
}

// shipped is a service with its new image.
type shipped struct {
	order
	version string
	digest  string
}

// time notes how long a part took, from now to the call of what it returns.
func (s *shipment) time(part string) (end func()) {
	begun := time.Now()
	return func() { s.took = append(s.took, part+" "+rounded(time.Since(begun))) }
}

// ship takes the services from their source to the running stack.
func (s *shipment) ship(ctx context.Context, to *stack.Stack) error {
	services, err := build.Services(to.ConfigFile())
	if err != nil {
		return fmt.Errorf("read the configuration of stack %s: %w", s.stack, err)
	}
	orders, err := ordersOf(s.stack, s.services, services, s.architecture)
	if err != nil {
		return err
	}
	all, err := s.buildAll(ctx, orders)
	if err != nil {
		return err
	}
	edits := map[string]spec.Image{}
	for _, one := range all {
		if one.byTag() || one.image.Digest == one.digest {
			continue
		}
		if edits[one.service], err = one.image.WithDigest(one.digest); err != nil {
			return err
		}
	}
	draft, err := to.Draft(ctx, edits)
	if err != nil {
		return err
	}
	defer draft.Discard()
	if proceed, err := s.ask(ctx, draft); err != nil || !proceed {
		return err
	}
	changed, err := s.update(ctx, to, draft, all)
	if err != nil {
		return err
	}
	if !changed {
		fmt.Fprintf(s.out, "Nothing to deploy: stack %s runs this already.\n", s.stack)
	}
	return s.check(ctx, to, all)
}

// buildAll builds the images and pushes them.
func (s *shipment) buildAll(ctx context.Context, orders []order) ([]shipped, error) {
	var all []shipped
	for _, o := range orders {
		one, err := s.build(ctx, o)
		if err != nil {
			return nil, fmt.Errorf("service %s: %w", o.service, err)
		}
		all = append(all, one)
	}
	return all, nil
}

func (s *shipment) build(ctx context.Context, o order) (shipped, error) {
	done := s.time("build")
	version, err := build.VersionOf(ctx, s.project, o.build)
	if err != nil {
		return shipped{}, err
	}
	if s.version != "" {
		version.Name = s.version
	}
	folder := filepath.Join(s.project, o.build.Context)
	img, err := image.Source{
		Context: folder, Dockerfile: filepath.Join(folder, o.build.Dockerfile), Platform: o.platform, Base: s.registries.Base(ctx),
		Args: map[string]string{"VERSION": version.Name, "COMMIT": version.Commit, "BUILD_TIME": version.Time},
	}.Build(ctx)
	if err != nil {
		return shipped{}, err
	}
	digest, err := img.Digest()
	if err != nil {
		return shipped{}, fmt.Errorf("build image: %w", err)
	}
	done()
	one := shipped{order: o, version: version.Name, digest: digest.String()}
	return one, s.push(ctx, img, one)
}

// push puts an image into its repository.
func (s *shipment) push(ctx context.Context, img v1.Image, one shipped) error {
	defer s.time("push")()
	if in, ok := one.image.ECR(); ok {
		made, err := s.repositories.Ensure(ctx, in)
		if err != nil {
			return err
		}
		if made {
			fmt.Fprintf(s.out, "Made the repository %s in account %s.\n", in.Name, in.Account)
		}
	}
	reference, err := s.place(ctx, one)
	if err != nil || reference == "" {
		if err == nil {
			fmt.Fprintf(s.out, "%s %s: the registry has it already, %s\n", one.service, one.version, short(one.digest))
		}
		return err
	}
	var sent atomic.Int64
	pushed, err := s.registries.Push(ctx, img, reference, func(bytes int) { sent.Add(int64(bytes)) })
	switch {
	case err != nil:
		return err
	case pushed:
		fmt.Fprintf(s.out, "%s %s: pushed %s, %.1f MB sent\n", one.service, one.version, short(one.digest), float64(sent.Load())/1e6)
	default:
		fmt.Fprintf(s.out, "%s %s: the registry has it already, %s\n", one.service, one.version, short(one.digest))
	}
	return nil
}

// place returns the reference to push an image as, or "" if the repository has it. A version's tag does not move, whether or not the
// repository would let it: another image of the version has its digest in its tag.
func (s *shipment) place(ctx context.Context, one shipped) (string, error) {
	if one.byTag() {
		return one.image.String(), nil
	}
	there, err := s.registries.Find(ctx, one.repository()+"@"+one.digest)
	if err != nil || there != "" {
		return "", err
	}
	tagged := one.repository() + ":" + one.version
	if there, err = s.registries.Find(ctx, tagged); err != nil || there == "" {
		return tagged, err
	}
	return tagged + "-" + strings.TrimPrefix(short(one.digest), "sha256:"), nil
}

// short is the part of a digest that people compare.
func short(digest string) string {
	const shown = len("sha256:") + 12
	return digest[:min(shown, len(digest))]
}

// ask shows the change, and asks whether to make it.
func (s *shipment) ask(ctx context.Context, draft *stack.Draft) (proceed bool, err error) {
	if s.yes {
		return true, nil
	}
	if err := draft.Preview(ctx, s.out); err != nil {
		return false, fmt.Errorf("nothing was changed: %w", err)
	}
	if s.preview {
		return false, nil
	}
	agreed, err := s.confirm(ctx, fmt.Sprintf("Ship to %s?", s.stack))
	if err == nil && !agreed {
		err = errors.New("declined: nothing was changed")
	}
	return agreed, err
}

// update updates the stack, and reports whether that changed anything.
func (s *shipment) update(ctx context.Context, to *stack.Stack, draft *stack.Draft, all []shipped) (changed bool, err error) {
	defer s.time("update")()
	if err := draft.Save(); err != nil {
		return false, errors.Join(err, draft.Restore())
	}
	p := &progress{out: s.out, now: time.Now, rollout: deployments.Watcher{Options: s.aws}.Rollout}
	err = to.Follow(ctx, "ship "+summary(all), p.see, time.Second, func() { p.tick(ctx) })
	if errors.Is(err, stack.ErrNotBegun) {
		return false, errors.Join(fmt.Errorf("nothing was changed: %w", err), draft.Restore())
	}
	if err != nil {
		for _, complaint := range p.complaints {
			fmt.Fprintf(s.out, "\n%s\n", complaint)
		}
		return false, fmt.Errorf("%w; %s", err, s.wayBack(all))
	}
	return p.changes > 0, nil
}

// wayBack says how to return to what ran before.
func (s *shipment) wayBack(all []shipped) string {
	for _, one := range all {
		if one.byTag() {
			return fmt.Sprintf("correct the source and ship again. %s names service %s by a tag, so there is no way back to the image before", s.file, one.service)
		}
	}
	return fmt.Sprintf("correct the source and ship again, or go back with `go run ./cmd/promote -rollback %s`", s.stack)
}

// summary is what is shipped, in a line.
func summary(all []shipped) string {
	parts := make([]string, len(all))
	for i, one := range all {
		parts[i] = one.service + " " + one.version
	}
	return strings.Join(parts, ", ")
}

// check checks that the services answer with the new versions, and says where.
func (s *shipment) check(ctx context.Context, to *stack.Stack, all []shipped) error {
	end := s.time("smoke test")
	outputs, err := to.Outputs(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, one := range all {
		target, err := outputs.Target(one.service)
		if err != nil {
			return fmt.Errorf("stack %s: %w", s.stack, err)
		}
		target.Version, target.Wait = one.version, s.wait
		report, err := s.smoke(ctx, target)
		if err == nil {
			err = report.Err()
		}
		if err != nil {
			errs = append(errs, err, report.Write(s.out))
			continue
		}
		fmt.Fprintf(s.out, "%s  %s %s %s\n", report.URL, one.service, one.version, one.digest)
	}
	end()
	fmt.Fprintln(s.out, strings.Join(s.took, ", "))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("stack %s is updated, but does not work: %w; %s", s.stack, err, s.wayBack(all))
	}
	return nil
}
