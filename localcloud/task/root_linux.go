package task

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// rootMaker lists the calls with which a process makes the root file system of a container, in a mount namespace of its own. The image is
// shared, and never written to: an empty folder is laid over it.
type rootMaker struct {
	*spawn
	in    surroundings
	image string
	// owner is who seems to have the files that belong to root, if it is the only user that there is; nil for root.
	owner *syscall.Credential
	// trees are the calls that take mounts of the machine along, by where they are put.
	trees map[string]int
}

// devices are those that container runtimes give every container.
var devices = []string{"null", "zero", "full", "random", "urandom", "tty"}

func (m *rootMaker) make() error {
	root := filepath.Join(m.in.dir, "root")
	lower, err := m.prepare(root)
	if err != nil {
		return err
	}
	m.add("set umask", unix.SYS_UMASK, 0o022)
	m.mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	machine := m.open("/", unix.O_PATH|unix.O_DIRECTORY, 0)
	m.trees = map[string]int{}
	for _, name := range devices {
		m.take("/dev/"+name, "/dev/"+name)
	}
	for _, v := range m.in.mounts {
		if v.memory == 0 {
			m.take(v.source, targetOf(v))
		}
	}
	// Relative paths, because the options have no room for commas and colons in the folder's own.
	m.enter(m.in.dir)
	m.mount("overlay", root, "overlay", 0, "lowerdir="+lower+",upperdir=upper,workdir=work,userxattr")
	// So that no link of the image leads out of it.
	m.add("chroot to "+root, unix.SYS_CHROOT, m.text(root))
	m.enter("/")
	if err := m.files(); err != nil {
		return err
	}
	m.makeDevices()
	if err := m.volumes(); err != nil {
		return err
	}
	// While the machine's /proc is there: without one, another cannot be mounted in a user namespace (user_namespaces(7)).
	m.mount("proc", "/proc", "proc", procFlags, "")
	m.pivot(machine, root)
	if m.in.readonly {
		m.mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")
	}
	if m.in.hostname != "" {
		m.add("set the host name", unix.SYS_SETHOSTNAME, m.text(m.in.hostname), uintptr(len(m.in.hostname)))
	}
	return nil
}

// prepare makes the folders of the overlay, and returns the path to the image from there.
func (m *rootMaker) prepare(root string) (lower string, err error) {
	info, err := os.Stat(m.image)
	if err != nil {
		return "", err
	}
	// The root folder is that of the upper layer.
	for name, mode := range map[string]os.FileMode{root: 0o755, "upper": info.Mode().Perm(), "work": 0o700} {
		name = filepath.Join(m.in.dir, filepath.Base(name))
		if err := os.Mkdir(name, mode); err != nil {
			return "", err
		}
	}
	return filepath.Rel(m.in.dir, m.image)
}

// pivot makes the root that of the mount namespace. The old one is stacked on it for a moment, then detached (pivot_root(2), "pivot_root(".",
// ".")").
func (m *rootMaker) pivot(machine int, root string) {
	m.add("leave "+root, unix.SYS_FCHDIR).of = machine
	m.add("leave "+root, unix.SYS_CHROOT, m.text("."))
	m.enter(root)
	m.add("pivot_root "+root, unix.SYS_PIVOT_ROOT, m.text("."), m.text("."))
	m.add("unmount the machine's root", unix.SYS_UMOUNT2, m.text("."), unix.MNT_DETACH)
	m.enter("/")
}

func (m *rootMaker) enter(folder string) { m.add("chdir "+folder, unix.SYS_CHDIR, m.text(folder)) }

func (m *rootMaker) mount(source, target, kind string, flags uintptr, options string) {
	m.add("mount "+kind+" "+target, unix.SYS_MOUNT, m.text(source), m.text(target), m.text(kind), flags, m.text(options))
}

// folder makes a folder and those above it, unless they are there.
func (m *rootMaker) folder(name string) {
	if above := path.Dir(name); above != "/" {
		m.folder(above)
	}
	m.add("mkdir "+name, unix.SYS_MKDIRAT, here, m.text(name), 0o755).mayFail = true
}

// take takes a file or folder of the machine along, and put puts it into the root.
func (m *rootMaker) take(name, target string) {
	const clone = unix.OPEN_TREE_CLONE | unix.O_CLOEXEC
	m.add("take along "+name, unix.SYS_OPEN_TREE, here, m.text(name), clone)
	m.trees[target] = len(m.calls) - 1
}

func (m *rootMaker) put(target string) {
	m.add("mount "+target, unix.SYS_MOVE_MOUNT, 0, m.text(""), here, m.text(target), unix.MOVE_MOUNT_F_EMPTY_PATH).of = m.trees[target]
	m.add("mount "+target, unix.SYS_CLOSE).of = m.trees[target]
}

// files writes the files that container runtimes write, in place of links too.
func (m *rootMaker) files() error {
	resolver, err := m.in.resolvers()
	if err != nil {
		return err
	}
	content := map[string][]byte{
		"/etc/hosts": []byte(m.in.hosts), "/etc/hostname": []byte(m.in.hostname + "\n"), "/etc/resolv.conf": []byte(resolver),
	}
	for name, bundle := range m.bundles() {
		content["/"+name] = slices.Concat(bundle, []byte("\n"), m.in.authorities)
	}
	m.folder("/etc")
	for name, text := range content {
		m.add("remove "+name, unix.SYS_UNLINKAT, here, m.text(name), 0).mayFail = true
		m.write(name, text, unix.O_CREAT|unix.O_EXCL, modeFor(m.owner, 0, 0, 0o644))
	}
	return nil
}

// bundles are where programs look for the certificates that they trust: those of Go's crypto/x509, root_linux.go, which are those of the
// usual distributions.
var bundles = []string{
	"etc/ssl/certs/ca-certificates.crt", "etc/pki/tls/certs/ca-bundle.crt", "etc/ssl/ca-bundle.pem", "etc/pki/tls/cacert.pem",
	"etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "etc/ssl/cert.pem",
}

// bundles returns those that the image has, if something is to be added.
func (m *rootMaker) bundles() map[string][]byte {
	found := map[string][]byte{}
	root, err := os.OpenRoot(m.image)
	if err != nil || len(m.in.authorities) == 0 {
		return found
	}
	defer func() { _ = root.Close() }()
	for _, name := range bundles {
		if content, err := root.ReadFile(name); err == nil { // of what is not there, or leads out of the image, there is none
			found[name] = content
		}
	}
	return found
}

// makeDevices makes /dev as container runtimes do (OCI runtime specification, "Linux Runtime": default file systems and devices), of what was
// taken along first. There is no /tmp unless the image has one.
func (m *rootMaker) makeDevices() {
	m.folder("/proc")
	m.folder("/dev")
	m.mount("tmpfs", "/dev", "tmpfs", unix.MS_NOSUID, fmt.Sprintf("mode=%o,size=64k", modeFor(m.owner, 0, 0, 0o755)))
	for _, name := range devices {
		m.write("/dev/"+name, nil, unix.O_CREAT, 0o600) // the device's own mode is what counts
		m.put("/dev/" + name)
	}
	for name, target := range map[string]string{
		"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
	} {
		m.add("link /dev/"+name, unix.SYS_SYMLINKAT, m.text(target), here, m.text("/dev/"+name))
	}
	m.folder("/dev/shm")
	// Container runtimes' default size; Fargate does not take sharedMemorySize.
	m.mount("shm", "/dev/shm", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=1777,size=64m")
}

// targetOf is where a volume is in the root.
func targetOf(m mount) string { return "/" + inside(m.target) }

// volumes puts the volumes into the root.
func (m *rootMaker) volumes() error {
	for _, v := range m.in.mounts {
		target := targetOf(v)
		m.folder(target)
		if v.memory > 0 {
			m.mount("tmpfs", target, "tmpfs", tmpfsFlags, v.options())
			continue
		}
		m.put(target)
		if !v.readonly {
			continue
		}
		flags, err := lockedFlags(v.source)
		if err != nil {
			return err
		}
		m.mount("", target, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|flags, "")
	}
	return nil
}
