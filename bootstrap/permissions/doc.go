// Package permissions has the IAM actions that the program needs, and makes the policies of the roles that deploy, preview and refresh
// it, and of those that it creates.
//
// [Kinds] and [Functions] are the table: the AWS provider's calls for each kind of resource that the program registers and each
// function that it calls. A test runs the program and fails if either lacks an entry of the other. The policies have only the table's
// actions; [grants] says on which resources each is allowed.
//
// An update changes tags first. Then it lists them, unless the kind's update ends with a read that returns them (internal/provider,
// tagsResourceInterceptor): those of an ECS cluster and of a task definition do not.
//
// Sources: the calls are in the Terraform AWS provider (github.com/hashicorp/terraform-provider-aws, v5.100, internal/service), which
// the Pulumi provider bridges; the action of a call, and its types of resource, in AWS's Service Authorization Reference; what else
// Elastic Load Balancing needs of its caller in "Elastic Load Balancing API permissions".
package permissions
