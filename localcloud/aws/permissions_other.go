package aws

import (
	"slipway/localcloud/cloud"
)

// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
// terraform-provider-aws, internal/service/ecr
var ecrNeeds = map[string]needs{
	repositoryToken: {
		create: func(o *operation) {
			name := o.regional("ecr", "repository/"+o.text("name"))
			o.creates("ecr:CreateRepository", name, name, "ecr:TagResource", "")
		},
		read: func(o *operation) { o.own("ecr:DescribeRepositories", "ecr:ListTagsForResource") },
		update: func(o *operation) {
			if o.changes("imageTagMutability") {
				o.own("ecr:PutImageTagMutability")
			}
			if o.changes("imageScanningConfiguration") {
				o.own("ecr:PutImageScanningConfiguration")
			}
			o.retags("ecr:TagResource", "ecr:UntagResource")
		},
		delete: func(o *operation) { o.own("ecr:DeleteRepository", "ecr:DescribeRepositories") },
	},
	lifecyclePolicyToken:  repositorySettingNeeds("ecr:GetLifecyclePolicy", "ecr:PutLifecyclePolicy", "ecr:DeleteLifecyclePolicy"),
	repositoryPolicyToken: repositorySettingNeeds("ecr:GetRepositoryPolicy", "ecr:SetRepositoryPolicy", "ecr:DeleteRepositoryPolicy"),
	"aws:ecr/getImage:getImage": {invoke: func(o *operation) {
		registry := o.Caller.Scope
		if id, _ := o.args["registryId"].(string); id != "" {
			registry.Account = id
		}
		name, _ := o.args["repositoryName"].(string)
		o.arn = arn(registry, "ecr", "repository/"+name)
		if r := o.Tx.Get(cloud.Key{Scope: registry, Token: repositoryToken, ID: name}); r != nil {
			o.tags = tagsOf(r)
		}
		o.own("ecr:DescribeImages", "ecr:DescribeRepositories")
	}},
}

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
	return needs{create: on(put), read: on(get), update: on(put), delete: on(remove)}
}

var otherNeeds = map[string]needs{
	// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscertificatemanager.html
	// terraform-provider-aws, internal/service/acm
	certificateToken: {
		create: func(o *operation) {
			name := o.regional("acm", "certificate/")
			o.creates("acm:RequestCertificate", name+"*", name+randomHex(32), "acm:AddTagsToCertificate", "")
		},
		read: func(o *operation) { o.own("acm:DescribeCertificate", "acm:ListTagsForCertificate") },
		update: func(o *operation) {
			if o.changes("options") {
				o.own("acm:UpdateCertificateOptions")
			}
			o.retags("acm:AddTagsToCertificate", "acm:RemoveTagsFromCertificate")
		},
		delete: func(o *operation) { o.own("acm:DeleteCertificate") },
	},
	// To validate is to wait for somebody else, and nothing is left to delete.
	certificateValidationToken: {
		read: func(o *operation) { o.other(certificateToken, "certificateArn", "acm:DescribeCertificate") },
	},

	// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
	// terraform-provider-aws, internal/service/cloudwatch
	"aws:cloudwatch/metricAlarm:MetricAlarm": {
		create: func(o *operation) {
			name := o.regional("cloudwatch", "alarm:"+o.text("name"))
			o.creates("cloudwatch:PutMetricAlarm", name, name, "cloudwatch:TagResource", "")
		},
		read: func(o *operation) { o.own("cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource") },
		update: func(o *operation) {
			if o.changesMoreThan("tags") {
				o.own("cloudwatch:PutMetricAlarm")
			}
			o.retags("cloudwatch:TagResource", "cloudwatch:UntagResource")
		},
		delete: func(o *operation) { o.own("cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms") },
	},

	// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsapplicationautoscaling.html
	// terraform-provider-aws, internal/service/appautoscaling
	scalableTargetToken: {
		create: func(o *operation) {
			const call = "application-autoscaling:RegisterScalableTarget"
			name := o.regional("application-autoscaling", "scalable-target/")
			o.creates(call, name+"*", name+randomHex(32), "application-autoscaling:TagResource", "")
			o.serviceRole(scalingPrincipal, scalingRole, call)
			o.scales(call)
		},
		read: func(o *operation) {
			o.any("application-autoscaling:DescribeScalableTargets")
			o.own("application-autoscaling:ListTagsForResource")
		},
		update: func(o *operation) {
			if o.changesMoreThan("tags") {
				const call = "application-autoscaling:RegisterScalableTarget"
				o.own(call)
				o.on(o.iam("role/aws-service-role/"+scalingPrincipal+"/"+scalingRole), "iam:PassRole") // the provider sends what it has read
				o.with("iam:passedtoservice", scalingPrincipal).asPartOf(call)
				o.scales(call)
			}
			o.retags("application-autoscaling:TagResource", "application-autoscaling:UntagResource")
		},
		delete: func(o *operation) {
			o.own("application-autoscaling:DeregisterScalableTarget")
			o.any("application-autoscaling:DescribeScalableTargets")
		},
	},
	scalingPolicyToken:   scalingNeeds("DescribeScalingPolicies", "PutScalingPolicy", "DeleteScalingPolicy"),
	scheduledActionToken: scalingNeeds("DescribeScheduledActions", "PutScheduledAction", "DeleteScheduledAction"),

	// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonresourcegrouptaggingapi.html
	getResources.Token: {invoke: func(o *operation) { o.any("tag:GetResources") }},

	// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
	// terraform-provider-aws, internal/service/logs
	logGroupToken: {
		create: func(o *operation) {
			name := o.name("name", "namePrefix")
			o.arn = o.regional("logs", "log-group:"+name)
			tags := o.wantedTags()
			o.logGroup("logs:CreateLogGroup")
			o.tags = tags
			if len(tags) > 0 {
				o.steps[0].context, o.steps[0].tagKeys = requestTags(tags), keys(tags)
				o.steps = append(o.steps, step{
					api: "logs:CreateLogGroup", action: "logs:TagResource", resource: o.arn, context: requestTags(tags), tagKeys: keys(tags),
				})
			}
			if n, _ := o.Resource.Inputs["retentionInDays"].(float64); n > 0 {
				o.logGroup("logs:PutRetentionPolicy")
			}
		},
		read: func(o *operation) {
			o.on(o.regional("logs", "log-group::log-stream:"), "logs:DescribeLogGroups") // it lists them, and names none
			o.own("logs:ListTagsForResource")
		},
		update: func(o *operation) {
			if o.changes("retentionInDays") {
				if n, _ := o.Resource.Inputs["retentionInDays"].(float64); n > 0 {
					o.logGroup("logs:PutRetentionPolicy")
				} else {
					o.logGroup("logs:DeleteRetentionPolicy")
				}
			}
			o.retags("logs:TagResource", "logs:UntagResource")
		},
		delete: func(o *operation) {
			if !o.given("skipDestroy") {
				o.logGroup("logs:DeleteLogGroup")
			}
		},
	},

	// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html
	// terraform-provider-aws, internal/service/secretsmanager
	secretToken: {
		create: func(o *operation) {
			name := o.regional("secretsmanager", "secret:"+o.name("name", "namePrefix"))
			o.creates("secretsmanager:CreateSecret", name, name+"-"+randomID(6), "secretsmanager:TagResource", "")
			if o.given("policy") {
				o.own("secretsmanager:PutResourcePolicy")
			}
		},
		read: func(o *operation) { o.own("secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy") },
		update: func(o *operation) {
			if o.changes("description", "kmsKeyId") {
				o.own("secretsmanager:UpdateSecret")
			}
			if o.changes("policy") {
				if o.given("policy") {
					o.own("secretsmanager:PutResourcePolicy")
				} else {
					o.own("secretsmanager:DeleteResourcePolicy")
				}
			}
			o.retags("secretsmanager:TagResource", "secretsmanager:UntagResource")
		},
		delete: func(o *operation) { o.own("secretsmanager:DeleteSecret", "secretsmanager:DescribeSecret") },
	},
	secretVersionToken: {
		create: func(o *operation) { o.other(secretToken, "secretId", "secretsmanager:PutSecretValue") },
		read:   func(o *operation) { o.other(secretToken, "secretId", "secretsmanager:GetSecretValue") },
		update: func(o *operation) {
			o.other(secretToken, "secretId", "secretsmanager:ListSecretVersionIds", "secretsmanager:UpdateSecretVersionStage")
		},
		delete: func(o *operation) {
			// The provider takes away every stage but the current one, and looks until the version is gone.
			stages := list(o.Resource.Outputs["versionStages"])
			for _, stage := range stages {
				if stage != stageCurrent {
					o.other(secretToken, "secretId", "secretsmanager:UpdateSecretVersionStage")
					break
				}
			}
			o.other(secretToken, "secretId", "secretsmanager:GetSecretValue")
		},
	},
}

// logGroup adds a call about the log group. All but those about its tags know it by a name with the streams in it, so that a
// policy has to have :* behind the group's ARN.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogGroup.html
func (o *operation) logGroup(action string) {
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
		create: onTarget(put), update: onTarget(put), delete: onTarget(remove),
		read: func(o *operation) { o.any("application-autoscaling:" + describe) },
	}
}

// scales adds what Application Auto Scaling tries on behalf of a caller to find out whether it may scale the service: of alarms
// it names none. What is refused then is a ValidationException with AWS.
// https://docs.aws.amazon.com/autoscaling/application/userguide/security_iam_permission_validation.html
// https://docs.aws.amazon.com/autoscaling/application/userguide/security_iam_id-based-policy-examples.html
func (o *operation) scales(api string) {
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
