package spec

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestFargateSizes(t *testing.T) {
	t.Parallel()
	valid := map[int][]int{
		256:   {512, 1024, 2048},
		512:   {1024, 2048, 3072, 4096},
		1024:  {2048, 5120, 8192},
		2048:  {4096, 16384},
		4096:  {8192, 30720},
		8192:  {16384, 20480, 61440},
		16384: {32768, 40960, 122880},
		32768: {61440, 122880, 249856},
	}
	for cpu, memories := range valid {
		if err := CheckFargateCPU(cpu); err != nil {
			t.Error(err)
		}
		for _, memory := range memories {
			if err := CheckFargateMemory(cpu, memory); err != nil {
				t.Error(err)
			}
		}
	}
	invalid := map[int][]int{
		256:   {0, 256, 768, 3072},
		512:   {512, 1536, 5120},
		1024:  {1024, 9216},
		4096:  {31744},
		8192:  {17408, 65536},
		16384: {36864, 131072},
		32768: {32768, 65536, 245760},
	}
	for cpu, memories := range invalid {
		for _, memory := range memories {
			if CheckFargateMemory(cpu, memory) == nil {
				t.Errorf("%d CPU units with %d MiB pass", cpu, memory)
			}
		}
	}
	if err := CheckFargateMemory(512, 512); err == nil || !strings.Contains(err.Error(), "1024 to 4096 in steps of 1024") {
		t.Errorf("512 CPU units with 512 MiB: %v, want what is allowed", err)
	}
	if err := CheckFargateMemory(32768, 65536); err == nil || !strings.Contains(err.Error(), "allowed are 61440, 122880 or 249856") {
		t.Errorf("32768 CPU units with 65536 MiB: %v, want what is allowed", err)
	}
}

// Only powers of two from 256 to 32768 pass as CPU units, and memory in MiB is never far below twice their number.
func TestFargateSizesProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cpu := rapid.OneOf(rapid.IntRange(-1, 40_000), rapid.SampledFrom([]int{256, 512, 1024, 2048, 4096, 8192, 16384, 32768})).Draw(t, "cpu")
		memory := rapid.OneOf(rapid.IntRange(-1, 260_000), rapid.Map(rapid.IntRange(0, 250), func(n int) int { return n * 1024 })).Draw(t, "memory")
		powerOfTwo := cpu >= 256 && cpu <= 32768 && cpu&(cpu-1) == 0
		if (CheckFargateCPU(cpu) == nil) != powerOfTwo {
			t.Fatalf("%d CPU units: %v", cpu, CheckFargateCPU(cpu))
		}
		if powerOfTwo && CheckFargateMemory(cpu, memory) == nil && (memory < 2*cpu*15/16 || memory > 8*cpu) {
			t.Fatalf("%d CPU units pass with %d MiB", cpu, memory)
		}
	})
}
