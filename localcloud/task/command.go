package task

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// command is a process to be started in a sandbox.
type command struct {
	args []string
	env  []string
	dir  string
	user string

	stdin, stdout, stderr *os.File
}

// commandOf puts together what the image and the container say.
func commandOf(c Container, image v1.Config) command {
	entryPoint, args := image.Entrypoint, image.Cmd
	if c.EntryPoint != nil {
		entryPoint, args = c.EntryPoint, nil
	}
	if c.Command != nil {
		args = c.Command
	}
	cmd := command{
		args: slices.Concat(entryPoint, args),
		env:  environment(image.Env, c.Environment),
		dir:  image.WorkingDir,
		user: image.User,
	}
	if c.WorkingDirectory != "" {
		cmd.dir = c.WorkingDirectory
	}
	if c.User != "" {
		cmd.user = c.User
	}
	if cmd.dir == "" {
		cmd.dir = "/"
	}
	return cmd
}

// environment is the image's environment overlaid with the container's, and nothing else. It is never nil, which would
// mean the daemon's own environment to os.StartProcess.
func environment(image []string, container map[string]string) []string {
	env := []string{}
	for _, kv := range image {
		name, _, _ := strings.Cut(kv, "=")
		if _, overridden := container[name]; !overridden {
			env = append(env, kv)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(container)) {
		env = append(env, name+"="+container[name])
	}
	return env
}

// defaultPath is where commands are looked for if the environment has no PATH, as container runtimes do.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// executable finds the file of the command below root, which is empty if the calling thread's root is the container's.
// The errors are worded as the OCI runtime words them.
func (c command) executable(root string) (string, error) {
	if len(c.args) == 0 || c.args[0] == "" {
		return "", errors.New("no command specified")
	}
	name := c.args[0]
	if strings.Contains(name, "/") {
		full := name
		if !filepath.IsAbs(full) {
			full = filepath.Join(c.dir, name)
		}
		full = filepath.Join(root, full)
		info, err := os.Stat(full)
		switch {
		case err != nil:
			return "", fmt.Errorf("exec: %q: stat %s: %w", name, name, cause(err))
		case info.IsDir() || info.Mode()&0o111 == 0:
			return "", fmt.Errorf("exec: %q: permission denied", name)
		}
		return full, nil
	}
	for _, dir := range filepath.SplitList(c.path()) {
		full := filepath.Join(root, dir, name)
		if info, err := os.Stat(full); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return full, nil
		}
	}
	return "", fmt.Errorf("exec: %q: executable file not found in $PATH", name)
}

// path is where the command is looked for.
func (c command) path() string {
	search := defaultPath
	for _, kv := range c.env {
		if value, ok := strings.CutPrefix(kv, "PATH="); ok {
			search = value
		}
	}
	return search
}

// cause is an error without the operation and path that package os adds to it.
func cause(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

// credential finds the numbers of a user ("user" or "user:group", names or numbers; empty is root) in the container's
// own /etc/passwd and /etc/group, which an image from scratch does not have.
func credential(root, user string) (*syscall.Credential, error) {
	name, group, hasGroup := strings.Cut(user, ":")
	if name == "" {
		name = "0"
	}
	uid, gid, err := lookup(root, "etc/passwd", name, 3)
	if err != nil {
		return nil, fmt.Errorf("unable to find user %s: %w", name, err)
	}
	if hasGroup {
		if gid, _, err = lookup(root, "etc/group", group, 2); err != nil {
			return nil, fmt.Errorf("unable to find group %s: %w", group, err)
		}
	}
	// No supplementary groups: the daemon's must not come along.
	return &syscall.Credential{Uid: uid, Gid: gid, Groups: []uint32{}}, nil
}

// openIn opens a file below root, which is empty if the calling thread's root is the container's. No link leads out of it.
func openIn(root, file string) (*os.File, error) {
	if root == "" {
		return os.Open("/" + file)
	}
	return os.OpenInRoot(root, file)
}

// lookup finds a name or number in a file of colon-separated lines. It returns the number in the third field and, if
// second is the index of a field too, the number there. A number need not be in the file.
func lookup(root, file, name string, second int) (first, other uint32, err error) {
	number, numberErr := strconv.ParseUint(name, 10, 32)
	f, err := openIn(root, file)
	if err != nil {
		if numberErr == nil {
			return uint32(number), 0, nil
		}
		return 0, 0, fmt.Errorf("no matching entries in %s", filepath.Base(file))
	}
	defer func() { _ = f.Close() }() // only read
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), ":")
		if len(fields) <= max(2, second) || fields[0] != name && fields[2] != name {
			continue
		}
		a, errA := strconv.ParseUint(fields[2], 10, 32)
		b, errB := strconv.ParseUint(fields[second], 10, 32)
		if err := errors.Join(errA, errB); err != nil {
			return 0, 0, err
		}
		return uint32(a), uint32(b), nil
	}
	if numberErr == nil {
		return uint32(number), 0, lines.Err()
	}
	return 0, 0, fmt.Errorf("no matching entries in %s", filepath.Base(file))
}
