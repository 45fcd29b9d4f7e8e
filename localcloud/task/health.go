package task

import (
	"os"
	"time"
)

// checkHealth checks the container's health until it has exited. The first check comes after one interval.
func (c *container) checkHealth(box sandbox, cmd command, null *os.File, exited <-chan struct{}) {
	h := c.spec.HealthCheck.withDefaults()
	cmd.args = h.Command[1:]
	if h.Command[0] == "CMD-SHELL" {
		cmd.args = append([]string{"/bin/sh", "-c"}, h.Command[1])
	}
	cmd.stdout, cmd.stderr = null, null
	began := time.Now()
	failures := 0
	next := time.NewTimer(h.Interval)
	defer next.Stop()
	for {
		select {
		case <-exited:
			return
		case <-next.C:
		}
		passed := check(box, cmd, h.Timeout, exited)
		switch {
		case passed:
			failures = 0
			c.reportHealth(HealthHealthy)
		case c.health() == HealthUnknown && time.Since(began) < h.StartPeriod:
		default:
			if failures++; failures >= h.Retries {
				c.reportHealth(HealthUnhealthy)
			}
		}
		next.Reset(h.Interval)
	}
}

// check runs the command once and says whether it exited with code 0 in time.
func check(box sandbox, cmd command, timeout time.Duration, exited <-chan struct{}) bool {
	process, err := box.start(cmd)
	if err != nil {
		return false
	}
	result := make(chan bool, 1)
	go func() {
		state, err := process.Wait()
		result <- err == nil && state.Success()
	}()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case passed := <-result:
		return passed
	case <-timer.C:
	case <-exited:
	}
	_ = killGroup(process.Pid)
	<-result
	return false
}

func (c *container) health() Health {
	c.task.mu.Lock()
	defer c.task.mu.Unlock()
	return c.status.Health
}

func (c *container) reportHealth(h Health) {
	c.task.update(func() { c.status.Health = h })
	if h == HealthHealthy {
		c.becameHealthy()
	}
}
