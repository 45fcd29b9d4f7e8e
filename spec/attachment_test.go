package spec

import "testing"

// A change of the health check that makes a new target group makes a new rule too: the old rule must stay until its tasks are gone.
func TestAttachmentGoesWithTheTargetGroup(t *testing.T) {
	t.Parallel()
	usual := AttachmentRoute("hello", DefaultHealthCheck, false)
	if usual.Hostname != "hello.service.invalid" { // as in stacks that are deployed
		t.Errorf("the default one is %s", usual)
	}
	seen := map[string]string{usual.Hostname: "usual"}
	for name, change := range map[string]func(*HealthCheck){
		"path":      func(h *HealthCheck) { h.Path = "/other" },
		"codes":     func(h *HealthCheck) { h.Codes = "204" },
		"interval":  func(h *HealthCheck) { h.Interval++ },
		"timeout":   func(h *HealthCheck) { h.Timeout++ },
		"healthy":   func(h *HealthCheck) { h.HealthyThreshold++ },
		"unhealthy": func(h *HealthCheck) { h.UnhealthyThreshold++ },
	} {
		check := DefaultHealthCheck
		change(&check)
		for _, route := range []Route{AttachmentRoute("hello", check, false), CanaryRoute("hello", check, false)} {
			if other, taken := seen[route.Hostname]; taken {
				t.Errorf("%s and %s have the attachment %s", name, other, route)
			}
			seen[route.Hostname] = name
		}
		if !Attaches(AttachmentRoute("hello", check, false).Hostname, "hello", false, "") || Attaches(AttachmentRoute("hello", check, false).Hostname, "lo", false, "") ||
			!Attaches(CanaryRoute("hello", check, false).Hostname, "hello", true, "") {
			t.Errorf("%s: the name does not identify the attachment", name)
		}
	}
	for _, route := range []Route{AttachmentRoute("hello", DefaultHealthCheck, true), CanaryRoute("hello", DefaultHealthCheck, true)} {
		if other, taken := seen[route.Hostname]; taken {
			t.Errorf("IPv6 and %s have the attachment %s", other, route)
		}
		seen[route.Hostname] = "IPv6"
		if !Attaches(route.Hostname, "hello", route != AttachmentRoute("hello", DefaultHealthCheck, true), "") {
			t.Errorf("the name of %s does not identify the attachment", route)
		}
	}
	grace := DefaultHealthCheck
	grace.GracePeriod++ // belongs to the ECS service
	if got := AttachmentRoute("hello", grace, false); got != usual {
		t.Errorf("with another grace period the attachment is %s", got)
	}
}
