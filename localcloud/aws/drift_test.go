package aws_test

import (
	"regexp"
	"slices"
	"testing"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/cloud"
)

// Every kind has its possible changes by hand, and the cloud handles them as AWS does: a change shows, and a deletion is refused with
// AWS's code or removes the resource. The end-to-end tests show the effect on a service.
func TestDrift(t *testing.T) {
	c, made := awstest.DefaultStack(t, nil)
	for _, spec := range public(t, c) {
		d := spec.Drift
		if d.Change == nil && d.Unchanged == "" {
			t.Errorf("%s does not say what somebody could do to it by hand", spec.Token)
			continue
		}
		if d.Change != nil && d.Unchanged != "" || d.Serves && d.Change == nil || d.Left != "" && d.Refused != "" || d.ServesWithout && !d.Deletable() {
			t.Errorf("the drift of %s contradicts itself", spec.Token)
		}
		if d.Change != nil {
			changeByHand(t, c, made[spec.Token], d.Change)
		}
	}
	for _, spec := range public(t, c) {
		if spec.Token == ecs.ServiceToken { // which its scheduler removes
			continue
		}
		c, made := awstest.DefaultStack(t, nil)
		deleteByHand(t, c, made[spec.Token], spec.Drift)
	}
}

// changeByHand changes inputs of the resource by hand, and expects that to show for a program with the old ones.
func changeByHand(t *testing.T, c *awstest.Tester, r *cloud.Resource, change cloud.Map) {
	t.Helper()
	if _, err := c.UpdateOnce(t.Context(), awstest.Here, r.Token, r.ID, awstest.With(r.Inputs, change)); err != nil {
		t.Errorf("change of %s by hand: %v", r.Token, err)
		return
	}
	now, err := c.Read(awstest.Here, r.Token, r.ID)
	if err != nil || now == nil {
		t.Fatalf("read of %s: %v, %v", r.Token, now, err)
	}
	wanted := awstest.With(r.Inputs, nil)
	for property := range change {
		if wanted[property] == nil {
			wanted[property] = other(change[property])
		}
	}
	d, err := c.Diff(r.Token, wanted, now.Outputs, wanted)
	for property := range change {
		if err != nil || !slices.Contains(d.Changed, property) {
			t.Errorf("a change of %s by hand does not show: %v, %v", r.Token, d.Changed, err)
		}
	}
}

// other is what a program wants where the test's does not say, and which was changed by hand.
func other(v any) any {
	switch v := v.(type) {
	case bool:
		return !v
	case cloud.Map:
		return cloud.Map{}
	case []any:
		return []any{}
	}
	return nil
}

// deleteByHand deletes the resource by hand, if that is possible.
func deleteByHand(t *testing.T, c *awstest.Tester, r *cloud.Resource, d cloud.Drift) {
	t.Helper()
	token := r.Token
	if d.Left != "" {
		return
	}
	if token == ec2.DefaultSecurityGroupToken { // only programs know it as another kind than a security group
		token = ec2.SecurityGroupToken
	}
	err := c.DeleteOnce(t.Context(), awstest.Here, token, r.ID)
	if d.Refused != "" {
		if !regexp.MustCompile("^" + d.Refused + "$").MatchString(cloud.Code(err)) {
			t.Errorf("deletion of %s by hand: %v; want %s", r.Token, err, d.Refused)
		}
		return
	}
	if err != nil {
		t.Errorf("deletion of %s by hand: %v", r.Token, err)
	}
	if left, err := c.Read(awstest.Here, token, r.ID); err != nil || left != nil {
		t.Errorf("%s after its deletion by hand: %v, %v", r.Token, left, err)
	}
}
