// Package stack opens the stacks of this repository's Pulumi project for the programs of cmd/. It reads their running images, history
// and configuration, and previews and makes updates.
//
// It wraps Pulumi's Automation API, which drives the installed Pulumi CLI, but does less: it never selects a stack in the user's
// workspace, never asks for the plain text of a secret that it shows or returns, and ends an interrupted update cleanly.
package stack
