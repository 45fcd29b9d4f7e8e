// Package components holds the parts a slipway stack is composed of: [Network], [Certificate], [LoadBalancer],
// [Cluster], [FargateService] and [Routes]. What they are made of, and the rules about that, are in [slipway/spec].
//
// Each component is a Pulumi component resource. Its constructor fills in defaults, checks its arguments, registers
// itself, creates its children and registers its outputs, in that order. Children are named from the component's name
// and are parented to it. What decides which children exist is plain Go (zone counts, ports, key names); everything else
// is a Pulumi input, so that values from elsewhere can be passed in before they are known.
//
// No resource has a fixed physical name: Pulumi appends a random suffix, which lets it create a replacement before it
// deletes what is replaced. [spec.CheckName] keeps the names short enough for that.
package components
