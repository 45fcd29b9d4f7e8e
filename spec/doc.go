// Package spec has the parts of a stack in plain Go, and every rule about them: images, sizes, health checks, deployments, scaling,
// routes and names. It uses neither Pulumi's SDK nor AWS's, so every command can afford to import it.
package spec
