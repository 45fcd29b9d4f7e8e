package task

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Who does not say how long others wait for it is waited for as long as on AWS, and not for ever.
func TestDependencyTimesOut(t *testing.T) {
	for _, condition := range []Condition{ConditionComplete, ConditionSuccess, ConditionHealthy} {
		for said, want := range map[time.Duration]time.Duration{0: 3 * time.Minute, time.Second: time.Second} {
			synctest.Test(t, func(t *testing.T) {
				task := &Task{stopping: make(chan struct{})}
				init := newContainer(task, Container{Name: "init", StartTimeout: said})
				main := newContainer(task, Container{Name: "main"})
				task.containers = []*container{init, main}
				close(init.started)
				begun := time.Now()
				err := main.await(Dependency{"init", condition})
				if took := time.Since(begun); took != want {
					t.Errorf("%s: it waited %s, want %s", condition, took, want)
				}
				if f, ok := errors.AsType[*failure](err); !ok || !strings.Contains(f.reason, "dependency has timed out") {
					t.Errorf("%s: %v", condition, err)
				}
			})
		}
	}
}
