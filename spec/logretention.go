package spec

import (
	"fmt"
	"slices"
)

// retentions are the numbers of days that CloudWatch Logs can keep a log group (PutRetentionPolicy in its API reference).
var retentions = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

// MaxLogRetention is the longest bounded time that CloudWatch Logs can keep a log group, in days.
var MaxLogRetention = retentions[len(retentions)-1]

// CheckLogRetention reports a number of days for which CloudWatch Logs cannot keep a log group.
func CheckLogRetention(days int) error {
	if !slices.Contains(retentions, days) {
		return fmt.Errorf("CloudWatch Logs keeps logs for one of %v days", retentions)
	}
	return nil
}
