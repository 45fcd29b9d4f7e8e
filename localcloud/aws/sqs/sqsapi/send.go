package sqsapi

import (
	"crypto/md5" //nolint:gosec // SQS's checksum
	"encoding/binary"
	"encoding/hex"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"slipway/localcloud/api"
	"slipway/localcloud/aws/sqs"
	"slipway/localcloud/aws/sqs/queues"
	"slipway/localcloud/cloud"
)

// outgoing is a message to send.
type outgoing struct {
	ID                string `json:"Id"` // in a batch
	MessageBody       string
	DelaySeconds      *int
	MessageAttributes map[string]queues.Attribute
}

// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
func (a answers) sendMessage(r *api.Request) (any, error) {
	var in struct {
		QueueURL string `json:"QueueUrl"`
		outgoing
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	q, err := queue(r, in.QueueURL, "sqs:SendMessage")
	if err != nil {
		return nil, err
	}
	m, err := in.message(q, r.Caller)
	if err != nil {
		return nil, err
	}
	ids, err := a.Send(q, m)
	if err != nil {
		return nil, err
	}
	return sentMessage{MessageID: ids[0], MD5OfMessageBody: sum(m.Body), MD5OfMessageAttributes: attributesSum(m.Attributes)}, nil
}

type sentMessage struct {
	ID                     string `json:"Id,omitempty"` // in a batch
	MessageID              string `json:"MessageId"`
	MD5OfMessageBody       string
	MD5OfMessageAttributes string `json:",omitempty"`
}

// failed is an entry of a batch that was refused.
type failed struct {
	ID          string `json:"Id"`
	Code        string
	Message     string
	SenderFault bool
}

// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
func (a answers) sendMessageBatch(r *api.Request) (any, error) {
	var in struct {
		QueueURL string `json:"QueueUrl"`
		Entries  []outgoing
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	q, err := queue(r, in.QueueURL, "sqs:SendMessage")
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(in.Entries))
	size := 0
	for i, e := range in.Entries {
		ids[i] = e.ID
		size += e.size()
	}
	if err := checkBatch(ids); err != nil {
		return nil, err
	}
	if size > maxBatch {
		return nil, cloud.Errorf("BatchRequestTooLong", "Batch requests cannot be longer than %d bytes. You have sent %d bytes.", maxBatch, size)
	}
	out := struct {
		Successful []sentMessage
		Failed     []failed
	}{Successful: []sentMessage{}, Failed: []failed{}}
	for _, e := range in.Entries {
		m, err := e.message(q, r.Caller)
		if err != nil {
			out.Failed = append(out.Failed, failedOf(e.ID, err))
			continue
		}
		sent, err := a.Send(q, m)
		if err != nil {
			return nil, err
		}
		out.Successful = append(out.Successful, sentMessage{e.ID, sent[0], sum(m.Body), attributesSum(m.Attributes)})
	}
	return out, nil
}

// maxBatch is how many bytes a message, and a batch of them, may have.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
const maxBatch = 1 << 20

// checkBatch refuses the ids of a batch's entries.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html#API_SendMessageBatch_Errors
func checkBatch(ids []string) error {
	const most = 10
	switch {
	case len(ids) == 0:
		return cloud.Errorf("EmptyBatchRequest", "There should be at least one entry in the request.")
	case len(ids) > most:
		return cloud.Errorf("TooManyEntriesInBatchRequest", "Maximum number of entries per request are %d. You have sent %d.", most, len(ids))
	}
	for i, id := range ids {
		if !entryID.MatchString(id) {
			return cloud.Errorf("InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		}
		if slices.Contains(ids[:i], id) {
			return cloud.Errorf("BatchEntryIdsNotDistinct", "Id %s repeated.", id)
		}
	}
	return nil
}

var entryID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

func failedOf(id string, err error) failed {
	refusal := api.Refusal(err)
	return failed{ID: id, Code: refusal.Code, Message: refusal.Message, SenderFault: true}
}

// size is how many bytes count of a message: those of its body, and of its attributes' names, types and values.
func (o outgoing) size() int {
	size := len(o.MessageBody)
	for name, a := range o.MessageAttributes {
		size += len(name) + len(a.DataType) + len(a.BinaryValue)
		if a.StringValue != nil {
			size += len(*a.StringValue)
		}
	}
	return size
}

// message checks what is sent, and returns it.
func (o outgoing) message(q *cloud.Resource, caller cloud.Caller) (queues.Message, error) {
	in := sqs.Queue.Inputs(q)
	delay := in.DelaySeconds
	if o.DelaySeconds != nil {
		delay = *o.DelaySeconds
	}
	switch {
	case o.MessageBody == "":
		return queues.Message{}, cloud.Errorf("MissingParameter", "The request must contain the parameter MessageBody.")
	case o.size() > in.MaxMessageSize:
		return queues.Message{}, invalid("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", in.MaxMessageSize)
	case delay < 0 || delay > 900:
		return queues.Message{}, invalid("Value %d for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.", delay)
	case strings.ContainsFunc(o.MessageBody, notAllowed):
		return queues.Message{}, cloud.Errorf("InvalidMessageContents", "Invalid binary character was found in the message body, the set of allowed characters is #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF")
	case len(o.MessageAttributes) > 10:
		return queues.Message{}, invalid("Number of message attributes [%d] exceeds the allowed maximum [10].", len(o.MessageAttributes))
	}
	for name, a := range o.MessageAttributes {
		if kind, _, _ := strings.Cut(a.DataType, "."); (a.StringValue != nil) == (kind == "Binary") || !slices.Contains([]string{"String", "Number", "Binary"}, kind) {
			return queues.Message{}, invalid("The message attribute '%s' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.", name)
		}
	}
	now := time.Now().UTC()
	return queues.Message{
		Body: o.MessageBody, Attributes: o.MessageAttributes, Sender: sender(caller), Sent: now, VisibleAt: now.Add(time.Duration(delay) * time.Second),
	}, nil
}

// notAllowed are the characters that no message has.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
func notAllowed(c rune) bool {
	return c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0xFFFE || c == 0xFFFF
}

// sender is the id of who sends: of a role's session, or the account.
func sender(caller cloud.Caller) string {
	if caller.Identity != "" {
		return caller.Identity
	}
	return caller.Scope.Account
}

// sum is the checksum that the SDKs compare.
func sum(text string) string {
	s := md5.Sum([]byte(text)) //nolint:gosec // SQS's checksum
	return hex.EncodeToString(s[:])
}

// attributesSum is the checksum of a message's attributes.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation
func attributesSum(attributes map[string]queues.Attribute) string {
	if len(attributes) == 0 {
		return ""
	}
	const text, raw = 1, 2
	var b []byte
	part := func(s string) { b = append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...) } //nolint:gosec // at most maxBatch
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := attributes[name]
		part(name)
		part(a.DataType)
		if a.StringValue != nil {
			b = append(b, text)
			part(*a.StringValue)
			continue
		}
		b = append(b, raw)
		part(string(a.BinaryValue))
	}
	return sum(string(b))
}
