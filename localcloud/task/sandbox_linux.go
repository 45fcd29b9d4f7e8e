package task

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// isolation finds out what the system allows, by trying.
func isolation(dir string) (Isolation, error) {
	if os.Geteuid() != 0 {
		return IsolationNone, nil
	}
	trial, err := os.MkdirTemp(dir, ".isolation-*")
	if err != nil {
		return "", err
	}
	defer func() { _ = removeAll(trial) }()
	if err := os.Mkdir(filepath.Join(trial, "image"), 0o700); err != nil {
		return "", err
	}
	t := newThread()
	defer t.close()
	namespaces := func() error {
		if err := enterNamespaces(surroundings{dir: trial}, filepath.Join(trial, "image")); err != nil {
			return err
		}
		return ownProc()
	}
	if t.do(namespaces) == nil {
		return IsolationNamespaces, nil
	}
	u := newThread()
	defer u.close()
	if u.do(func() error { return enterChroot(trial) }) == nil {
		return IsolationChroot, nil
	}
	return IsolationNone, nil
}

func newSandbox(level Isolation, s surroundings) (sandbox, error) {
	t := newThread()
	box, err := enter(t, level, s)
	if err != nil {
		t.close()
		return nil, err
	}
	return box, nil
}

func enter(t *thread, level Isolation, s surroundings) (sandbox, error) {
	if level == IsolationContainer {
		return newContained(t, s)
	}
	box := &threaded{thread: t, attr: syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}}
	if s.network != nil {
		if err := t.do(s.network.watch); err != nil {
			return nil, err
		}
	}
	switch level {
	case IsolationNamespaces:
		shared, err := s.images.rootFS(s.image)
		if err != nil {
			return nil, err
		}
		return &namespaced{thread: t}, t.do(func() error { return enterNamespaces(s, shared) })
	case IsolationChroot:
		root, err := s.ownCopy()
		if err != nil {
			return nil, err
		}
		for _, m := range s.mounts {
			if m.memory == 0 {
				return nil, errors.New("volumes need the right to mount, which the daemon does not have")
			}
			if err := openFolder(root, m.target); err != nil {
				return nil, err
			}
		}
		return box, t.do(func() error { return enterChroot(root) })
	default:
		b, err := newBare(s, &box.attr)
		if err != nil {
			return nil, err
		}
		box.bare = b
		return box, nil
	}
}

// threaded starts processes on a thread of their own, which has the container's root unless bare is set.
type threaded struct {
	thread *thread
	attr   syscall.SysProcAttr
	bare   *bare
}

func (b *threaded) start(cmd command) (process *os.Process, err error) {
	err = b.thread.do(func() error {
		if b.bare != nil {
			process, err = b.bare.start(cmd)
			return err
		}
		attr := b.attr
		if attr.Credential, err = credential("", cmd.user); err != nil {
			return err
		}
		process, err = startProcess("", cmd, &attr)
		return err
	})
	return process, err
}

func (b *threaded) close() { b.thread.close() }

// namespaced starts processes on a thread of their own, which has the container's root and namespaces. The first one begins a process
// namespace, which has a /proc of its own, and the others join it: when the first one ends the kernel kills them all.
type namespaced struct {
	thread *thread
	begun  bool
}

func (b *namespaced) start(cmd command) (process *os.Process, err error) {
	err = b.thread.do(func() error {
		process, err = launchProcess(cmd, !b.begun)
		return err
	})
	if err != nil || b.begun {
		return process, err
	}
	b.begun = true
	// By the machine's /proc, which the thread does not see. A process that has ended already takes no others into its namespace.
	space, err := os.Open("/proc/" + strconv.Itoa(process.Pid) + "/ns/pid")
	if errors.Is(err, os.ErrNotExist) {
		return process, nil
	}
	if err == nil {
		err = b.thread.do(func() error {
			return errors.Join(os.NewSyscallError("setns", unix.Setns(int(space.Fd()), unix.CLONE_NEWPID)), space.Close())
		})
	}
	if err != nil {
		_ = process.Kill()
		_, _ = process.Wait()
		return nil, err
	}
	return process, nil
}

func (b *namespaced) close() { b.thread.close() }

func enterChroot(root string) error {
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return os.NewSyscallError("unshare", err)
	}
	unix.Umask(0o022)
	if err := unix.Chroot(root); err != nil {
		return &os.PathError{Op: "chroot", Path: root, Err: err}
	}
	if err := unix.Chdir("/"); err != nil {
		return &os.PathError{Op: "chdir", Path: "/", Err: err}
	}
	return dropCapabilities()
}

// enterNamespaces gives the calling thread namespaces and a root file system of its own: the image, which is shared
// and never written to, overlaid with an empty folder.
func enterNamespaces(s surroundings, image string) error {
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC); err != nil {
		return os.NewSyscallError("unshare", err)
	}
	unix.Umask(0o022)
	if err := enterRoot(s, image); err != nil {
		return err
	}
	return dropCapabilities()
}

// enterRoot makes the root file system, in a mount namespace of the calling thread's own.
func enterRoot(s surroundings, image string) error {
	if err := mountAt("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	root := filepath.Join(s.dir, "root")
	info, err := os.Stat(image)
	if err != nil {
		return err
	}
	// The root folder is that of the upper layer.
	for name, mode := range map[string]os.FileMode{"root": 0o755, "upper": info.Mode().Perm(), "work": 0o700} {
		if err := os.Mkdir(filepath.Join(s.dir, name), mode); err != nil {
			return err
		}
	}
	// Relative paths, because the options have no room for commas and colons in the folder's own.
	if err := unix.Chdir(s.dir); err != nil {
		return &os.PathError{Op: "chdir", Path: s.dir, Err: err}
	}
	lower, err := filepath.Rel(s.dir, image)
	if err != nil {
		return err
	}
	options := "lowerdir=" + lower + ",upperdir=upper,workdir=work"
	if err := mountAt("overlay", root, "overlay", 0, options); err != nil {
		return err
	}
	if err := addDefaults(s, root); err != nil {
		return err
	}
	if err := unix.Chdir(root); err != nil {
		return &os.PathError{Op: "chdir", Path: root, Err: err}
	}
	// The old root is stacked on the new one for a moment, then detached (pivot_root(2), "pivot_root(".", ".")").
	if err := unix.PivotRoot(".", "."); err != nil {
		return &os.PathError{Op: "pivot_root", Path: root, Err: err}
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return &os.PathError{Op: "unmount the old root of", Path: root, Err: err}
	}
	if err := unix.Chdir("/"); err != nil {
		return &os.PathError{Op: "chdir", Path: "/", Err: err}
	}
	if s.readonly {
		if err := mountAt("", "/", "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""); err != nil {
			return err
		}
	}
	if s.hostname != "" {
		if err := unix.Sethostname([]byte(s.hostname)); err != nil {
			return os.NewSyscallError("sethostname", err)
		}
	}
	return nil
}

// addDefaults puts into the root what container runtimes add to every image (OCI runtime specification, "Linux Runtime": default
// file systems and devices), and the volumes. /proc comes with the first process. If the root file system is read-only, a user who
// is not root can write to /dev/shm and the volumes alone, as on Fargate. There is no /tmp unless the image has one.
func addDefaults(s surroundings, root string) error {
	r, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	if err := r.MkdirAll("etc", 0o755); err != nil {
		return err
	}
	resolver, err := s.resolvers()
	if err != nil {
		return err
	}
	for name, content := range map[string]string{
		"etc/hosts": s.hosts, "etc/hostname": s.hostname + "\n", "etc/resolv.conf": resolver,
	} {
		// In place of a link too, which may lead anywhere.
		if err := r.RemoveAll(name); err != nil {
			return err
		}
		if err := r.WriteFile(name, []byte(content), 0o644); err != nil {
			return err
		}
	}
	for _, dir := range []string{"proc", "dev"} {
		if err := r.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	dev := filepath.Join(root, "dev")
	if err := mountAt("tmpfs", dev, "tmpfs", unix.MS_NOSUID, "mode=755,size=64k"); err != nil {
		return err
	}
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
		device := filepath.Join(dev, name)
		if err := os.WriteFile(device, nil, 0o600); err != nil { // the device's own mode is what counts
			return err
		}
		if err := bind("/dev/"+name, device, false); err != nil {
			return err
		}
	}
	for name, target := range map[string]string{
		"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
	} {
		if err := os.Symlink(target, filepath.Join(dev, name)); err != nil {
			return err
		}
	}
	if err := os.Mkdir(filepath.Join(dev, "shm"), 0o700); err != nil { // what is mounted there has its own mode
		return err
	}
	// Container runtimes' default size; Fargate does not take sharedMemorySize.
	if err := mountAt("shm", filepath.Join(dev, "shm"), "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=1777,size=64m"); err != nil {
		return err
	}
	for _, m := range s.mounts {
		// Refuses links that lead out of the root.
		if err := r.MkdirAll(inside(m.target), 0o755); err != nil {
			return fmt.Errorf("mount point %s: %w", m.target, err)
		}
		if err := m.attach(filepath.Join(root, m.target)); err != nil {
			return err
		}
	}
	return nil
}

// tmpfsFlags are container runtimes' defaults for a tmpfs.
const tmpfsFlags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

// options are those of a mount in memory.
func (m mount) options() string { return fmt.Sprintf("mode=1777,size=%dm", m.memory) }

// attach mounts what is to be seen at the folder.
func (m mount) attach(target string) error {
	if m.memory == 0 {
		return bind(m.source, target, m.readonly)
	}
	return mountAt("tmpfs", target, "tmpfs", tmpfsFlags, m.options())
}

// resolvers is the content of /etc/resolv.conf. The daemon's resolver is that of a task without one: on a machine without the file there
// is none for either.
func (s surroundings) resolvers() (string, error) {
	if s.resolver != nil {
		return *s.resolver, nil
	}
	content, err := os.ReadFile("/etc/resolv.conf")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	return string(content), nil
}

func bind(source, target string, readonly bool) error {
	if err := mountAt(source, target, "", unix.MS_BIND, ""); err != nil || !readonly {
		return err
	}
	flags, err := lockedFlags(target)
	if err != nil {
		return err
	}
	return mountAt("", target, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|flags, "")
}

// lockedFlags are what a mount that comes from another user namespace cannot lose (mount_namespaces(7)).
func lockedFlags(target string) (uintptr, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(target, &fs); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: target, Err: err}
	}
	var flags uintptr
	for of, flag := range map[int64]uintptr{
		unix.ST_NOSUID: unix.MS_NOSUID, unix.ST_NODEV: unix.MS_NODEV, unix.ST_NOEXEC: unix.MS_NOEXEC, unix.ST_NOATIME: unix.MS_NOATIME,
		unix.ST_NODIRATIME: unix.MS_NODIRATIME, unix.ST_RELATIME: unix.MS_RELATIME,
	} {
		if fs.Flags&of != 0 {
			flags |= flag
		}
	}
	return flags, nil
}

func mountAt(source, target, fstype string, flags uintptr, data string) error {
	if err := unix.Mount(source, target, fstype, flags, data); err != nil {
		return &os.PathError{Op: "mount " + fstype, Path: target, Err: err}
	}
	return nil
}

// keptCapabilities are what root may do in a Fargate container (API_KernelCapabilities, the defaults), but for MKNOD:
// nothing here keeps a device file from reaching the machine's disks.
var keptCapabilities = map[uintptr]bool{
	unix.CAP_AUDIT_WRITE: true, unix.CAP_CHOWN: true, unix.CAP_DAC_OVERRIDE: true, unix.CAP_FOWNER: true,
	unix.CAP_FSETID: true, unix.CAP_KILL: true, unix.CAP_NET_BIND_SERVICE: true, unix.CAP_NET_RAW: true,
	unix.CAP_SETFCAP: true, unix.CAP_SETGID: true, unix.CAP_SETPCAP: true, unix.CAP_SETUID: true,
	unix.CAP_SYS_CHROOT: true,
}

// dropCapabilities takes from the thread's future processes what root does not need in a container.
func dropCapabilities() error {
	for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
		if keptCapabilities[c] {
			continue
		}
		// EINVAL: this kernel does not know the capability.
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil && !errors.Is(err, unix.EINVAL) {
			return os.NewSyscallError("prctl", err)
		}
	}
	return nil
}
