package sqsapi

import (
	"slices"
	"strconv"
	"time"

	"slipway/localcloud/api"
	"slipway/localcloud/aws/sqs"
	"slipway/localcloud/aws/sqs/queues"
)

type receivedMessage struct {
	MessageID              string `json:"MessageId"`
	ReceiptHandle          string
	Body                   string
	MD5OfBody              string
	Attributes             map[string]string           `json:",omitempty"`
	MessageAttributes      map[string]queues.Attribute `json:",omitempty"`
	MD5OfMessageAttributes string                      `json:",omitempty"`
}

// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
func (a answers) receiveMessage(r *api.Request) (any, error) {
	var in struct {
		QueueURL                    string `json:"QueueUrl"`
		AttributeNames              []string
		MessageSystemAttributeNames []string
		MessageAttributeNames       []string
		MaxNumberOfMessages         *int
		VisibilityTimeout           *int
		WaitTimeSeconds             *int
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	q, err := queue(r, in.QueueURL, "sqs:ReceiveMessage")
	if err != nil {
		return nil, err
	}
	settings := sqs.Queue.Inputs(q)
	most, hide, wait := or(in.MaxNumberOfMessages, 1), or(in.VisibilityTimeout, settings.VisibilityTimeoutSeconds), or(in.WaitTimeSeconds, settings.ReceiveWaitTimeSeconds)
	switch {
	case most < 1 || most > 10:
		return nil, invalid("Value %d for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.", most)
	case hide < 0 || seconds(hide) > queues.MaxVisibility:
		return nil, invalidVisibility(hide)
	case wait < 0 || wait > 20:
		return nil, invalid("Value %d for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.", wait)
	}
	messages, err := a.Receive(r.Context(), q, most, seconds(hide), seconds(wait))
	if err != nil {
		return nil, err
	}
	out := make([]receivedMessage, len(messages))
	for i, m := range messages {
		out[i] = receivedMessage{
			MessageID: m.ID, ReceiptHandle: m.Receipt, Body: m.Body, MD5OfBody: sum(m.Body),
			Attributes: systemAttributes(m, slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames)),
		}
		attributes := map[string]queues.Attribute{}
		for name, value := range m.Attributes {
			if slices.ContainsFunc(in.MessageAttributeNames, func(wanted string) bool { return wantsAttribute(wanted, name) }) {
				attributes[name] = value
			}
		}
		out[i].MessageAttributes, out[i].MD5OfMessageAttributes = attributes, attributesSum(attributes)
	}
	return map[string]any{"Messages": out}, nil
}

// wantsAttribute reports whether a receiver that asks for a name gets the attribute: it may end with ".*".
func wantsAttribute(wanted, name string) bool {
	if wanted == "All" || wanted == ".*" || wanted == name {
		return true
	}
	n := len(wanted) - len(".*")
	return n > 0 && wanted[n:] == ".*" && len(name) > n && name[:n] == wanted[:n]
}

// systemAttributes returns what SQS knows of a message.
func systemAttributes(m queues.Message, wanted []string) map[string]string {
	out := map[string]string{}
	for name, value := range map[string]string{
		"SenderId":                         m.Sender,
		"SentTimestamp":                    strconv.FormatInt(m.Sent.UnixMilli(), 10),
		"ApproximateReceiveCount":          strconv.Itoa(m.Receives),
		"ApproximateFirstReceiveTimestamp": strconv.FormatInt(m.FirstReceived.UnixMilli(), 10),
	} {
		if slices.Contains(wanted, name) || slices.Contains(wanted, "All") {
			out[name] = value
		}
	}
	return out
}

func or(given *int, usual int) int {
	if given == nil {
		return usual
	}
	return *given
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

func invalidVisibility(n int) error {
	return invalid("Value %d for parameter VisibilityTimeout is invalid. Reason: Must be >= 0 and <= 43200, if provided.", n)
}

// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html
func (a answers) deleteMessage(r *api.Request) (any, error) {
	var in struct {
		QueueURL      string `json:"QueueUrl"`
		ReceiptHandle string
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	q, err := queue(r, in.QueueURL, "sqs:DeleteMessage")
	if err != nil {
		return nil, err
	}
	return struct{}{}, a.Delete(q, in.ReceiptHandle)
}

// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessageBatch.html
func (a answers) deleteMessageBatch(r *api.Request) (any, error) {
	type entry struct {
		ID            string `json:"Id"`
		ReceiptHandle string
	}
	var in struct {
		QueueURL string `json:"QueueUrl"`
		Entries  []entry
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	q, err := queue(r, in.QueueURL, "sqs:DeleteMessage")
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(in.Entries))
	for i, e := range in.Entries {
		ids[i] = e.ID
	}
	if err := checkBatch(ids); err != nil {
		return nil, err
	}
	type done struct {
		ID string `json:"Id"`
	}
	out := struct {
		Successful []done
		Failed     []failed
	}{Successful: []done{}, Failed: []failed{}}
	for _, e := range in.Entries {
		if err := a.Delete(q, e.ReceiptHandle); err != nil {
			out.Failed = append(out.Failed, failedOf(e.ID, err))
			continue
		}
		out.Successful = append(out.Successful, done{e.ID})
	}
	return out, nil
}

// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
func (a answers) changeMessageVisibility(r *api.Request) (any, error) {
	var in struct {
		QueueURL          string `json:"QueueUrl"`
		ReceiptHandle     string
		VisibilityTimeout int
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	q, err := queue(r, in.QueueURL, "sqs:ChangeMessageVisibility")
	if err != nil {
		return nil, err
	}
	if in.VisibilityTimeout < 0 || seconds(in.VisibilityTimeout) > queues.MaxVisibility {
		return nil, invalidVisibility(in.VisibilityTimeout)
	}
	return struct{}{}, a.Hide(q, in.ReceiptHandle, seconds(in.VisibilityTimeout))
}
