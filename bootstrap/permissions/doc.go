// Package permissions says which IAM actions the program needs, and makes of that the policies of the roles that deploy it,
// preview it, refresh it and are created by it.
//
// [Kinds] and [Functions] are the table: what the AWS provider calls for each kind of resource that the program registers and
// each function that it calls. A test runs the program and fails if either lacks an entry that the other has. The policies
// hold the table's actions and no others; [grants] says on which resources each is allowed.
//
// Tags are changed before anything else of an update. Then they are listed, unless the update of the kind ends with a read that
// brings them along (internal/provider, tagsResourceInterceptor): those of an ECS cluster and of a task definition do not.
//
// Sources: what is called is in the Terraform AWS provider (github.com/hashicorp/terraform-provider-aws, v5.100, internal/service),
// which the Pulumi provider bridges; what a call is authorized as, and on which types of resource, in AWS's Service
// Authorization Reference; what Elastic Load Balancing asks of its caller besides in "Elastic Load Balancing API permissions".
package permissions
