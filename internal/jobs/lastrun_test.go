package jobs

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"slipway/internal/awsconfig"
)

// Step Functions is asked for the latest execution alone.
func TestLast(t *testing.T) {
	t.Parallel()
	started := time.Date(2026, 12, 1, 3, 0, 0, 0, time.UTC)
	execution := fmt.Sprintf(`{"executionArn":"arn:e","stateMachineArn":"arn:m","name":"e","status":"FAILED","startDate":%d,"stopDate":%d}`, started.Unix(), started.Unix()+60)
	for name, test := range map[string]struct {
		status  int
		answer  string
		want    LastRun
		refused string
	}{
		"failed":    {200, `{"executions":[` + execution + `]}`, LastRun{Failed, started, started.Add(time.Minute)}, ""},
		"none":      {200, `{"executions":[]}`, LastRun{}, ""},
		"gone":      {400, `{"__type":"StateMachineDoesNotExist","message":"State Machine Does Not Exist"}`, LastRun{}, "its state machine is gone; run `pulumi up --refresh`"},
		"forbidden": {400, `{"__type":"AccessDeniedException","message":"not authorized"}`, LastRun{}, "that needs states:ListExecutions: "},
	} {
		var asked string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			asked = r.Header.Get("X-Amz-Target") + string(body)
			w.Header().Set("Content-Type", "application/x-amz-json-1.0")
			w.WriteHeader(test.status)
			_, _ = io.WriteString(w, test.answer)
		}))
		got, err := Last(t.Context(), awsconfig.Options{
			"region": "eu-central-1", "accessKey": "a", "secretKey": "b", "endpoints": `[{"sfn":"` + server.URL + `"}]`,
		}, "arn:m")
		server.Close()
		if got.Status != test.want.Status || !got.Started.Equal(test.want.Started) || !got.Stopped.Equal(test.want.Stopped) || got.Failed() != (name == "failed") {
			t.Errorf("%s: the last run is %+v, want %+v", name, got, test.want)
		}
		if (err == nil) != (test.refused == "") || err != nil && !strings.Contains(err.Error(), test.refused) {
			t.Errorf("%s: %v, want %q", name, err, test.refused)
		}
		if want := `AWSStepFunctions.ListExecutions{"maxResults":1,"stateMachineArn":"arn:m"}`; asked != want {
			t.Errorf("%s: asked %s, want %s", name, asked, want)
		}
	}
}
