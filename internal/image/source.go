package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// Source is a build context with a Dockerfile.
type Source struct {
	Context    string // the folder of the build context
	Dockerfile string // the file
	// Args are the values of ARG instructions.
	Args     map[string]string
	Platform v1.Platform
	// Files are local files for the sources of COPY --from, by their path in the stage copied from. What is not among them is compiled.
	Files map[string]string
	// Base finds the image that the last stage is FROM: see [BuildConfig].
	Base func(reference string, platform v1.Platform) (v1.Image, error)
	// Programs is the folder that keeps what is compiled, because `go build` links only what has changed. By default it is in the user's
	// cache.
	Programs string
}

// roots is where images of golang and alpine, Debian and this machine have the certificates of trusted authorities.
const roots = "/etc/ssl/certs/ca-certificates.crt"

// Build compiles what the last stage copies from other ones, and builds the image of the last stage.
func (s Source) Build(ctx context.Context) (v1.Image, error) {
	text, err := os.ReadFile(s.Dockerfile)
	if err != nil {
		return nil, fmt.Errorf("build image: %w", err)
	}
	r, err := read(text)
	if err != nil {
		return nil, fmt.Errorf("build image: %w", err)
	}
	files := map[string]string{roots: roots}
	maps.Copy(files, s.Files)
	if err := s.compile(ctx, r, files); err != nil {
		return nil, fmt.Errorf("build image: %w", err)
	}
	return Build(BuildConfig{Dockerfile: text, Args: s.Args, Files: files, Platform: s.Platform, Base: s.Base})
}

// compile adds the programs that the last stage copies to the files.
func (s Source) compile(ctx context.Context, r recipe, files map[string]string) error {
	compiled := map[int][]compilation{} // by stage
	for _, cmd := range r.stages[len(r.stages)-1].Commands {
		c, ok := cmd.(*instructions.CopyCommand)
		if !ok || c.From == "" {
			continue
		}
		number, ok := r.number(c.From)
		for _, source := range c.SourcePaths {
			if _, there := files[source]; there || !ok {
				continue // what no stage makes is refused later, with its line
			}
			if _, read := compiled[number]; !read {
				found, err := r.compilations(number, s.Context, s.Args, s.Platform)
				if err != nil {
					return err
				}
				compiled[number] = found
			}
			i := slices.IndexFunc(compiled[number], func(c compilation) bool { return c.makes(source) })
			if i < 0 {
				continue
			}
			file, err := s.run(ctx, compiled[number][i], fmt.Sprintf("%d-%d", number, i), path.Base(source))
			if err != nil {
				return err
			}
			files[source] = file
		}
	}
	return nil
}

// number returns the number of the stage that COPY --from names.
func (r recipe) number(from string) (int, bool) {
	before := r.stages[:len(r.stages)-1]
	if n, ok := instructions.HasStage(before, from); ok {
		return n, true
	}
	n, err := strconv.Atoi(from)
	return n, err == nil && n >= 0 && n < len(before)
}

// run runs `go build` and returns a file of its output.
func (s Source) run(ctx context.Context, c compilation, id, file string) (string, error) {
	out, err := s.outputs(id)
	if err != nil {
		return "", err
	}
	// A folder: `go build` links only what has changed since.
	target := filepath.Join(out, file)
	if strings.HasSuffix(c.output, "/") {
		target = out + string(filepath.Separator)
	}
	cmd := exec.CommandContext(ctx, "go", slices.Concat([]string{"build", "-o", target}, c.args)...) //nolint:gosec // the Dockerfile's own flags
	cmd.Dir = filepath.Join(s.Context, c.dir)
	cmd.Env = s.environment(c.env)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		if _, ended := errors.AsType[*exec.ExitError](err); ended {
			return "", fmt.Errorf("run `go build %s` in %s: %w:\n%s", strings.Join(c.args, " "), cmd.Dir, err, bytes.TrimSpace(said.Bytes()))
		}
		return "", fmt.Errorf("run go build: %w", err)
	}
	return filepath.Join(out, file), nil
}

// outputs returns the folder of a compilation's programs.
func (s Source) outputs(id string) (string, error) {
	programs := s.Programs
	if programs == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("find a place for what is compiled: %w; set HOME or XDG_CACHE_HOME", err)
		}
		programs = filepath.Join(cache, "slipway", "programs")
	}
	dockerfile, err := filepath.Abs(s.Dockerfile)
	if err != nil {
		return "", fmt.Errorf("find a place for what is compiled: %w", err)
	}
	dir := filepath.Join(programs, hashed(dockerfile), strings.ReplaceAll(s.Platform.String(), "/", "-")+"-"+id)
	if err := os.MkdirAll(dir, 0o700); err != nil { //nolint:gosec // in the user's own cache
		return "", fmt.Errorf("make a place for what is compiled: %w", err)
	}
	return dir, nil
}

// own are Go's variables that change what is built. Those of the machine do not count, so that all machines build the same.
var own = []string{
	"CGO_ENABLED", "GO386", "GOAMD64", "GOARCH", "GOARM", "GOARM64", "GODEBUG", "GOEXPERIMENT", "GOFIPS140", "GOFLAGS", "GOOS", "GOWORK",
}

// environment returns that of `go build`. Without -buildvcs=false, each commit would change the program.
func (s Source) environment(env []string) []string {
	all := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(own, name)
	})
	all = append(all, "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false", "GOWORK=off", "GOOS="+s.Platform.OS, "GOARCH="+s.Platform.Architecture)
	return append(all, env...)
}

// hashed is a short name for a text.
func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}
