package ecs

import (
	"time"
)

// Usage is a running task's use, and the size in its task definition.
type Usage struct {
	Task string // its ARN
	// CPU is processor time since the task started, Memory the bytes that it has resident.
	CPU    time.Duration
	Memory int64
	// CPUUnits are 1/1024 of a processor each.
	CPUUnits int
	// MemoryLimit is in bytes.
	MemoryLimit int64
}
