// Package spec has what a stack is made of, in plain Go: images, sizes, health checks, deployments, scaling, routes and names, and every
// rule about them. It uses neither Pulumi's SDK nor AWS's, so that every command can afford it.
package spec
