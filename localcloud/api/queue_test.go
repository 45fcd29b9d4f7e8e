package api_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	localsqs "slipway/localcloud/aws/sqs"
	"slipway/localcloud/cloud"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

// The SDK compares checksums, so these calls also show that they are right.
func TestQueueBySDK(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create(localsqs.QueueToken, cloud.Map{"name": "orders"})
	client := sqs.NewFromConfig(w.config())
	found, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: sdk.String("orders")})
	if err != nil || *found.QueueUrl != "https://sqs."+region+".amazonaws.com/"+account+"/orders" {
		t.Fatalf("its URL is %v, %v", found, err)
	}
	attributes := map[string]types.MessageAttributeValue{
		"kind": {DataType: sdk.String("String"), StringValue: sdk.String("order")}, "count": {DataType: sdk.String("Number.int"), StringValue: sdk.String("2")},
		"raw": {DataType: sdk.String("Binary"), BinaryValue: []byte{0, 1, 255}},
	}
	if _, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: found.QueueUrl, MessageBody: sdk.String("one"), MessageAttributes: attributes}); err != nil {
		t.Fatal(err)
	}
	batch, err := client.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: found.QueueUrl, Entries: []types.SendMessageBatchRequestEntry{
		{Id: sdk.String("a"), MessageBody: sdk.String("two \ufffd")}, {Id: sdk.String("b"), MessageBody: sdk.String("\x00")},
	}})
	if err != nil || len(batch.Successful) != 1 || len(batch.Failed) != 1 || *batch.Failed[0].Code != "InvalidMessageContents" {
		t.Fatalf("the batch is %+v, %v", batch, err)
	}
	received, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: found.QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	if err != nil || len(received.Messages) != 2 {
		t.Fatalf("received %+v, %v", received, err)
	}
	first := received.Messages[0]
	if *first.Body != "one" || len(first.MessageAttributes) != 3 || first.Attributes["ApproximateReceiveCount"] != "1" || first.Attributes["SenderId"] != account {
		t.Errorf("the first message is %+v", first)
	}
	counts := func(visible, hidden int) {
		t.Helper()
		out, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: found.QueueUrl, AttributeNames: []types.QueueAttributeName{
			types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		}})
		if err != nil || out.Attributes["ApproximateNumberOfMessages"] != strconv.Itoa(visible) || out.Attributes["ApproximateNumberOfMessagesNotVisible"] != strconv.Itoa(hidden) {
			t.Errorf("the queue has %v (%v), want %d and %d", out, err, visible, hidden)
		}
	}
	counts(0, 2)
	if _, err := client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: found.QueueUrl, ReceiptHandle: first.ReceiptHandle}); err != nil {
		t.Error(err)
	}
	if _, err := client.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: found.QueueUrl, ReceiptHandle: received.Messages[1].ReceiptHandle}); err != nil {
		t.Error(err)
	}
	counts(1, 0)
}

func TestQueueRefusesBySDK(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create(localsqs.QueueToken, cloud.Map{"name": "orders", "maxMessageSize": 1024.0})
	client := sqs.NewFromConfig(w.config())
	url := localsqs.URL(here, "orders")
	send := func(in sqs.SendMessageInput) error {
		in.QueueUrl = &url
		_, err := client.SendMessage(t.Context(), &in)
		return err
	}
	receive := func(in sqs.ReceiveMessageInput) error {
		in.QueueUrl = &url
		_, err := client.ReceiveMessage(t.Context(), &in)
		return err
	}
	_, absent := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: sdk.String("other")})
	if typed, ok := errors.AsType[*types.QueueDoesNotExist](absent); !ok {
		t.Errorf("a missing queue: %v, %v", typed, absent)
	}
	_, handle := client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: sdk.String("x")})
	_, flight := client.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: &url, ReceiptHandle: sdk.String("x"), VisibilityTimeout: 50_000})
	entries := func(ids ...string) error {
		in := &sqs.SendMessageBatchInput{QueueUrl: &url}
		for _, id := range ids {
			in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{Id: &id, MessageBody: sdk.String("x")})
		}
		_, err := client.SendMessageBatch(t.Context(), in)
		return err
	}
	large := strings.Repeat("x", 600_000)
	_, tooLong := client.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &url, Entries: []types.SendMessageBatchRequestEntry{
		{Id: sdk.String("a"), MessageBody: &large}, {Id: sdk.String("b"), MessageBody: &large},
	}})
	if err := send(sqs.SendMessageInput{MessageBody: sdk.String("x")}); err != nil {
		t.Fatal(err)
	}
	got, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url})
	if err != nil || len(got.Messages) != 1 {
		t.Fatalf("received %v, %v", got, err)
	}
	release := &sqs.ChangeMessageVisibilityInput{QueueUrl: &url, ReceiptHandle: got.Messages[0].ReceiptHandle}
	if _, err := client.ChangeMessageVisibility(t.Context(), release); err != nil {
		t.Error(err)
	}
	_, notInFlight := client.ChangeMessageVisibility(t.Context(), release)
	_, address := client.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: sdk.String("orders")})
	_, attribute := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{"Colour"}})
	_, empty := client.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &url, Entries: []types.SendMessageBatchRequestEntry{}})
	for want, err := range map[string]error{
		"AWS.SimpleQueueService.NonExistentQueue":             absent,
		"ReceiptHandleIsInvalid":                              handle,
		"AWS.SimpleQueueService.EmptyBatchRequest":            empty,
		"AWS.SimpleQueueService.TooManyEntriesInBatchRequest": entries("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"),
		"AWS.SimpleQueueService.BatchEntryIdsNotDistinct":     entries("a", "a"),
		"AWS.SimpleQueueService.InvalidBatchEntryId":          entries("a b"),
		"AWS.SimpleQueueService.BatchRequestTooLong":          tooLong,
		"AWS.SimpleQueueService.MessageNotInflight":           notInFlight,
		"InvalidAddress":         address,
		"InvalidAttributeName":   attribute,
		"InvalidMessageContents": send(sqs.SendMessageInput{MessageBody: sdk.String("\x01")}),
	} {
		if refused, ok := errors.AsType[smithy.APIError](err); !ok || refused.ErrorCode() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	for name, err := range map[string]error{
		"a long message":         send(sqs.SendMessageInput{MessageBody: sdk.String(string(make([]byte, 1025)))}),
		"a delay":                send(sqs.SendMessageInput{MessageBody: sdk.String("x"), DelaySeconds: 901}),
		"eleven messages":        receive(sqs.ReceiveMessageInput{MaxNumberOfMessages: 11}),
		"a wait":                 receive(sqs.ReceiveMessageInput{WaitTimeSeconds: 21}),
		"a visibility time":      receive(sqs.ReceiveMessageInput{VisibilityTimeout: 43_201}),
		"a visibility time, new": flight,
	} {
		if refused, ok := errors.AsType[smithy.APIError](err); !ok || refused.ErrorCode() != "InvalidParameterValue" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
