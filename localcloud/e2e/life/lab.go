// Package life runs lives of stacks in parallel: the real engine and the real program, as processes, each on its own local cloud. A
// state that a stack has reached can be saved, and any number of lives can continue from there. So it is cheap to try every single
// failure.
package life

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"

	"slipway/localcloud/e2e/binary"
)

// Lab is the place of stacks: a folder and the tools of the repository.
type Lab struct {
	root   string
	dir    string
	number atomic.Int64 // of the last life
}

// Parameter is the name of a parameter of somebody else, which is there in every life.
const Parameter = "/flag"

// repository has the images of all lives.
const repository = "000000000000.dkr.ecr.eu-central-1.amazonaws.com/hello"

// NewLab makes a lab in a folder. Root is the repository's, where `make cli build` has built the tools. Each life has images
// with the versions as their tags, of a service that needs no time to stop.
func NewLab(ctx context.Context, binaries *binary.Cache, root, dir string, versions ...string) (*Lab, error) {
	return NewLabOf(ctx, binaries, filepath.Join("life", "testdata", "service"), root, dir, versions...)
}

// NewLabOf makes a lab whose images are of another program: the one in a folder of localcloud/e2e.
func NewLabOf(ctx context.Context, binaries *binary.Cache, service, root, dir string, versions ...string) (*Lab, error) {
	l := &Lab{root: root, dir: dir}
	if err := os.MkdirAll(filepath.Join(dir, "images"), 0o700); err != nil {
		return nil, fmt.Errorf("make a lab: %w", err)
	}
	for _, v := range versions {
		file, err := binaries.Program(ctx, filepath.Join(root, "localcloud", "e2e", service), map[string]string{"main.version": v})
		if err != nil {
			return nil, fmt.Errorf("build version %s of the service: %w", v, err)
		}
		if err := os.Symlink(file, filepath.Join(dir, "images", v)); err != nil {
			return nil, fmt.Errorf("make a lab: %w", err)
		}
	}
	return l, nil
}

func (l *Lab) bin(name string) string { return filepath.Join(l.root, "bin", name) }

// newDir makes the folder of the next life.
func (l *Lab) newDir() string { return filepath.Join(l.dir, fmt.Sprintf("life-%d", l.number.Add(1))) }

// Begin starts a local cloud for a stack with the configuration in a file, with every version's image in it and nothing
// else: the stack has not been brought up.
func (l *Lab) Begin(ctx context.Context, config string) (*Stack, error) {
	s := &Stack{lab: l, Dir: l.newDir()}
	project, err := os.ReadFile(filepath.Join(l.root, "Pulumi.yaml"))
	if err != nil {
		return nil, fmt.Errorf("begin a life: %w", err)
	}
	// With the built program: a build in each life would take long.
	const option = "buildTarget: bin/slipway"
	changed := strings.Replace(string(project), option, "binary: ./slipway", 1)
	if changed == string(project) {
		return nil, fmt.Errorf("begin a life: Pulumi.yaml no longer says %q", option)
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("begin a life: %w", err)
	}
	if err := os.WriteFile(filepath.Join(s.Dir, "Pulumi.yaml"), []byte(changed), 0o600); err != nil {
		return nil, fmt.Errorf("begin a life: %w", err)
	}
	if err := os.Symlink(l.bin("slipway"), filepath.Join(s.Dir, "slipway")); err != nil {
		return nil, fmt.Errorf("begin a life: %w", err)
	}
	if err := s.Configure(config); err != nil {
		return nil, err
	}
	if err := s.StartCloud(ctx); err != nil {
		return nil, err
	}
	if err := s.prepare(ctx); err != nil {
		s.End(ctx)
		return nil, err
	}
	return s, nil
}

// prepare pushes the images and makes the stack.
func (s *Stack) prepare(ctx context.Context) error {
	images, err := os.ReadDir(filepath.Join(s.lab.dir, "images"))
	if err != nil {
		return fmt.Errorf("push images: %w", err)
	}
	for _, image := range images {
		push := exec.CommandContext(ctx, s.lab.bin("image"), "-dockerfile", filepath.Join(s.lab.root, "Dockerfile"),
			"-file", "/out/app="+filepath.Join(s.lab.dir, "images", image.Name()),
			"-arg", "VERSION="+image.Name(), s.Cloud.Info.Registry+"/"+repository+":"+image.Name())
		if out, err := push.CombinedOutput(); err != nil {
			return fmt.Errorf("push images: %w: %s", err, out)
		}
	}
	for _, region := range []string{"eu-central-1", "eu-west-1"} { // the regions of all stacks
		if _, err := s.localcloud(ctx, "put-parameter", "-region", region, Parameter, "on"); err != nil {
			return err
		}
	}
	_, err = s.Pulumi(ctx, "stack", "select", "--create", "local")
	return err
}

// State is a stack and its cloud at one moment, from which lives continue.
type State struct {
	lab *Lab
	dir string
}

// Save ends the stack's life and keeps its state. The cloud is stopped first: its store is one file, and Pulumi's state is a few.
func (s *Stack) Save(ctx context.Context) (*State, error) {
	if err := s.StopCloud(ctx); err != nil {
		return nil, err
	}
	return &State{lab: s.lab, dir: s.Dir}, nil
}

// Resume begins a life from the saved state.
func (st *State) Resume(ctx context.Context) (*Stack, error) {
	s := &Stack{lab: st.lab, Dir: st.lab.newDir()}
	err := copyTree(s.Dir, st.dir)
	if err == nil {
		err = s.StartCloud(ctx)
	}
	if err != nil {
		s.End(ctx)
		return nil, fmt.Errorf("resume a life: %w", err)
	}
	return s, nil
}

// Then runs a step in a life from the saved state, and returns the new state.
func (st *State) Then(ctx context.Context, happen func(*Stack) error) (*State, error) {
	s, err := st.Resume(ctx)
	if err != nil {
		return nil, err
	}
	if err := happen(s); err != nil {
		s.End(ctx)
		return nil, err
	}
	end, err := s.Save(ctx)
	if err != nil {
		s.End(ctx)
	}
	return end, err
}

// unwanted are the files of a cloud that a copy of it must not have, or has no use for.
var unwanted = []string{
	"daemon.json", // has the ports of the cloud that was
	"daemon.log",
	filepath.Join("tasks", "tasks"), // folders of tasks that do not run
	filepath.Join("pulumi", "home", "logs"),
}

func copyTree(to, from string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		for _, u := range unwanted {
			if relative != filepath.Join(cloudDir, u) {
				continue
			}
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		target := filepath.Join(to, relative)
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			return os.MkdirAll(target, info.Mode().Perm())
		case d.Type() == fs.ModeSymlink:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(link, target)
		case d.Type().IsRegular():
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(target, text, info.Mode().Perm())
		}
		return nil // a socket of something that does not run
	})
}
