package aws

import (
	"strings"
	"testing"
	"time"

	"slipway/localcloud/cloud"
)

func TestLogGroup(t *testing.T) {
	c := newCloud(t, logsKinds()...)
	r := c.create(logGroupToken, cloud.Map{"name": "/app/hello", "retentionInDays": 30.0})
	if r.ID != "/app/hello" || r.Outputs["arn"] != "arn:aws:logs:eu-central-1:000000000000:log-group:/app/hello" || Retention(r) != 30*24*time.Hour {
		t.Errorf("log group %s, ARN %v, retention %s", r.ID, r.Outputs["arn"], Retention(r))
	}
	_, err := c.try(logGroupToken, cloud.Map{"name": "/app/hello"})
	c.refused(err, "ResourceAlreadyExistsException", "The specified log group already exists")
	for _, test := range []struct {
		in    cloud.Map
		words string
	}{
		{cloud.Map{"name": "a b"}, "isn't a valid log group name"},
		{cloud.Map{"name": strings.Repeat("x", 513)}, "cannot be longer than 512 characters"},
		{cloud.Map{"name": "a", "retentionInDays": 2.0}, "expected retention_in_days to be one of"},
		{cloud.Map{"name": "a", "logGroupClass": "GOLD"}, "expected log_group_class to be one of"},
	} {
		_, err := c.try(logGroupToken, test.in)
		c.refused(err, "Check", test.words)
	}
	if _, err := c.try(logGroupToken, cloud.Map{"name": "a", "skipDestroy": true}); err == nil || !strings.Contains(err.Error(), "not modelled") {
		t.Errorf("skipDestroy: %v", err)
	}

	folder := cloud.StatusOf[LogGroupStatus](r).Folder
	updated, err := c.update(r, cloud.Map{"retentionInDays": 7.0})
	if err != nil || cloud.StatusOf[LogGroupStatus](updated).Folder != folder {
		t.Errorf("an update gave another folder: %v", err)
	}
	c.delete(updated)
	again := c.create(logGroupToken, cloud.Map{"name": "/app/hello"})
	if cloud.StatusOf[LogGroupStatus](again).Folder == folder {
		t.Error("a group made again has the old one's folder")
	}
}
