package task

import (
	"errors"
	"runtime"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// shutCalls are the system calls that a container's process may not use. They are those that Docker's default profile blocks by its
// documentation ("Seccomp security profiles for Docker", significant syscalls blocked by the default profile), and later Linux calls
// for the same purposes.
var shutCalls = slices.Concat([]uint32{
	unix.SYS_ACCT, unix.SYS_ADD_KEY, unix.SYS_BPF, unix.SYS_CLOCK_ADJTIME, unix.SYS_CLOCK_SETTIME, unix.SYS_DELETE_MODULE,
	unix.SYS_FINIT_MODULE, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSOPEN, unix.SYS_FSPICK, unix.SYS_GET_MEMPOLICY,
	unix.SYS_INIT_MODULE, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER, unix.SYS_IO_URING_SETUP, unix.SYS_KCMP,
	unix.SYS_KEXEC_FILE_LOAD, unix.SYS_KEXEC_LOAD, unix.SYS_KEYCTL, unix.SYS_MBIND, unix.SYS_MOUNT, unix.SYS_MOUNT_SETATTR,
	unix.SYS_MOVE_MOUNT, unix.SYS_MOVE_PAGES, unix.SYS_NFSSERVCTL, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_OPEN_TREE,
	unix.SYS_PERF_EVENT_OPEN, unix.SYS_PIVOT_ROOT, unix.SYS_QUOTACTL, unix.SYS_REBOOT, unix.SYS_REQUEST_KEY, unix.SYS_SET_MEMPOLICY,
	unix.SYS_SETNS, unix.SYS_SETTIMEOFDAY, unix.SYS_SWAPOFF, unix.SYS_SWAPON, unix.SYS_UMOUNT2, unix.SYS_UNSHARE, unix.SYS_USERFAULTFD,
	unix.SYS_VHANGUP,
}, shutHere)

// newNamespaces are the flags with which clone makes namespaces.
const newNamespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWCGROUP

// confine keeps the process, and what it will be and start, from gaining rights and from the calls above.
func (s *spawn) confine() error {
	code, err := shutFilter()
	if err != nil {
		return err
	}
	program := &unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]} //nolint:gosec // some hundred
	s.pinned = append(s.pinned, code, program)
	s.add("gain no rights", unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1)
	s.add("filter system calls", unix.SYS_PRCTL, unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(program))) //nolint:gosec // a number for a system call
	return nil
}

// shutFilter is the program that the kernel runs at each system call.
func shutFilter() ([]unix.SockFilter, error) {
	arch, ok := architectures[runtime.GOARCH]
	if !ok {
		return nil, errors.ErrUnsupported
	}
	const (
		load, equal, ret = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_RET | unix.BPF_K
		anySet, atLeast  = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
		number, machine  = 0, 4       // in struct seccomp_data of linux/seccomp.h
		firstArgument    = 16         // its low half, on machines that begin with that
		otherTable       = 0x40000000 // the calls of x32
		refuse           = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
		unknown          = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	)
	code := []unix.SockFilter{
		{Code: load, K: machine},
		{Code: equal, K: arch, Jt: 1},
		{Code: ret, K: unknown},
		{Code: load, K: number},
		{Code: atLeast, K: otherTable, Jf: 1},
		{Code: ret, K: unknown},
		// Its flags are in memory, which a filter does not see. Programs then use clone.
		{Code: equal, K: unix.SYS_CLONE3, Jf: 1},
		{Code: ret, K: unknown},
	}
	for _, shut := range shutCalls {
		code = append(code, unix.SockFilter{Code: equal, K: shut, Jf: 1}, unix.SockFilter{Code: ret, K: refuse})
	}
	return append(code,
		unix.SockFilter{Code: equal, K: unix.SYS_CLONE, Jf: 3},
		unix.SockFilter{Code: load, K: firstArgument},
		unix.SockFilter{Code: anySet, K: newNamespaces, Jf: 1},
		unix.SockFilter{Code: ret, K: refuse},
		unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ALLOW},
	), nil
}
