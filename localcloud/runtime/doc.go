// Package runtime makes the cloud's resources really happen: its controllers watch the store, run the
// mechanisms, and write back what becomes of them. All that has to outlive the daemon is in the store.
package runtime
