// Package components has the parts of a slipway stack: [Network], [Certificate], [LoadBalancer], [Cluster], [FargateService] and
// [Routes]. Their settings, and the rules about those, are in [slipway/spec].
//
// Each component is a Pulumi component resource. Its constructor fills in defaults, checks its arguments, registers itself, creates its
// children and registers its outputs, in that order. Children begin with the component's name and have it as their parent. Plain Go
// decides which children exist (zone counts, ports, key names). Everything else is a Pulumi input, so a caller can pass values before
// they are known.
//
// No resource has a fixed physical name: Pulumi appends a random suffix, so it can create a replacement before it deletes the old
// resource. [spec.CheckName] keeps the names short enough for that.
package components
