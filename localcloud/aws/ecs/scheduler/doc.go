// Package scheduler does the work of ECS: it keeps services at their number of tasks, rolls deployments out and takes tasks through
// their lives. All data that must outlive the daemon is in the store.
package scheduler
