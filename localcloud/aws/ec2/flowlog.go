package ec2

import (
	"strings"

	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
)

type flowLog struct {
	VPCID              string    `json:"vpcId"`
	TrafficType        string    `json:"trafficType"`
	LogDestination     string    `json:"logDestination"`
	LogDestinationType string    `json:"logDestinationType"`
	IAMRoleARN         string    `json:"iamRoleArn"`
	LogFormat          string    `json:"logFormat"`
	Interval           int       `json:"maxAggregationInterval"`
	Tags               tags.Tags `json:"tags"`

	// Not modelled: refused if given.
	SubnetID                   string `json:"subnetId"`
	InterfaceID                string `json:"eniId"`
	TransitGatewayID           string `json:"transitGatewayId"`
	TransitGatewayAttachmentID string `json:"transitGatewayAttachmentId"`
	DeliverCrossAccountRole    string `json:"deliverCrossAccountRole"`
	LogGroupName               string `json:"logGroupName"`
}

type flowLogOutputs struct {
	ARN          string `json:"arn"`
	LogFormat    string `json:"logFormat"`
	LogGroupName string `json:"logGroupName"`
}

const (
	flowLogs = "vpc-flow-logs.amazonaws.com"
	// https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html#flow-logs-default
	defaultLogFormat = "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} ${bytes} " +
		"${start} ${end} ${action} ${log-status}"
)

// FlowLog records a VPC's connections in a log group. The local cloud checks all that AWS needs for that, and writes no records.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateFlowLogs.html
var FlowLog = &cloud.Kind[flowLog, flowLogOutputs]{
	Spec: cloud.Spec{
		Token:    FlowLogToken,
		Label:    "Flow Log",
		Import:   cloud.ByID,
		Drift:    cloud.Drift{Change: cloud.Map{"tags": cloud.Map{"By": "hand"}}, Serves: true, ServesWithout: true},
		Derived:  tags.All,
		Needs:    flowLogNeeds,
		Defaults: cloud.Map{"logDestinationType": "cloud-watch-logs", "maxAggregationInterval": 600.0},
		Replace:  []string{"vpcId", "trafficType", "logDestination", "logDestinationType", "iamRoleArn", "logFormat", "maxAggregationInterval"},
		Computed: []string{"logFormat", "logGroupName"},
		Latency:  cloud.Latency{Create: 1, Delete: 1},
	},
	Check: func(in *flowLog) []cloud.Failure {
		f := check.OneOf("trafficType", in.TrafficType, "ACCEPT", "REJECT", "ALL")
		return append(f, check.OneOf("logDestinationType", in.LogDestinationType, "cloud-watch-logs", "s3", "kinesis-data-firehose")...)
	},
	Refs: func(_ *cloud.Call, in *flowLog) []cloud.Ref {
		return []cloud.Ref{{Token: VPCToken, Value: in.VPCID, Weak: true, Optional: true}}
	},
	Rules: func(c *cloud.Call, in *flowLog) error {
		group, isGroup := logGroupOf(in.LogDestination)
		if what := check.First(map[string]bool{
			"a flow log of anything but a VPC":                       in.VPCID == "" || in.SubnetID+in.InterfaceID+in.TransitGatewayID+in.TransitGatewayAttachmentID != "",
			"a flow log to anything but CloudWatch Logs":             in.LogDestinationType != "cloud-watch-logs" || !isGroup,
			"a flow log to another account":                          in.DeliverCrossAccountRole != "",
			"a flow log with a format of its own":                    in.LogFormat != "" && in.LogFormat != defaultLogFormat,
			"a flow log with another interval than AWS's":            in.Interval != 60 && in.Interval != 600,
			"a flow log to a log group named without logDestination": in.LogGroupName != "" && in.LogGroupName != group,
		}); what != "" {
			return check.Unimplemented(what)
		}
		for _, r := range c.Tx.Where(c.Caller.Scope, FlowLogToken, "vpcId", in.VPCID) {
			if other := cloud.InputsOf[flowLog](r); r.ID != c.Resource.ID && other.LogDestination == in.LogDestination && other.TrafficType == in.TrafficType {
				return cloud.Errorf("FlowLogAlreadyExists", "Error. There is an existing Flow Log with the same configuration and log destination.")
			}
		}
		return checkFlowLogRole(c, in)
	},
	Create: func(c *cloud.Call, in *flowLog, out *flowLogOutputs) (id string, err error) {
		id, out.ARN = identify(c.Caller.Scope, "vpc-flow-log")
		out.LogFormat = defaultLogFormat
		out.LogGroupName, _ = logGroupOf(in.LogDestination)
		return id, nil
	},
}

// logGroupOf returns the name of the log group with an ARN.
func logGroupOf(arn string) (name string, ok bool) {
	_, name, ok = strings.Cut(strings.TrimSuffix(arn, ":*"), ":log-group:")
	return name, ok
}

// checkFlowLogRole refuses a role that flow logs cannot assume. With one that may not write, AWS makes the flow log and says this of its
// delivery. Here no record would show that it fails.
// https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
// https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-troubleshooting.html
func checkFlowLogRole(c *cloud.Call, in *flowLog) error {
	s := c.Caller.Scope
	if in.IAMRoleARN == "" {
		return cloud.Errorf("MissingParameter", "DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs.")
	}
	if !iam.CanAssumeFor(c.Tx, s, in.IAMRoleARN, flowLogs, arns.New(s, "ec2", "vpc-flow-log/fl-0")) {
		return cloud.Errorf("InvalidParameter", "Unable to assume given IAM role")
	}
	group := strings.TrimSuffix(in.LogDestination, ":*")
	for action, resource := range map[string]string{
		"logs:CreateLogStream": group + ":*", "logs:DescribeLogGroups": arns.New(s, "logs", "log-group:*"),
		"logs:DescribeLogStreams": group + ":*", "logs:PutLogEvents": group + ":*",
	} {
		if !iam.Allowed(c.Tx, s, in.IAMRoleARN, action, resource) {
			return cloud.Errorf("InvalidParameter", "Access error. The IAM role for your flow log does not have sufficient permissions to send flow log "+
				"records to the CloudWatch log group. (%s may not %s on %s)", in.IAMRoleARN, action, resource)
		}
	}
	return nil
}

var flowLogNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		creates(o, "ec2:CreateFlowLogs", "vpc-flow-log")
		o.Other(VPCToken, "vpcId", "ec2:CreateFlowLogs")
		o.On(o.Text("iamRoleArn"), "iam:PassRole")
		o.With("iam:passedtoservice", flowLogs).AsPartOf("ec2:CreateFlowLogs")
	},
	Read:   func(o *permission.Operation) { o.Any("ec2:DescribeFlowLogs") },
	Update: retags,
	Delete: func(o *permission.Operation) { o.Own("ec2:DeleteFlowLogs") },
}
