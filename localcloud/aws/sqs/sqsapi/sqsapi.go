// Package sqsapi answers the API of Amazon SQS: what producers and consumers of messages ask for.
package sqsapi

import (
	"strings"

	"slipway/localcloud/api"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/sqs"
	"slipway/localcloud/aws/sqs/queues"
	"slipway/localcloud/cloud"
)

type answers struct{ *queues.Queues }

// Service answers SQS's API.
func Service(messages *queues.Queues) api.Service {
	a := answers{messages}
	return api.Service{Target: "AmazonSQS", QueryError: queryError, Operations: map[string]api.Operation{
		"ChangeMessageVisibility": a.changeMessageVisibility,
		"DeleteMessage":           a.deleteMessage,
		"DeleteMessageBatch":      a.deleteMessageBatch,
		"GetQueueAttributes":      a.getQueueAttributes,
		"GetQueueUrl":             a.getQueueURL,
		"ListQueues":              a.listQueues,
		"PurgeQueue":              a.purgeQueue,
		"ReceiveMessage":          a.receiveMessage,
		"SendMessage":             a.sendMessage,
		"SendMessageBatch":        a.sendMessageBatch,
	}}
}

// queryError returns the code that an error had before SQS spoke JSON.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-json-faqs.html
func queryError(code string) string {
	switch code {
	case "QueueDoesNotExist":
		return "AWS.SimpleQueueService.NonExistentQueue"
	case "MessageNotInflight", "EmptyBatchRequest", "TooManyEntriesInBatchRequest", "InvalidBatchEntryId", "BatchEntryIdsNotDistinct", "BatchRequestTooLong":
		return "AWS.SimpleQueueService." + code
	}
	return code
}

func invalid(format string, args ...any) error {
	return cloud.Errorf("InvalidParameterValue", format, args...)
}

// queue returns the queue with a URL, for a caller that may do something with it. Only the end of a URL names the queue, so an address of
// the local cloud's in place of AWS's does.
func queue(r *api.Request, url, action string) (found *cloud.Resource, err error) {
	parts := strings.Split(strings.TrimRight(url, "/"), "/")
	if url == "" || len(parts) < 2 {
		return nil, cloud.Errorf("InvalidAddress", "The address %s is not valid for this endpoint.", url)
	}
	scope := cloud.Scope{Account: parts[len(parts)-2], Region: r.Caller.Scope.Region}
	err = r.View(func(tx *cloud.Tx) error {
		found = tx.Get(cloud.Key{Scope: scope, Token: sqs.QueueToken, ID: sqs.URL(scope, parts[len(parts)-1])})
		if found == nil || scope != r.Caller.Scope { // another account's queue needs a policy, which is not modelled
			return sqs.NotThere()
		}
		return iam.May(tx, r.Caller, iam.Look{Action: action, Resource: sqs.Queue.Outputs(found).ARN, Of: found})
	})
	return found, err
}

// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueUrl.html
func (a answers) getQueueURL(r *api.Request) (any, error) {
	var in struct {
		QueueName              string
		QueueOwnerAWSAccountID string `json:"QueueOwnerAWSAccountId"`
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	found, err := queue(r, sqs.URL(r.Caller.Scope, in.QueueName), "sqs:GetQueueUrl")
	if err != nil {
		return nil, err
	}
	if in.QueueOwnerAWSAccountID != "" && in.QueueOwnerAWSAccountID != r.Caller.Scope.Account {
		return nil, sqs.NotThere()
	}
	return map[string]string{"QueueUrl": found.ID}, nil
}

// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueues.html
func (a answers) listQueues(r *api.Request) (any, error) {
	var in struct {
		QueueNamePrefix string
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	urls := []string{}
	err := r.View(func(tx *cloud.Tx) error {
		for _, q := range tx.List(r.Caller.Scope, sqs.QueueToken) {
			if strings.HasPrefix(sqs.Queue.Outputs(q).Name, in.QueueNamePrefix) {
				urls = append(urls, q.ID)
			}
		}
		return iam.May(tx, r.Caller, iam.Look{Action: "sqs:ListQueues"})
	})
	return map[string][]string{"QueueUrls": urls}, err
}

// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_PurgeQueue.html
func (a answers) purgeQueue(r *api.Request) (any, error) {
	var in struct {
		QueueURL string `json:"QueueUrl"`
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	q, err := queue(r, in.QueueURL, "sqs:PurgeQueue")
	if err != nil {
		return nil, err
	}
	return struct{}{}, a.Purge(q)
}
