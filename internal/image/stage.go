package image

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	"github.com/moby/buildkit/util/system"
)

// stage is the state of a build stage as its instructions are carried out one by one.
type stage struct {
	files  map[string]string
	before []instructions.Stage // the stages before this one
	given  map[string]string    // values for ARG
	global map[string]string    // values of the ARGs before the first FROM

	args   map[string]string // ARGs declared so far
	lex    *shell.Lex
	base   v1.Image
	config v1.Config
	media  types.MediaType // of the layers
	steps  []mutate.Addendum
	hasCmd bool // this stage has a CMD of its own
}

// recipe is a Dockerfile that was read.
type recipe struct {
	stages []instructions.Stage
	global []instructions.ArgCommand // those before the first FROM
	escape rune
}

func read(dockerfile []byte) (recipe, error) {
	parsed, err := parser.Parse(bytes.NewReader(dockerfile))
	if err != nil {
		return recipe{}, fmt.Errorf("parse Dockerfile: %w", err)
	}
	stages, global, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		return recipe{}, fmt.Errorf("parse Dockerfile: %w", err)
	}
	if len(stages) == 0 {
		return recipe{}, errors.New("parse Dockerfile: no FROM instruction")
	}
	return recipe{stages, global, parsed.EscapeToken}, nil
}

// stage returns a stage of the Dockerfile before its first instruction. It knows the values of the ARGs before the first FROM.
func (r recipe) stage(number int, args map[string]string, platform v1.Platform) (*stage, error) {
	s := &stage{
		before: r.stages[:number],
		given:  map[string]string{},
		global: map[string]string{},
		args:   map[string]string{},
		lex:    shell.NewLex(r.escape),
	}
	maps.Copy(s.given, args)
	s.given["TARGETOS"] = platform.OS
	s.given["TARGETARCH"] = platform.Architecture
	s.given["TARGETVARIANT"] = platform.Variant
	s.given["TARGETPLATFORM"] = platform.String()
	for _, arg := range r.global {
		if err := s.declare(&arg, s.global); err != nil {
			return nil, fmt.Errorf("dockerfile line %d: %s: %w", line(arg.Location()), &arg, err)
		}
	}
	return s, nil
}

// evaluate carries out the last stage of the Dockerfile.
func evaluate(cfg BuildConfig) (*stage, error) {
	r, err := read(cfg.Dockerfile)
	if err != nil {
		return nil, err
	}
	s, err := r.stage(len(r.stages)-1, cfg.Args, cfg.Platform)
	if err != nil {
		return nil, err
	}
	s.files = cfg.Files
	last := r.stages[len(r.stages)-1]
	if err := s.begin(last, cfg); err != nil {
		return nil, fmt.Errorf("dockerfile line %d: %s: %w", line(last.Location), last.SourceCode, err)
	}
	s.args = map[string]string{}
	for _, cmd := range last.Commands {
		if err := s.run(cmd); err != nil {
			return nil, fmt.Errorf("dockerfile line %d: %s: %w", line(cmd.Location()), cmd, err)
		}
	}
	return s, nil
}

// begin starts the stage from the image that it is built on.
func (s *stage) begin(last instructions.Stage, cfg BuildConfig) error {
	base, err := s.expand(last.BaseName)
	switch {
	case err != nil:
		return err
	case last.Platform != "":
		return errors.New("flag --platform is not supported in the last stage: the image is for the requested platform")
	case base == "scratch":
		s.base, s.media = scratch(), types.OCILayer
		// What BuildKit begins an image FROM scratch with (emptyImage in frontend/dockerfile/dockerfile2llb/image.go).
		s.config = v1.Config{Env: []string{"PATH=" + system.DefaultPathEnvUnix}, WorkingDir: "/"}
		return nil
	case s.follows(base):
		return errors.New("the last stage cannot be built on another one, only FROM scratch or FROM an image of a registry")
	case cfg.Base == nil:
		return errors.New("the last stage must be FROM scratch")
	}
	if s.base, err = cfg.Base(base, cfg.Platform); err != nil {
		return err
	}
	// A manifest in Docker's form has layers in Docker's form.
	form, err := s.base.MediaType()
	if err != nil {
		return err
	}
	if s.media = types.OCILayer; form == types.DockerManifestSchema2 {
		s.media = types.DockerLayer
	}
	file, err := s.base.ConfigFile()
	if err != nil {
		return err
	}
	s.config = *file.Config.DeepCopy()
	if s.config.WorkingDir == "" {
		s.config.WorkingDir = "/"
	}
	return nil
}

func line(location []parser.Range) int {
	if len(location) == 0 {
		return 0
	}
	return location[0].Start.Line
}

// variables are those that an instruction sees; ENV wins over ARG (Dockerfile reference, "Using ARG variables").
func (s *stage) variables() shell.EnvGetter {
	env := slices.Clone(s.config.Env)
	for name, value := range s.args {
		if !slices.ContainsFunc(env, func(kv string) bool { return strings.HasPrefix(kv, name+"=") }) {
			env = append(env, name+"="+value)
		}
	}
	return shell.EnvsFromSlice(env)
}

// expand replaces variables in a word.
func (s *stage) expand(word string) (string, error) {
	word, _, err := s.lex.ProcessWord(word, s.variables())
	return word, err
}

// run carries out one instruction and records it in the image's history.
func (s *stage) run(cmd instructions.Command) error {
	if arg, ok := cmd.(*instructions.ArgCommand); ok {
		s.record(cmd, nil)
		return s.declare(arg, s.args)
	}
	if c, ok := cmd.(instructions.SupportsSingleWordExpansion); ok {
		if err := c.Expand(s.expand); err != nil {
			return err
		}
	}
	var layer v1.Layer
	switch c := cmd.(type) {
	case *instructions.CopyCommand:
		entries, err := s.copy(c)
		if err != nil {
			return err
		}
		if layer, err = newLayer(entries, s.media); err != nil {
			return err
		}
	case *instructions.WorkdirCommand:
		s.config.WorkingDir = s.absolute(c.Path)
		var err error
		if layer, err = newLayer([]entry{{name: s.config.WorkingDir, mode: fs.ModeDir | 0o755}}, s.media); err != nil {
			return err
		}
	case *instructions.EnvCommand:
		s.setEnv(c)
	case *instructions.LabelCommand:
		if s.config.Labels == nil {
			s.config.Labels = map[string]string{}
		}
		for _, kv := range c.Labels {
			s.config.Labels[kv.Key] = kv.Value
		}
	case *instructions.ExposeCommand:
		if err := s.expose(c.Ports); err != nil {
			return err
		}
	case *instructions.UserCommand:
		s.config.User = c.User
	case *instructions.EntrypointCommand:
		s.config.Entrypoint = commandLine(c.ShellDependantCmdLine)
		if !s.hasCmd { // that of the base is for its own entry point (Dockerfile reference, "Understand how CMD and ENTRYPOINT interact")
			s.config.Cmd = nil
		}
	case *instructions.CmdCommand:
		s.config.Cmd, s.hasCmd = commandLine(c.ShellDependantCmdLine), true
	case *instructions.VolumeCommand:
		if s.config.Volumes == nil {
			s.config.Volumes = map[string]struct{}{}
		}
		for _, v := range c.Volumes {
			s.config.Volumes[v] = struct{}{}
		}
	default:
		return fmt.Errorf("instruction %s is not supported", strings.ToUpper(cmd.Name()))
	}
	s.record(cmd, layer)
	return nil
}

func (s *stage) setEnv(c *instructions.EnvCommand) {
	for _, kv := range c.Env {
		s.config.Env = slices.DeleteFunc(s.config.Env, func(have string) bool { return strings.HasPrefix(have, kv.Key+"=") })
		s.config.Env = append(s.config.Env, kv.Key+"="+kv.Value)
	}
}

func (s *stage) record(cmd instructions.Command, layer v1.Layer) {
	s.steps = append(s.steps, mutate.Addendum{
		Layer:   layer,
		History: v1.History{Created: epoch, CreatedBy: fmt.Sprint(cmd), EmptyLayer: layer == nil},
	})
}

// declare gives the variables of an ARG instruction their values: the given one, else the default, else that of the global ARG of this
// name.
func (s *stage) declare(arg *instructions.ArgCommand, scope map[string]string) error {
	for _, a := range arg.Args {
		value, ok := s.given[a.Key]
		switch {
		case ok:
		case a.Value != nil:
			var err error
			if value, err = s.expand(*a.Value); err != nil {
				return err
			}
		default:
			if value, ok = s.global[a.Key]; !ok {
				continue
			}
		}
		scope[a.Key] = value
		s.args[a.Key] = value
	}
	return nil
}

func (s *stage) copy(c *instructions.CopyCommand) ([]entry, error) {
	switch {
	case c.From == "":
		return nil, errors.New("COPY from the build context is not supported, only COPY --from")
	case !s.follows(c.From):
		return nil, fmt.Errorf("no stage %s comes before this one, and COPY from another image is not supported", c.From)
	case c.Chown != "":
		return nil, errors.New("flag --chown is not supported: files belong to root")
	case len(c.ExcludePatterns) > 0:
		return nil, errors.New("flag --exclude is not supported")
	case c.Parents:
		return nil, errors.New("flag --parents is not supported")
	case len(c.SourceContents) > 0:
		return nil, errors.New("here-documents are not supported")
	}
	var mode fs.FileMode
	if c.Chmod != "" {
		octal, err := strconv.ParseUint(c.Chmod, 8, 9)
		if err != nil {
			return nil, fmt.Errorf("flag --chmod=%s: want an octal mode such as 0755", c.Chmod)
		}
		mode = fs.FileMode(octal)
	}
	intoDir := strings.HasSuffix(c.DestPath, "/") || len(c.SourcePaths) > 1
	var entries []entry
	for _, source := range c.SourcePaths {
		local, ok := s.files[source]
		if !ok {
			return nil, fmt.Errorf("no local file stands for %s of stage %s", source, c.From)
		}
		name := s.absolute(c.DestPath)
		if intoDir {
			name = path.Join(name, path.Base(source))
		}
		entries = append(entries, entry{name: name, local: local, mode: mode})
	}
	return entries, nil
}

// follows reports whether a stage of this name or number comes before this one.
func (s *stage) follows(from string) bool {
	if _, ok := instructions.HasStage(s.before, from); ok {
		return true
	}
	n, err := strconv.Atoi(from)
	return err == nil && n >= 0 && n < len(s.before)
}

func (s *stage) expose(ports []string) error {
	if s.config.ExposedPorts == nil {
		s.config.ExposedPorts = map[string]struct{}{}
	}
	for _, port := range ports {
		port, err := s.expand(port)
		if err != nil {
			return err
		}
		number, protocol, ok := strings.Cut(port, "/")
		if !ok {
			protocol = "tcp"
		}
		if n, err := strconv.ParseUint(number, 10, 16); err != nil || n == 0 || (protocol != "tcp" && protocol != "udp") {
			return fmt.Errorf("port %q: want a number from 1 to 65535, with /tcp or /udp after it or nothing", port)
		}
		s.config.ExposedPorts[number+"/"+protocol] = struct{}{}
	}
	return nil
}

// absolute resolves a path against the working directory.
func (s *stage) absolute(p string) string {
	if path.IsAbs(p) {
		return path.Clean(p)
	}
	return path.Join("/", s.config.WorkingDir, p)
}

// commandLine is the argument vector of an ENTRYPOINT or CMD; its shell form runs under /bin/sh (Dockerfile
// reference, "Shell and exec form").
func commandLine(c instructions.ShellDependantCmdLine) []string {
	if c.PrependShell {
		return append([]string{"/bin/sh", "-c"}, strings.Join(c.CmdLine, " "))
	}
	return c.CmdLine
}
