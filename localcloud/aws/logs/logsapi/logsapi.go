// Package logsapi answers the API of CloudWatch Logs.
package logsapi

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"slipway/localcloud/api"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/logs"
	"slipway/localcloud/aws/logs/streams"
	"slipway/localcloud/cloud"
)

type answers struct{ *streams.Logs }

// Service answers CloudWatch Logs' API.
func Service(events *streams.Logs) api.Service {
	return api.Service{Target: "Logs_20140328", Operations: map[string]api.Operation{"GetLogEvents": answers{events}.getLogEvents}}
}

// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_OutputLogEvent.html
type logEvent struct {
	IngestionTime int64  `json:"ingestionTime"` // milliseconds since 1970, as all times of CloudWatch Logs
	Timestamp     int64  `json:"timestamp"`
	Message       string `json:"message"`
}

// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
func (a answers) getLogEvents(r *api.Request) (any, error) {
	in := struct {
		Group         string `json:"logGroupName"`
		Stream        string `json:"logStreamName"`
		Limit         int    `json:"limit"`
		StartFromHead bool   `json:"startFromHead"`
		NextToken     string `json:"nextToken"`
	}{Limit: maxLogEvents}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	if in.Limit < 1 || in.Limit > maxLogEvents {
		return nil, cloud.Errorf("InvalidParameterException", "limit must be between 1 and %d", maxLogEvents)
	}
	if err := r.View(func(tx *cloud.Tx) error {
		group := tx.Get(cloud.Key{Scope: r.Caller.Scope, Token: logs.LogGroup.Token, ID: in.Group})
		if group == nil {
			return logs.LogGroupNotFound()
		}
		arn := logs.LogGroup.Outputs(group).ARN
		return iam.May(tx, r.Caller, iam.Look{Action: "logs:GetLogEvents", Resource: arn + ":log-stream:" + in.Stream, Of: group})
	}); err != nil {
		return nil, err
	}
	var events []streams.Event
	for e, err := range a.Logs.Read(r.Context(), r.Caller.Scope, in.Group, time.Time{}, false) {
		if err != nil {
			return nil, err
		}
		if e.Stream == in.Stream {
			events = append(events, e)
		}
	}
	if len(events) == 0 { // a stream begins with its first event
		return nil, cloud.Errorf("ResourceNotFoundException", "The specified log stream does not exist.")
	}
	// A token says how many events come before those that it stands for: "f/" for what follows.
	first := max(0, len(events)-in.Limit)
	if in.StartFromHead {
		first = 0
	}
	if in.NextToken != "" {
		n, err := strconv.Atoi(strings.TrimPrefix(in.NextToken, "f/"))
		if err != nil || n < 0 || n > len(events) {
			return nil, cloud.Errorf("InvalidParameterException", "The specified nextToken is invalid.")
		}
		first = n
	}
	events = events[first:min(first+in.Limit, len(events))]
	out := struct {
		Events []logEvent `json:"events"`
		Next   string     `json:"nextForwardToken"`
	}{Events: []logEvent{}, Next: fmt.Sprintf("f/%056d", first+len(events))}
	for _, e := range events {
		out.Events = append(out.Events, logEvent{e.Time.UnixMilli(), e.Time.UnixMilli(), e.Message})
	}
	return out, nil
}

const maxLogEvents = 10000
