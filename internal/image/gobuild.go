package image

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// compilation is a `go build` of a Dockerfile's stage.
type compilation struct {
	dir    string   // where it runs, relative to the build context
	env    []string // NAME=VALUE
	args   []string // its flags and packages, without -o
	output string   // its path in the stage; a folder if it ends with a slash
}

// makes reports whether the compilation makes a file of the stage.
func (c compilation) makes(file string) bool {
	return file == c.output || strings.HasSuffix(c.output, "/") && path.Dir(file)+"/" == c.output
}

// buildStage is a stage that compiles Go programs, as its instructions are read one by one.
type buildStage struct {
	*stage
	context string // the local folder
	placed  []placed
	built   []compilation
}

// placed is a file or folder of the context, and its place in the stage.
type placed struct{ source, place string }

// compilations reads a stage and returns its calls of `go build`. It refuses every other program: only those calls can be made outside of
// a container, on any machine, with the same result.
func (r recipe) compilations(number int, context string, args map[string]string, platform v1.Platform) ([]compilation, error) {
	s, err := r.stage(number, args, platform)
	if err != nil {
		return nil, err
	}
	s.args = map[string]string{}
	s.config.WorkingDir = "/"
	b := &buildStage{stage: s, context: context}
	for _, cmd := range r.stages[number].Commands {
		if err := b.read(cmd); err != nil {
			return nil, fmt.Errorf("dockerfile line %d: %s: %w", line(cmd.Location()), cmd, err)
		}
	}
	return b.built, nil
}

func (b *buildStage) read(cmd instructions.Command) error {
	if run, ok := cmd.(*instructions.RunCommand); ok {
		return b.readRun(run)
	}
	if arg, ok := cmd.(*instructions.ArgCommand); ok {
		return b.declare(arg, b.args)
	}
	if c, ok := cmd.(instructions.SupportsSingleWordExpansion); ok {
		if err := c.Expand(b.expand); err != nil {
			return err
		}
	}
	switch c := cmd.(type) {
	case *instructions.EnvCommand:
		b.setEnv(c)
	case *instructions.WorkdirCommand:
		b.config.WorkingDir = b.absolute(c.Path)
	case *instructions.CopyCommand:
		if c.From != "" || len(c.SourceContents) > 0 {
			return errors.New("only files of the build context can be copied into a stage that is built without a container engine")
		}
		return b.copied(c.SourcePaths, c.DestPath)
	case *instructions.LabelCommand, *instructions.UserCommand:
	default:
		return fmt.Errorf("instruction %s is not supported without a container engine", strings.ToUpper(cmd.Name()))
	}
	return nil
}

// copied notes where the stage has files and folders of the context.
func (b *buildStage) copied(sources []string, dest string) error {
	for _, source := range sources {
		source = path.Clean(strings.TrimPrefix(source, "/"))
		info, err := os.Stat(filepath.Join(b.context, source))
		if err != nil {
			return fmt.Errorf("the build context has no %s", source)
		}
		place := b.absolute(dest)
		// A file goes into a folder, and of a folder its content (Dockerfile reference, "COPY").
		if !info.IsDir() && (strings.HasSuffix(dest, "/") || dest == "." || len(sources) > 1) {
			place = path.Join(place, path.Base(source))
		}
		b.placed = append(b.placed, placed{source, place})
	}
	return nil
}

// readRun reads the commands of a RUN instruction.
func (b *buildStage) readRun(run *instructions.RunCommand) error {
	words, err := b.words(run)
	if err != nil {
		return err
	}
	if err := run.Expand(b.expand); err != nil {
		return err
	}
	before := b.placed // what is mounted is there only for this instruction
	for _, m := range instructions.GetMounts(run) {
		if m.Type != instructions.MountTypeBind {
			continue
		}
		if m.From != "" {
			return errors.New("only the build context can be mounted without a container engine")
		}
		b.placed = append(b.placed, placed{path.Clean(strings.TrimPrefix(m.Source, "/")), b.absolute(m.Target)})
	}
	defer func() { b.placed = before }()
	for _, command := range split(words) {
		if err := b.readCommand(command); err != nil {
			return err
		}
	}
	return nil
}

// words returns the words that a shell would read.
func (b *buildStage) words(run *instructions.RunCommand) ([]string, error) {
	if len(run.Files) > 0 {
		return nil, errors.New("here-documents are not supported without a container engine")
	}
	if !run.PrependShell {
		return run.CmdLine, nil
	}
	return b.lex.ProcessWords(strings.Join(run.CmdLine, " "), b.variables())
}

// split splits the words of a shell at each &&.
func split(words []string) (commands [][]string) {
	for {
		i := slices.Index(words, "&&")
		if i < 0 {
			return append(commands, words)
		}
		commands, words = append(commands, words[:i]), words[i+1:]
	}
}

// readCommand reads a command of a shell.
func (b *buildStage) readCommand(words []string) error {
	var env []string
	for len(words) > 0 && strings.Contains(words[0], "=") {
		env, words = append(env, words[0]), words[1:]
	}
	switch {
	case slices.ContainsFunc(words, func(w string) bool { return strings.ContainsAny(w, ";|&<>`$\n") }):
		return errors.New("has more of a shell than && and variables, which needs a container engine")
	case len(words) > 2 && words[0] == "go" && words[1] == "mod" && (words[2] == "download" || words[2] == "verify"):
		return nil
	case len(words) < 2 || words[0] != "go" || words[1] != "build":
		return errors.New("only `go build` and `go mod download` can be run without a container engine")
	}
	c := compilation{env: slices.Concat(b.environment(), env)}
	for words = words[2:]; len(words) > 0; words = words[1:] {
		word := words[0]
		if strings.HasPrefix(word, "--") {
			word = word[1:] // which Go's flags take for the same
		}
		flag, value, joined := strings.Cut(word, "=")
		if flag != "-o" && flag != "-C" {
			c.args = append(c.args, words[0])
			continue
		}
		if !joined {
			if len(words) == 1 {
				return fmt.Errorf("flag %s has no value", flag)
			}
			words, value = words[1:], words[1]
		}
		if flag == "-C" {
			c.dir = value
			continue
		}
		c.output = b.absolute(value)
		if strings.HasSuffix(value, "/") {
			c.output += "/"
		}
	}
	if c.output == "" {
		return errors.New("`go build` needs -o, which says where its program is")
	}
	within, err := b.origin(b.absolute(c.dir))
	if err != nil {
		return err
	}
	c.dir = within
	b.built = append(b.built, c)
	return nil
}

// environment are the stage's variables that programs of a RUN see: those of ENV and of ARG (Dockerfile reference, "ARG").
func (b *buildStage) environment() (env []string) {
	for _, name := range slices.Sorted(maps.Keys(b.args)) {
		env = append(env, name+"="+b.args[name])
	}
	return append(env, b.config.Env...)
}

// origin returns the folder of the context that a folder of the stage was copied or mounted from. Its program is compiled there, so
// everything in it must be at the same place as in the stage.
func (b *buildStage) origin(dir string) (string, error) {
	found := map[string]bool{}
	for _, p := range b.placed {
		switch below, above := within(p.place, dir), within(dir, p.place); {
		case above != "": // the folder is in one that was copied
			found[path.Join(p.source, above)] = true
		case below != "":
			rest := "/" + p.source
			if !strings.HasSuffix(rest, "/"+below) {
				return "", fmt.Errorf("%s of the build context is at another place in %s, which needs a container engine", p.source, dir)
			}
			found[path.Clean("./"+strings.TrimSuffix(strings.TrimSuffix(rest, below), "/"))] = true
		}
	}
	if len(found) != 1 {
		return "", fmt.Errorf("%s has %d folders of the build context, want one", dir, len(found))
	}
	for one := range found {
		return one, nil
	}
	return "", nil
}

// within returns the path of a file or folder relative to one that it is in: "." for the same, "" if it is not in it.
func within(file, dir string) string {
	switch {
	case file == dir:
		return "."
	case dir == "/":
		return strings.TrimPrefix(file, "/")
	case strings.HasPrefix(file, dir+"/"):
		return file[len(dir)+1:]
	}
	return ""
}
