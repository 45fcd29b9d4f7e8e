package spec

import (
	"errors"
	"fmt"
	"regexp"
)

// QueueScaling aims at a backlog: the messages of a queue, for each task that runs. Those that a task works on count too.
type QueueScaling struct {
	// ARN is that of an SQS queue in the stack's account and region, whose CloudWatch has the queue's metrics.
	ARN string
	// MessagesPerTask is how many messages each task may have. It is the time in which a message must be done, divided by the time that
	// a task takes for one.
	MessagesPerTask int
}

// MaxMessagesPerTask bounds QueueScaling.MessagesPerTask here; AWS sets no bound.
const MaxMessagesPerTask = 1_000_000

// queueARNPattern matches the ARN of an SQS queue, and finds region, account and name ("CreateQueue" in the SQS API reference).
var queueARNPattern = regexp.MustCompile(`^arn:aws(?:-[a-z]+)*:sqs:([a-z0-9-]+):([0-9]{12}):([A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo)$`)

// CheckQueueARN reports what is not the ARN of an SQS queue.
func CheckQueueARN(arn string) error {
	if !queueARNPattern.MatchString(arn) {
		return errors.New("must be the ARN of an SQS queue, such as arn:aws:sqs:eu-central-1:123456789012:orders")
	}
	return nil
}

// Name returns the queue's name. The ARN is one that [CheckQueueARN] takes.
func (q QueueScaling) Name() string { return queueARNPattern.FindStringSubmatch(q.ARN)[3] }

// CheckPlace reports a queue whose metrics Application Auto Scaling would not find: it looks in the service's region and account, and takes
// a metric without data for no reason to scale ("MetricStat" in its API reference). An empty account is unknown.
func (q QueueScaling) CheckPlace(region, account string) error {
	match := queueARNPattern.FindStringSubmatch(q.ARN)
	switch {
	case match == nil: // reported by Problems
		return nil
	case match[1] != region:
		return fmt.Errorf("the queue is in region %s and the stack in %s, whose CloudWatch does not have the queue's metrics; use a queue in %s", match[1], region, region)
	case account != "" && match[2] != account:
		return fmt.Errorf("the queue is in account %s and the stack in %s, whose CloudWatch does not have the queue's metrics; use a queue in %s", match[2], account, account)
	}
	return nil
}

// Problems reports what is not a queue, and a backlog out of bounds.
func (q QueueScaling) Problems() Problems {
	var found Problems
	found.AddValue(q.ARN, CheckQueueARN(q.ARN), "arn")
	found.AddRange(q.MessagesPerTask, 1, MaxMessagesPerTask, "messagesPerTask")
	return found
}
