// Package stack opens the stacks of this repository's Pulumi project for the programs of cmd/: it reads what they run, what
// happened to them and what they are configured to run, and previews and makes updates.
//
// It wraps Pulumi's Automation API, which drives the installed Pulumi CLI, and differs from it where that would do more than
// was asked: it never selects a stack in the user's workspace, never asks for the plain text of a secret that it shows or
// returns, and lets an update that is interrupted come to a clean end.
package stack
