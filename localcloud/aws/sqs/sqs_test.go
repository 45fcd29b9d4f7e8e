package sqs_test

import (
	"fmt"
	"testing"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/sqs"
	"slipway/localcloud/cloud"
)

func TestQueue(t *testing.T) {
	t.Parallel()
	c := awstest.New(t, sqs.Kinds()...)
	queue := c.Make(sqs.QueueToken, cloud.Map{"name": "orders", "tags": cloud.Map{"Stack": "dev"}})
	const url = "https://sqs.eu-central-1.amazonaws.com/000000000000/orders"
	if queue.ID != url || queue.Outputs["arn"] != "arn:aws:sqs:eu-central-1:000000000000:orders" || queue.Outputs["url"] != url ||
		queue.Outputs["sqsManagedSseEnabled"] != true || queue.Outputs["visibilityTimeoutSeconds"] != 30.0 {
		t.Errorf("the queue is %s: %v", queue.ID, queue.Outputs)
	}
	edited, err := c.Edit(queue, cloud.Map{"name": "orders", "visibilityTimeoutSeconds": 60.0, "sqsManagedSseEnabled": false})
	if err != nil || edited.Outputs["visibilityTimeoutSeconds"] != 60.0 || edited.Outputs["sqsManagedSseEnabled"] != false {
		t.Errorf("edited, it is %v, %v", edited.Outputs, err)
	}
}

func TestQueueRefusals(t *testing.T) {
	t.Parallel()
	redrive := func(target string, receives any) cloud.Map {
		return cloud.Map{"redrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":%v}`, target, receives)}
	}
	const orders = "arn:aws:sqs:eu-central-1:000000000000:orders"
	for name, tt := range map[string]struct {
		in          cloud.Map
		code, words string
	}{
		"a second one":       {cloud.Map{"name": "orders"}, "QueueAlreadyExists", "already exists"},
		"name":               {cloud.Map{"name": "my orders"}, "Check", "invalid queue name: my orders"},
		"delay":              {cloud.Map{"delaySeconds": 901.0}, "Check", "delaySeconds"},
		"message size":       {cloud.Map{"maxMessageSize": 300000.0}, "Check", "maxMessageSize"},
		"retention":          {cloud.Map{"messageRetentionSeconds": 59.0}, "Check", "messageRetentionSeconds"},
		"wait":               {cloud.Map{"receiveWaitTimeSeconds": 21.0}, "Check", "receiveWaitTimeSeconds"},
		"visibility":         {cloud.Map{"visibilityTimeoutSeconds": 43201.0}, "Check", "visibilityTimeoutSeconds"},
		"FIFO":               {cloud.Map{"fifoQueue": true, "name": "x.fifo"}, "Check", "fifoQueue"},
		"key":                {cloud.Map{"kmsMasterKeyId": "alias/aws/sqs"}, "Check", "kmsMasterKeyId"},
		"policy":             {cloud.Map{"policy": `{"Version":"2012-10-17"}`}, "Check", "policy"},
		"dead letters":       {redrive(orders+"-dead", 3), "InvalidParameterValue", "Dead letter target does not exist."},
		"dead letters, text": {cloud.Map{"redrivePolicy": `{"maxReceiveCount":3}`}, "InvalidParameterValue", "deadLetterTargetArn"},
		"dead letters, list": {cloud.Map{"redrivePolicy": `[]`}, "InvalidParameterValue", "not a valid JSON map"},
		"receives":           {redrive(orders, 0), "InvalidParameterValue", "valid values are from 1 to 1000"},
		"many receives":      {redrive(orders, 1001), "InvalidParameterValue", "valid values are from 1 to 1000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := awstest.New(t, sqs.Kinds()...)
			c.Make(sqs.QueueToken, cloud.Map{"name": "orders"})
			in := cloud.Map{"name": "others"}
			for k, v := range tt.in {
				in[k] = v
			}
			_, err := c.Try(sqs.QueueToken, in)
			c.Refused(err, tt.code, tt.words)
		})
	}
	c := awstest.New(t, sqs.Kinds()...)
	c.Make(sqs.QueueToken, cloud.Map{"name": "orders"})
	if _, err := c.Try(sqs.QueueToken, cloud.Map{"name": "others", "redrivePolicy": `{"deadLetterTargetArn":"` + orders + `","maxReceiveCount":"3"}`}); err != nil {
		t.Error(err) // AWS takes a text, too
	}
}
