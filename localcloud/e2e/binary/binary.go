// Package binary builds the Go programs that tests put into images, each version once for any number of stacks: linking takes more
// processor time than bringing a stack up.
package binary

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Cache has built programs in its own folder. Any number of goroutines can use it.
type Cache struct {
	dir string

	mu    sync.Mutex
	built map[string]func() (string, error)
}

// NewCache makes an empty cache. Call Remove on it in the end.
func NewCache() (*Cache, error) {
	dir, err := os.MkdirTemp("", "slipway-binaries-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for binaries: %w", err)
	}
	return &Cache{dir: dir, built: map[string]func() (string, error){}}, nil
}

// Remove removes all that was built.
func (c *Cache) Remove() error {
	if err := os.RemoveAll(c.dir); err != nil {
		return fmt.Errorf("remove the binaries: %w", err)
	}
	return nil
}

// Program returns the file of a program as an image has it: the one in a folder, built with the Dockerfile's flags, and with variables
// such as main.version set in it. An image has no C library.
func (c *Cache) Program(ctx context.Context, folder string, variables map[string]string) (file string, err error) {
	flags := "-s -w"
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		flags += fmt.Sprintf(" -X '%s=%s'", name, variables[name])
	}
	return c.build(folder+" "+flags, func(file string) error {
		return run(ctx, []string{"CGO_ENABLED=0"}, "-C", folder, "-trimpath", "-ldflags", flags, "-o", file, ".")
	})
}

// Overlaid returns the file of a program that is not in an image: the one in a folder, with some files replaced.
func (c *Cache) Overlaid(ctx context.Context, folder, overlay string) (file string, err error) {
	return c.build(folder+" "+overlay, func(file string) error {
		return run(ctx, nil, "-C", folder, "-overlay", overlay, "-o", file, ".")
	})
}

// build builds a key's program, or waits until another goroutine has.
func (c *Cache) build(key string, build func(file string) error) (string, error) {
	c.mu.Lock()
	once, there := c.built[key]
	if !there {
		file := filepath.Join(c.dir, fmt.Sprint(len(c.built)))
		once = sync.OnceValues(func() (string, error) { return file, build(file) })
		c.built[key] = once
	}
	c.mu.Unlock()
	return once()
}

// run runs `go build`.
func run(ctx context.Context, environment []string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"build"}, args...)...)
	cmd.Env = append(os.Environ(), environment...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}
