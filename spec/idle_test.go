package spec

import (
	"maps"
	"testing"
)

func TestIdleEnvironment(t *testing.T) {
	t.Parallel()
	for timeout, want := range map[int]map[string]string{
		1:    {"IDLE_TIMEOUT": "16s", "PING_INTERVAL": "333ms"},
		10:   {"IDLE_TIMEOUT": "25s", "PING_INTERVAL": "3.333s"},
		60:   {"IDLE_TIMEOUT": "75s", "PING_INTERVAL": "20s"},
		4000: {"IDLE_TIMEOUT": "4015s", "PING_INTERVAL": "20s"},
	} {
		if got := IdleEnvironment(timeout); !maps.Equal(got, want) {
			t.Errorf("%d seconds: %v, want %v", timeout, got, want)
		}
	}
}
