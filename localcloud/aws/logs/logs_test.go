package logs_test

import (
	"strings"
	"testing"
	"time"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/logs"
	"slipway/localcloud/cloud"
)

func TestLogGroup(t *testing.T) {
	c := awstest.New(t, logs.Kinds()...)
	r := c.Make(logs.LogGroupToken, cloud.Map{"name": "/app/hello", "retentionInDays": 30.0})
	if r.ID != "/app/hello" || r.Outputs["arn"] != "arn:aws:logs:eu-central-1:000000000000:log-group:/app/hello" || logs.Retention(r) != 30*24*time.Hour {
		t.Errorf("log group %s, ARN %v, retention %s", r.ID, r.Outputs["arn"], logs.Retention(r))
	}
	_, err := c.Try(logs.LogGroupToken, cloud.Map{"name": "/app/hello"})
	c.Refused(err, "ResourceAlreadyExistsException", "The specified log group already exists")
	for _, test := range []struct {
		in    cloud.Map
		words string
	}{
		{cloud.Map{"name": "a b"}, "isn't a valid log group name"},
		{cloud.Map{"name": strings.Repeat("x", 513)}, "cannot be longer than 512 characters"},
		{cloud.Map{"name": "a", "retentionInDays": 2.0}, "expected retention_in_days to be one of"},
		{cloud.Map{"name": "a", "logGroupClass": "GOLD"}, "expected log_group_class to be one of"},
	} {
		_, err := c.Try(logs.LogGroupToken, test.in)
		c.Refused(err, "Check", test.words)
	}
	if _, err := c.Try(logs.LogGroupToken, cloud.Map{"name": "a", "skipDestroy": true}); err == nil || !strings.Contains(err.Error(), "not modelled") {
		t.Errorf("skipDestroy: %v", err)
	}

	folder := cloud.StatusOf[logs.LogGroupStatus](r).Folder
	updated, err := c.Edit(r, cloud.Map{"retentionInDays": 7.0})
	if err != nil || cloud.StatusOf[logs.LogGroupStatus](updated).Folder != folder {
		t.Errorf("an update gave another folder: %v", err)
	}
	c.Remove(updated)
	again := c.Make(logs.LogGroupToken, cloud.Map{"name": "/app/hello"})
	if cloud.StatusOf[logs.LogGroupStatus](again).Folder == folder {
		t.Error("a group made again has the old one's folder")
	}
}
