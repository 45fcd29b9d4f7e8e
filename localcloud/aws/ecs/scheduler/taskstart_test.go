package scheduler

import (
	"net/netip"
	"testing"
	"time"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/cloud"
	"slipway/localcloud/pace"
)

// How long others wait for a container is AWS's matter, and goes by the cloud's clock, where the task definition does not say.
func TestStartTimeout(t *testing.T) {
	said := 120
	revision := &ecs.Revision{Containers: []ecs.ContainerDefinition{{Name: "silent"}, {Name: "said", StartTimeout: &said}}}
	for pace, want := range map[pace.Pace][]time.Duration{
		0:   {3 * time.Minute, 2 * time.Minute},
		1:   {3 * time.Minute, 2 * time.Minute},
		0.1: {18 * time.Second, 2 * time.Minute},
	} {
		l := &life{
			Scheduler: &Scheduler{Options: Options{Pace: pace}}, key: cloud.Key{Scope: awstest.InFrankfurt.Scope},
			address: netip.MustParseAddr("127.0.0.2"), spec: &ecs.TaskSpec{},
		}
		spec := taskSpec(l, revision, &ec2.Interface{PrivateIP: "10.0.0.4"}, nil, nil, nil)
		for i, c := range spec.Containers {
			if c.StartTimeout != want[i] {
				t.Errorf("at pace %v container %s has %s, want %s", pace, c.Name, c.StartTimeout, want[i])
			}
		}
	}
}
