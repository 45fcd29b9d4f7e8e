package resourcegroupstagging

import (
	"time"

	"slipway/localcloud/cloud"
)

// Kinds returns the kinds and functions of the service.
func Kinds() []any { return []any{getResources, listedResource} }

// listedResourceToken is the token of deleted resources that are still listed, by ARN.
const listedResourceToken = "aws:resourcegroupstaggingapi/listedResource:ListedResource"

// listedResource is a deleted resource that is still listed.
var listedResource = &cloud.Kind[struct{}, struct{}]{Spec: cloud.Spec{
	Token: listedResourceToken,
	Label: "Resource Groups Tagging Listed Resource",
	Alive: func(*cloud.Resource) bool { return false },
	Tagged: func(r *cloud.Resource) (string, map[string]string) {
		if s := cloud.StatusOf[listedStatus](r); time.Now().Before(s.Until) {
			return r.ID, s.Tags
		}
		return "", nil
	},
}}

// listedStatus is the status of a deleted resource that is still listed.
type listedStatus struct {
	Until time.Time         `json:"until"`
	Tags  map[string]string `json:"tags"`
}

// ListedFor returns how long the tagging API lists deleted resources: an hour, scaled by the latency, but if at all, long enough to be
// noticed. AWS promises nothing: it was seen to take hours, for some kinds longer than for others.
// https://github.com/boto/boto3/issues/3341, https://github.com/aws/aws-sdk/issues/676
func ListedFor(latency float64) time.Duration {
	const least = 10 * time.Minute
	if latency == 0 {
		return 0
	}
	return max(least, time.Duration(latency*float64(time.Hour)))
}

// ListDeleted makes GetResources list deleted resources for this long; 0 is not at all.
func ListDeleted(late time.Duration) func(*cloud.Call) {
	if late == 0 {
		return nil
	}
	return func(c *cloud.Call) {
		now := time.Now().UTC()
		for _, old := range c.Tx.Everywhere(listedResourceToken) {
			if now.After(cloud.StatusOf[listedStatus](old).Until) {
				c.Tx.Delete(old.Key)
			}
		}
		arn, tags := c.Tagged(c.Resource)
		if len(tags) == 0 {
			return
		}
		listed := &cloud.Resource{Key: cloud.Key{Scope: c.Resource.Scope, Token: listedResourceToken, ID: arn}}
		listed.SetStatus(listedStatus{Until: now.Add(late), Tags: tags})
		c.Tx.Put(listed)
	}
}
