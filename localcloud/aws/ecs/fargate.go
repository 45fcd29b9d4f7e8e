package ecs

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"slipway/localcloud/cloud"
)

// fargateSizes lists, by CPU units, how much memory a Fargate task may have, in MiB: from, to and in what steps.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
// Those of 32 vCPUs have three sizes of memory.
var fargateSizes = map[int]struct{ from, to, step int }{
	256:   {512, 2048, 512}, // but for 1.5 GB
	512:   {1024, 4096, 1024},
	1024:  {2048, 8192, 1024},
	2048:  {4096, 16384, 1024},
	4096:  {8192, 30720, 1024},
	8192:  {16384, 61440, 4096},
	16384: {32768, 122880, 8192},
	32768: {61440, 249856, 1},
}

var largestMemory = []int{61440, 122880, 249856}

// fargateSize refuses a pair of CPU units and MiB that Fargate does not offer.
func fargateSize(cpu, memory int) error {
	size, ok := fargateSizes[cpu]
	if !ok || memory < size.from || memory > size.to || (memory-size.from)%size.step != 0 || cpu == 256 && memory == 1536 ||
		cpu == 32768 && !slices.Contains(largestMemory, memory) {
		return cloud.Errorf("ClientException", "No Fargate configuration exists for given values: %d CPU, %d memory. "+
			"See the Amazon ECS documentation for the valid values.", cpu, memory)
	}
	return nil
}

var (
	virtualCPUs = regexp.MustCompile(`(?i)^([0-9]*\.?[0-9]+) ?vcpu$`)
	gigabytes   = regexp.MustCompile(`(?i)^([0-9]*\.?[0-9]+) ?gb$`)
)

// cpuUnits reads a task's CPU, given in units or in vCPUs (256, ".25 vCPU").
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html#task_size
func cpuUnits(s string) (int, error) { return sizeOf(s, virtualCPUs, "cpu") }

// mebibytes reads a task's memory, given in MiB or in GB (512, "0.5 GB").
func mebibytes(s string) (int, error) { return sizeOf(s, gigabytes, "memory") }

func sizeOf(s string, unit *regexp.Regexp, setting string) (int, error) {
	s = strings.TrimSpace(s)
	if n, err := strconv.Atoi(s); err == nil && n > 0 {
		return n, nil
	}
	if m := unit.FindStringSubmatch(s); m != nil {
		if f, err := strconv.ParseFloat(m[1], 64); err == nil {
			return int(f * 1024), nil
		}
	}
	return 0, cloud.Errorf("ClientException", "Invalid '%s' setting for task.", setting)
}
