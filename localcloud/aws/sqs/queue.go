package sqs

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
)

// QueueSpec has the inputs of a queue. Times are in seconds, sizes in bytes.
type QueueSpec struct {
	Name                      string    `json:"name"`
	NamePrefix                string    `json:"namePrefix"`
	DelaySeconds              int       `json:"delaySeconds"`
	MaxMessageSize            int       `json:"maxMessageSize"`
	MessageRetentionSeconds   int       `json:"messageRetentionSeconds"`
	ReceiveWaitTimeSeconds    int       `json:"receiveWaitTimeSeconds"`
	VisibilityTimeoutSeconds  int       `json:"visibilityTimeoutSeconds"`
	RedrivePolicy             string    `json:"redrivePolicy"`
	FIFOQueue                 bool      `json:"fifoQueue"`
	ContentBasedDeduplication bool      `json:"contentBasedDeduplication"`
	DeduplicationScope        string    `json:"deduplicationScope"`
	FIFOThroughputLimit       string    `json:"fifoThroughputLimit"`
	KMSMasterKeyID            string    `json:"kmsMasterKeyId"`
	SQSManagedSSEEnabled      *bool     `json:"sqsManagedSseEnabled"`
	Policy                    string    `json:"policy"`
	RedriveAllowPolicy        string    `json:"redriveAllowPolicy"`
	Tags                      tags.Tags `json:"tags"`
}

// Redrive says where messages go that were received too often.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
type Redrive struct {
	TargetARN       string      `json:"deadLetterTargetArn"`
	MaxReceiveCount json.Number `json:"maxReceiveCount"` // AWS takes a text too
}

// redrive returns the parsed redrive policy, nil if there is none.
func (in *QueueSpec) redrive() (*Redrive, error) {
	if in.RedrivePolicy == "" || in.RedrivePolicy == "{}" {
		return nil, nil //nolint:nilnil // most queues have none
	}
	d := json.NewDecoder(strings.NewReader(in.RedrivePolicy))
	d.DisallowUnknownFields()
	var r Redrive
	if err := d.Decode(&r); err != nil {
		return nil, in.invalidRedrive("Redrive policy is not a valid JSON map.")
	}
	return &r, nil
}

func (in *QueueSpec) invalidRedrive(reason string) error {
	return cloud.Errorf("InvalidParameterValue", "Value %s for parameter RedrivePolicy is invalid. Reason: %s", in.RedrivePolicy, reason)
}

// rules refuses a redrive policy that leads nowhere.
func (in *QueueSpec) rules(c *cloud.Call) error {
	r, err := in.redrive()
	if err != nil || r == nil {
		return err
	}
	const mostReceives = 1000
	switch n, err := r.MaxReceiveCount.Int64(); {
	case r.TargetARN == "":
		return in.invalidRedrive("Redrive policy does not contain mandatory attribute: deadLetterTargetArn.")
	case err != nil || n < 1 || n > mostReceives:
		return in.invalidRedrive(fmt.Sprintf("Invalid value for maxReceiveCount: %s, valid values are from 1 to %d both inclusive.", r.MaxReceiveCount, mostReceives))
	case ByARN(c.Tx, c.Caller.Scope, r.TargetARN) == nil:
		return in.invalidRedrive("Dead letter target does not exist.")
	}
	return nil
}

// RedriveOf returns where the queue's messages go that were received too often, and after how many times; empty if nowhere.
func RedriveOf(in *QueueSpec) (target string, receives int) {
	r, err := in.redrive()
	if err != nil || r == nil {
		return "", 0
	}
	n, _ := r.MaxReceiveCount.Int64()
	return r.TargetARN, int(n)
}

// QueueOutputs has what SQS makes up for a queue.
type QueueOutputs struct {
	ARN                          string `json:"arn"`
	URL                          string `json:"url"`
	Name                         string `json:"name"`
	NamePrefix                   string `json:"namePrefix"`
	KMSDataKeyReusePeriodSeconds int    `json:"kmsDataKeyReusePeriodSeconds"`
	SQSManagedSSEEnabled         bool   `json:"sqsManagedSseEnabled"`
}

// QueueStatus is the Status of a queue.
type QueueStatus struct{ Created, Changed time.Time }

// Counts is how many messages of a queue are in which state, and how old the oldest is.
type Counts struct {
	Visible, NotVisible, Delayed int
	OldestAge                    time.Duration
}

// Queue keeps messages until they are deleted by who received them. Its id is its URL.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
var Queue = &cloud.Kind[QueueSpec, QueueOutputs]{
	Spec: cloud.Spec{
		Token:    QueueToken,
		Label:    "SQS Queue",
		Import:   cloud.ByID,
		Drift:    cloud.Drift{Change: cloud.Map{"visibilityTimeoutSeconds": 60.0}, Serves: true, ServesWithout: true},
		Derived:  tags.All,
		Needs:    queueNeeds,
		AutoName: &cloud.AutoName{Property: "name", Max: 80},
		Replace:  []string{"name", "namePrefix", "fifoQueue"},
		Computed: []string{"name", "namePrefix", "policy", "redrivePolicy", "redriveAllowPolicy", "sqsManagedSseEnabled", "kmsDataKeyReusePeriodSeconds"},
		JSON:     []string{"redrivePolicy"},
		// terraform-provider-aws v5.100.0 internal/service/sqs/consts.go
		Defaults: cloud.Map{
			"contentBasedDeduplication": false, "delaySeconds": 0.0, "fifoQueue": false, "maxMessageSize": 262144.0,
			"messageRetentionSeconds": 345600.0, "receiveWaitTimeSeconds": 0.0, "visibilityTimeoutSeconds": 30.0,
		},
		// The provider asks six times, five seconds apart, for an attribute that it has set, and fifteen times for a queue that is gone.
		Latency: cloud.Latency{Create: 30, Update: 30, Delete: 45},
		NotFound: func(string) *cloud.Error {
			return cloud.Errorf("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
		},
	},
	Check: (*QueueSpec).check,
	Rules: func(c *cloud.Call, in *QueueSpec) error { return in.rules(c) },
	Create: func(c *cloud.Call, in *QueueSpec, out *QueueOutputs) (string, error) {
		s, name := c.Caller.Scope, cmp.Or(in.Name, in.NamePrefix+ids.Suffix())
		url := URL(s, name)
		if c.Find(cloud.Ref{Token: QueueToken, Value: url}) != nil {
			return "", cloud.Errorf("QueueAlreadyExists", "A queue already exists with the same name and a different value for tag(s) or attribute(s)")
		}
		now := time.Now().UTC()
		c.Resource.SetStatus(QueueStatus{Created: now, Changed: now})
		*out = QueueOutputs{ARN: arns.New(s, "sqs", name), URL: url, Name: name, NamePrefix: in.NamePrefix, KMSDataKeyReusePeriodSeconds: 300, SQSManagedSSEEnabled: true}
		if in.SQSManagedSSEEnabled != nil {
			out.SQSManagedSSEEnabled = *in.SQSManagedSSEEnabled
		}
		return url, nil
	},
	Update: func(c *cloud.Call, in *QueueSpec, out *QueueOutputs) error {
		status := cloud.StatusOf[QueueStatus](c.Resource)
		status.Changed = time.Now().UTC()
		c.Resource.SetStatus(status)
		if in.SQSManagedSSEEnabled != nil {
			out.SQSManagedSSEEnabled = *in.SQSManagedSSEEnabled
		}
		return nil
	},
}

// queueName is what the provider takes for the name of a standard queue.
var queueName = regexp.MustCompile(`^[0-9A-Za-z_-]{1,80}$`)

// check has the Terraform provider's refusals, and names what the local cloud does not model (terraform-provider-aws v5.100.0
// internal/service/sqs/queue.go).
func (in *QueueSpec) check() []cloud.Failure {
	var f []cloud.Failure
	if in.Name != "" && !in.FIFOQueue && !queueName.MatchString(in.Name) {
		f = append(f, cloud.Failure{Property: "name", Reason: "invalid queue name: " + in.Name})
	}
	for _, bound := range []struct {
		property         string
		value, low, high int
	}{
		{"delaySeconds", in.DelaySeconds, 0, 900},
		{"maxMessageSize", in.MaxMessageSize, 1024, 262144},
		{"messageRetentionSeconds", in.MessageRetentionSeconds, 60, 1209600},
		{"receiveWaitTimeSeconds", in.ReceiveWaitTimeSeconds, 0, 20},
		{"visibilityTimeoutSeconds", in.VisibilityTimeoutSeconds, 0, 43200},
	} {
		f = append(f, check.Between(bound.property, bound.value, bound.low, bound.high)...)
	}
	for property, given := range check.InOrder(map[string]bool{
		"fifoQueue": in.FIFOQueue, "contentBasedDeduplication": in.ContentBasedDeduplication,
		"deduplicationScope": in.DeduplicationScope != "", "fifoThroughputLimit": in.FIFOThroughputLimit != "",
		"kmsMasterKeyId": in.KMSMasterKeyID != "", "policy": in.Policy != "" && in.Policy != "{}",
		"redriveAllowPolicy": in.RedriveAllowPolicy != "" && in.RedriveAllowPolicy != "{}",
	}) {
		if given {
			f = append(f, check.NotModelled(property, "a queue's "+property))
		}
	}
	return f
}

// URL returns the address of a queue, by which its callers name it.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html
func URL(s cloud.Scope, name string) string {
	return fmt.Sprintf("https://sqs.%s.amazonaws.com/%s/%s", s.Region, s.Account, name)
}

// NotThere is the refusal of a call about a queue that does not exist.
func NotThere() error {
	return cloud.Errorf("QueueDoesNotExist", "The specified queue does not exist.")
}

// ByARN returns the queue with an ARN, or nil.
func ByARN(tx *cloud.Tx, s cloud.Scope, arn string) *cloud.Resource {
	name := arns.Resource(arn)
	if arns.New(s, "sqs", name) != arn {
		return nil
	}
	return tx.Get(cloud.Key{Scope: s, Token: QueueToken, ID: URL(s, name)})
}

var queueNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		name := o.Regional("sqs", o.Name("name", "namePrefix"))
		o.Creates("sqs:CreateQueue", name, name, "sqs:TagQueue", "")
	},
	Read: func(o *permission.Operation) { o.Own("sqs:GetQueueAttributes", "sqs:ListQueueTags") },
	Update: func(o *permission.Operation) {
		if o.ChangesMoreThan("tags") {
			o.Own("sqs:SetQueueAttributes", "sqs:GetQueueAttributes")
		}
		o.Retags("sqs:TagQueue", "sqs:UntagQueue")
	},
	Delete: func(o *permission.Operation) { o.Own("sqs:DeleteQueue", "sqs:GetQueueAttributes") },
}
