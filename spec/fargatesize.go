package spec

import (
	"fmt"
	"slices"
	"strings"
)

// fargateSize is a row of the table of CPU and memory combinations in "Task definition parameters for Amazon ECS tasks on Fargate": the
// memory, in MiB, that goes with so many CPU units (1024 units are one vCPU).
type fargateSize struct {
	cpu            int
	min, max, step int
	only           []int // the amounts, if the steps differ
}

var fargateSizes = []fargateSize{
	{cpu: MinFargateCPU, only: []int{MinFargateMemory, 1024, 2048}},
	{cpu: 512, min: 1024, max: 4096, step: 1024},
	{cpu: 1024, min: 2048, max: 8192, step: 1024},
	{cpu: 2048, min: 4096, max: 16384, step: 1024},
	{cpu: 4096, min: 8192, max: 30720, step: 1024},
	{cpu: 8192, min: 16384, max: 61440, step: 4096},
	{cpu: 16384, min: 32768, max: 122880, step: 8192},
	{cpu: MaxFargateCPU, only: []int{61440, 122880, MaxFargateMemory}},
}

// Bounds of the table.
const (
	MinFargateCPU    = 256
	MaxFargateCPU    = 32_768
	MinFargateMemory = 512
	MaxFargateMemory = 249_856
)

func (s fargateSize) allows(memory int) bool {
	if s.only != nil {
		return slices.Contains(s.only, memory)
	}
	return memory >= s.min && memory <= s.max && (memory-s.min)%s.step == 0
}

func (s fargateSize) String() string {
	if n := len(s.only); n > 0 {
		return strings.Trim(strings.Join(strings.Fields(fmt.Sprint(s.only[:n-1])), ", "), "[]") + fmt.Sprint(" or ", s.only[n-1])
	}
	return fmt.Sprintf("%d to %d in steps of %d", s.min, s.max, s.step)
}

// CheckFargateCPU reports whether Fargate has tasks of so many CPU units.
func CheckFargateCPU(cpu int) error {
	allowed := make([]string, len(fargateSizes))
	for i, size := range fargateSizes {
		if size.cpu == cpu {
			return nil
		}
		allowed[i] = fmt.Sprint(size.cpu)
	}
	return fmt.Errorf("no Fargate task has %d CPU units; allowed are %s", cpu, strings.Join(allowed, ", "))
}

// CheckFargateMemory reports whether Fargate has tasks of so many CPU units with so much memory, in MiB. It accepts CPU units that are
// not allowed: [CheckFargateCPU] reports them.
func CheckFargateMemory(cpu, memory int) error {
	for _, size := range fargateSizes {
		if size.cpu == cpu && !size.allows(memory) {
			return fmt.Errorf("no Fargate task of %d CPU units has %d MiB of memory; allowed are %s", cpu, memory, size)
		}
	}
	return nil
}
