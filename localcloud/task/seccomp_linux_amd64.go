package task

import "golang.org/x/sys/unix"

// shutHere are calls that only this architecture has.
var shutHere = []uint32{
	unix.SYS_CREATE_MODULE, unix.SYS_GET_KERNEL_SYMS, unix.SYS_IOPERM, unix.SYS_IOPL, unix.SYS_QUERY_MODULE, unix.SYS_SYSFS, unix.SYS_USELIB,
	unix.SYS_USTAT, unix.SYS__SYSCTL, unix.SYS_LOOKUP_DCOOKIE,
}
