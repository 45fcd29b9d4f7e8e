package task

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Isolation is how far a task's processes are kept from the machine they run on.
type Isolation string

const (
	// IsolationContainer gives each task a network of its own, and each container user, mount, process, host-name and IPC namespaces, a
	// root file system of its own and a filter of system calls, as Fargate does. It needs Linux and a kernel that lets its users make
	// user namespaces; no root ([Runner.Containers]).
	IsolationContainer Isolation = "container"
	// IsolationNamespaces gives each container mount, process, host-name and IPC namespaces and a root file system
	// of its own, as Fargate does. It needs Linux, root and overlayfs.
	IsolationNamespaces Isolation = "namespaces"
	// IsolationChroot gives each container a copy of the image to live in, as the image's user. A read-only root
	// file system is kept only by that user's permissions. It needs Linux and root.
	IsolationChroot Isolation = "chroot"
	// IsolationNone runs the image's program from a copy of the image, as the daemon's user, who may write to it.
	IsolationNone Isolation = "none"
)

// sandbox is what surrounds the processes of one container.
type sandbox interface {
	// start starts a process. An error is worded as the OCI runtime words it.
	start(command) (*os.Process, error)
	// close takes the surroundings away, once all processes have ended.
	close()
}

// surroundings are what a sandbox is made of.
type surroundings struct {
	dir      string // the container's own folder
	image    v1.Image
	images   *cache
	hostname string
	hosts    string // content of /etc/hosts
	readonly bool
	mounts   []mount
	network  *network // that of the task, or nil if it has the machine's
	space    *space   // the namespaces of the task's network, for IsolationContainer
	group    *group   // of control groups; nil for the daemon's
	user     string   // the user of the container's process
	resolver *string  // content of /etc/resolv.conf; nil for the machine's
	// authorities are added to the image's bundles of trusted certificates.
	authorities []byte
}

// mount is a folder of the machine to be seen at a path of the container, or one in memory.
type mount struct {
	source, target string
	readonly       bool
	memory         int // MiB; 0 for a folder of the machine
}

// ownCopy extracts the image for this container alone, for sandboxes that cannot keep it from writing to its root.
func (s surroundings) ownCopy() (string, error) {
	root := filepath.Join(s.dir, "root")
	if err := os.Mkdir(root, 0o755); err != nil { //nolint:gosec // the container's users are not ours
		return "", err
	}
	if err := extract(s.image, root, nil); err != nil {
		return "", err
	}
	return root, nil
}

// place returns the file and the folder to start the command in. The root is empty if the calling thread's root is the container's.
func (c command) place(root string) (file, dir string, err error) {
	if file, err = c.executable(root); err != nil {
		return "", "", err
	}
	dir = filepath.Join(root, c.dir)
	if _, err := os.Stat(dir); err != nil {
		return "", "", fmt.Errorf("chdir to cwd (%q) set in config.json failed: %w", c.dir, cause(err))
	}
	return file, dir, nil
}

// startProcess starts the command. The root is empty if the calling thread's root is the container's already.
func startProcess(root string, cmd command, attr *syscall.SysProcAttr) (*os.Process, error) {
	file, dir, err := cmd.place(root)
	if err != nil {
		return nil, err
	}
	process, err := os.StartProcess(file, cmd.args, &os.ProcAttr{
		Dir:   dir,
		Env:   cmd.env,
		Files: []*os.File{cmd.stdin, cmd.stdout, cmd.stderr},
		Sys:   attr,
	})
	if err != nil {
		return nil, fmt.Errorf("exec: %q: %w", cmd.args[0], cause(err))
	}
	return process, nil
}

// bare runs processes from a folder, held back by nothing.
type bare struct {
	root string
	attr *syscall.SysProcAttr
}

// newBare makes the sandbox of [IsolationNone]. Volumes are links, so that the same files are seen.
func newBare(s surroundings, attr *syscall.SysProcAttr) (*bare, error) {
	root, err := s.ownCopy()
	if err != nil {
		return nil, err
	}
	for _, m := range s.mounts {
		target := filepath.Join(root, m.target)
		if m.memory > 0 {
			if err := openFolder(root, m.target); err != nil {
				return nil, err
			}
			continue
		}
		if err := os.RemoveAll(target); err != nil {
			return nil, err
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
			return nil, err
		}
		if err := os.Symlink(m.source, target); err != nil {
			return nil, err
		}
	}
	return &bare{root, attr}, nil
}

// openFolder makes a folder below a root to which everybody may write. A link that leads out of the root is refused.
func openFolder(root, name string) error {
	r, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	if err := r.MkdirAll(inside(name), 0o755); err != nil {
		return err
	}
	return r.Chmod(inside(name), 0o777|os.ModeSticky)
}

func (b *bare) start(cmd command) (*os.Process, error) { return startProcess(b.root, cmd, b.attr) }

func (b *bare) close() {}
