package spec

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestDrainProfiles(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		drain       Drain
		environment map[string]string
	}{
		"the default": {DefaultDrain, map[string]string{"DRAIN_DELAY": "5s", "MAX_SOCKET_AGE": "0s", "SHUTDOWN_TIMEOUT": "24s"}},
		"requests":    {NewDrain(DrainHTTP, 5, 30), map[string]string{"DRAIN_DELAY": "5s", "MAX_SOCKET_AGE": "0s", "SHUTDOWN_TIMEOUT": "24s"}},
		"WebSockets":  {NewDrain(DrainWebSocket, 120, 60), map[string]string{"DRAIN_DELAY": "5s", "MAX_SOCKET_AGE": "106s", "SHUTDOWN_TIMEOUT": "54s"}},
	} {
		if err := test.drain.Problems().Err(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got := test.drain.Environment()
		for variable, want := range test.environment {
			if got[variable] != want {
				t.Errorf("%s: %s is %s, want %s", name, variable, got[variable], want)
			}
		}
		for variable := range got {
			if CheckReserved(variable, false) == nil {
				t.Errorf("%s can be set by the service too", variable)
			}
		}
	}
	if CheckDrainProfile("tcp") == nil {
		t.Error("an unknown profile is accepted")
	}
}

// A drain that passes the checks gives sockets and requests the time that they need.
func TestDrainIsConsistent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := NewDrain(rapid.SampledFrom([]string{DrainHTTP, DrainWebSocket}).Draw(t, "profile"),
			rapid.IntRange(0, 3600).Draw(t, "deregistrationDelay"), rapid.IntRange(1, 120).Draw(t, "stopTimeout"))
		if len(d.Problems()) > 0 {
			t.Skip("refused")
		}
		if d.SocketAge > 0 && d.SocketAge >= d.DeregistrationDelay {
			t.Fatalf("%+v: sockets are cut before they are told", d)
		}
		if d.Delay >= d.StopTimeout || d.DeregistrationDelay == 0 {
			t.Fatalf("%+v: requests are cut", d)
		}
	})
}

func TestDrainRefuses(t *testing.T) {
	t.Parallel()
	for want, drain := range map[string]Drain{
		"deregistrationDelay: is 0: requests under way would be cut":         NewDrain(DrainHTTP, 0, 30),
		"deregistrationDelay: is 5: the load balancer would cut WebSockets":  NewDrain(DrainWebSocket, 5, 30),
		"stopTimeout: is 9: the container keeps serving for 5 seconds":       NewDrain(DrainHTTP, 5, 9),
		"deregistrationDelay: is -1: requests under way would be cut when a": NewDrain(DrainHTTP, -1, 30),
	} {
		if err := drain.Problems().Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", drain, err, want)
		}
	}
}
