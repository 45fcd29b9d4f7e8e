package ecs

import (
	"cmp"
	"net/http"
)

// TaskEndpoint is where one task finds its metadata, the credentials of its role, and AWS's APIs.
type TaskEndpoint struct {
	// Handler answers the task, below the URL.
	Handler http.Handler
	// URL is that of the handler on this machine. A task in its VPC has it at [TaskEndpointURL] instead.
	URL string
	// CredentialsPath is where the credentials are; empty for a task without a role. Authorization is the token that they want from whoever
	// asks at URL.
	CredentialsPath, Authorization string
	// Close ends it.
	Close func()
}

// TaskEndpointURL is where every task on AWS has its endpoint.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate.html
const TaskEndpointURL = "http://169.254.170.2"

// Paths below a task's endpoint. That of AWS's APIs is the local cloud's own: on AWS they have hosts of their own.
const (
	MetadataPath = "/v4/"
	APIPath      = "/aws"
)

// Environment returns the variables by which a container finds the endpoint, as those of Fargate, and outside a VPC AWS_ENDPOINT_URL.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
func (e *TaskEndpoint) Environment(container string, inVPC bool) map[string]string {
	url := cmp.Or(e.URL, TaskEndpointURL)
	if inVPC {
		url = TaskEndpointURL
	}
	env := map[string]string{"ECS_CONTAINER_METADATA_URI_V4": url + MetadataPath + container}
	if !inVPC { // where AWS's own names lead to its APIs
		env["AWS_ENDPOINT_URL"] = url + APIPath
	}
	switch {
	case e.CredentialsPath == "":
	case inVPC:
		env["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = e.CredentialsPath
	default:
		env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url + e.CredentialsPath
		env["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = e.Authorization
	}
	return env
}
