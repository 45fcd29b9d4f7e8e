package aws

import (
	"slipway/localcloud/cloud"
)

// repositorySettingNeeds is that of what sets something of a repository.
func repositorySettingNeeds(get, put, remove string) needs {
	on := func(action string) func(*operation) {
		return func(o *operation) {
			name := o.text("repository")
			o.arn, o.tags = o.regional("ecr", "repository/"+name), nil
			if r := o.Tx.Get(cloud.Key{Scope: o.Resource.Scope, Token: repositoryToken, ID: name}); r != nil {
				o.tags = tagsOf(r)
			}
			o.own(action)
		}
	}
	return needs{Create: on(put), Read: on(get), Update: on(put), Delete: on(remove)}
}

// logGroup adds a call about the log group. All but those about its tags know it by a name with the streams in it, so that a
// policy has to have :* behind the group's ARN.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogGroup.html
func onLogGroup(o *operation, action string) {
	own := o.arn
	o.arn += ":log-stream:"
	o.own(action)
	o.arn = own
}

// scalingNeeds are those of what belongs to a scalable target, which is what may be allowed apart.
func scalingNeeds(describe, put, remove string) needs {
	onTarget := func(call string) func(*operation) {
		return func(o *operation) { o.other(scalableTargetToken, "resourceId", "application-autoscaling:"+call) }
	}
	return needs{
		Create: onTarget(put), Update: onTarget(put), Delete: onTarget(remove),
		Read: func(o *operation) { o.any("application-autoscaling:" + describe) },
	}
}

// scales adds what Application Auto Scaling tries on behalf of a caller to find out whether it may scale the service: of alarms
// it names none. What is refused then is a ValidationException with AWS.
// https://docs.aws.amazon.com/autoscaling/application/userguide/security_iam_permission_validation.html
// https://docs.aws.amazon.com/autoscaling/application/userguide/security_iam_id-based-policy-examples.html
func scales(o *operation, api string) {
	service := o.regional("ecs", o.text("resourceId"))
	for _, try := range []struct{ resource, action string }{
		{service, "ecs:DescribeServices"},
		{service, "ecs:UpdateService"},
		{o.regional("cloudwatch", "alarm:"), "cloudwatch:PutMetricAlarm"},
		{o.regional("cloudwatch", "alarm:*"), "cloudwatch:DescribeAlarms"},
		{o.regional("cloudwatch", "alarm:"), "cloudwatch:DeleteAlarms"},
	} {
		o.on(try.resource, try.action)
		o.asPartOf(api)
	}
}
