package plain

import (
	"cmp"
	"strings"

	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/cloud"
	"slipway/localcloud/schema"
)

// form is how AWS writes the id and the ARN of a kind: {name} is the resource's name, {kind} the last part of its token, {service},
// {region} and {account} speak for themselves.
type form struct{ id, arn string }

// usual is the form of most kinds that have a name.
var usual = form{id: "{name}", arn: "arn:aws:{service}:{region}:{account}:{kind}/{name}"}

// known are the forms of kinds that differ from the usual one. The ARNs are those of "Actions, resources, and condition keys for AWS
// services" in the Service Authorization Reference; what a kind's id is stands under "Attribute Reference" on its page of the Terraform
// AWS provider.
var known = map[string]form{
	"aws:cloudwatch/eventBus:EventBus":   {"{name}", "arn:aws:events:{region}:{account}:event-bus/{name}"},
	"aws:cloudwatch/eventRule:EventRule": {"{name}", "arn:aws:events:{region}:{account}:rule/{name}"},
	"aws:kms/key:Key":                    {"{uuid}", "arn:aws:kms:{region}:{account}:key/{uuid}"},
	"aws:lambda/function:Function":       {"{name}", "arn:aws:lambda:{region}:{account}:function:{name}"},
	"aws:s3/bucket:Bucket":               {"{name}", "arn:aws:s3:::{name}"},
	"aws:s3/bucketV2:BucketV2":           {"{name}", "arn:aws:s3:::{name}"},
	"aws:sfn/stateMachine:StateMachine":  {"{arn}", "arn:aws:states:{region}:{account}:stateMachine:{name}"},
	"aws:sns/topic:Topic":                {"{arn}", "arn:aws:sns:{region}:{account}:{name}"},
	"aws:sqs/queue:Queue":                {"https://sqs.{region}.amazonaws.com/{account}/{name}", "arn:aws:sqs:{region}:{account}:{name}"},
}

// services have another name in ARNs than Pulumi's module of them.
var services = map[string]string{
	"alb": "elasticloadbalancing", "lb": "elasticloadbalancing", "cfg": "config", "cognito": "cognito-idp", "msk": "kafka",
	"opensearch": "es", "sfn": "states", "sesv2": "ses", "apigatewayv2": "apigateway", "wafv2": "wafv2",
}

// forms are the id and the ARN of one resource.
type forms struct{ id, arn, name string }

func newForms(token string, s cloud.Scope, name string) forms {
	module, kind, _ := strings.Cut(strings.TrimPrefix(token, "aws:"), "/")
	kind, _, _ = strings.Cut(kind, ":")
	f, ok := known[token]
	if !ok {
		f = usual
	}
	uuid := ids.UUID()
	name = cmp.Or(name, kind+"-"+uuid[:8])
	replace := strings.NewReplacer("{name}", strings.TrimPrefix(name, "/"), "{uuid}", uuid, "{kind}", kind, "{region}", s.Region,
		"{account}", s.Account, "{service}", cmp.Or(services[module], module))
	arn := replace.Replace(f.arn)
	if f.id == "{name}" { // whole, as the program gave it
		return forms{id: name, arn: arn, name: name}
	}
	return forms{id: strings.ReplaceAll(replace.Replace(f.id), "{arn}", arn), arn: arn, name: name}
}

// outputs makes up the outputs that AWS always returns. Optional ones are left out.
func outputs(r *schema.Resource, f forms, c *cloud.Call) cloud.Map {
	out := cloud.Map{}
	for name, p := range r.Outputs {
		if _, given := c.Resource.Inputs[name]; !given && p.Required && name != "tagsAll" {
			out[name] = madeUp(name, p.Type.Kind, f, c.Caller.Scope)
		}
	}
	return out
}

func madeUp(property string, kind schema.Kind, f forms, s cloud.Scope) any {
	switch kind {
	case schema.Integer, schema.Number:
		return 0.0
	case schema.Boolean:
		return false
	case schema.Array:
		return []any{}
	case schema.Map, schema.Object:
		return cloud.Map{}
	}
	lower := strings.ToLower(property)
	switch {
	case lower == "arn", strings.HasSuffix(lower, "arn"):
		return f.arn
	case lower == "url", strings.HasSuffix(lower, "endpoint"), strings.HasSuffix(lower, "url"):
		if strings.HasPrefix(f.id, "https://") {
			return f.id
		}
		return "https://" + f.name + "." + s.Region + ".amazonaws.com"
	case lower == "region":
		return s.Region
	case lower == "owner", lower == "ownerid", lower == "accountid":
		return s.Account
	case lower == "name", lower == "bucket":
		return f.name
	case strings.HasSuffix(lower, "id"):
		return f.id
	}
	return ""
}
