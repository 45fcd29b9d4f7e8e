package sqsapi

import (
	"maps"
	"slices"
	"strconv"

	"slipway/localcloud/api"
	"slipway/localcloud/aws/sqs"
	"slipway/localcloud/cloud"
)

// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
func (a answers) getQueueAttributes(r *api.Request) (any, error) {
	var in struct {
		QueueURL       string `json:"QueueUrl"`
		AttributeNames []string
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	q, err := queue(r, in.QueueURL, "sqs:GetQueueAttributes")
	if err != nil {
		return nil, err
	}
	all := a.attributes(q)
	if slices.Contains(in.AttributeNames, "All") {
		return map[string]any{"Attributes": all}, nil
	}
	some := map[string]string{}
	for _, name := range in.AttributeNames {
		value, known := all[name]
		switch {
		case known:
			some[name] = value
		case !slices.Contains(others, name):
			return nil, cloud.Errorf("InvalidAttributeName", "Unknown Attribute %s.", name)
		}
	}
	return map[string]any{"Attributes": some}, nil
}

// others are the attributes that a queue need not have.
var others = []string{
	"ContentBasedDeduplication", "DeduplicationScope", "FifoQueue", "FifoThroughputLimit", "KmsDataKeyReusePeriodSeconds", "KmsMasterKeyId",
	"Policy", "RedriveAllowPolicy", "RedrivePolicy",
}

func (a answers) attributes(q *cloud.Resource) map[string]string {
	in, out, status, counts := sqs.Queue.Inputs(q), sqs.Queue.Outputs(q), cloud.StatusOf[sqs.QueueStatus](q), a.Counts(q)
	all := map[string]string{
		"QueueArn":              out.ARN,
		"CreatedTimestamp":      strconv.FormatInt(status.Created.Unix(), 10),
		"SqsManagedSseEnabled":  strconv.FormatBool(out.SQSManagedSSEEnabled),
		"LastModifiedTimestamp": strconv.FormatInt(status.Changed.Unix(), 10),
	}
	for name, n := range map[string]int{
		"ApproximateNumberOfMessages": counts.Visible, "ApproximateNumberOfMessagesNotVisible": counts.NotVisible,
		"ApproximateNumberOfMessagesDelayed": counts.Delayed, "DelaySeconds": in.DelaySeconds, "MaximumMessageSize": in.MaxMessageSize,
		"MessageRetentionPeriod": in.MessageRetentionSeconds, "ReceiveMessageWaitTimeSeconds": in.ReceiveWaitTimeSeconds,
		"VisibilityTimeout": in.VisibilityTimeoutSeconds,
	} {
		all[name] = strconv.Itoa(n)
	}
	if target, _ := sqs.RedriveOf(in); target != "" {
		maps.Copy(all, map[string]string{"RedrivePolicy": in.RedrivePolicy})
	}
	return all
}
