package daemon

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"slipway/localcloud/cloud"
	"slipway/localcloud/fault"
)

// The control API: the localcloud command's calls to a running daemon. It requires the daemon's token, which is in a private file.
// Others that can connect, such as a page in a browser, can read and change nothing.
//
//	GET    /status                             what is alive
//	GET    /logs?group=G&follow=true           what tasks logged; G is a log group, or the name of a service
//	POST   /interrupt?service=S                takes back the capacity of a Spot task of a service, by any of its names
//	POST   /crash?service=S                    kills a task of a service
//	POST   /exec?task=T&container=C&arg=A…     runs a command in a task, over a connection of its own
//	GET    /capture?task=T                     the packets of a task, as a pcap file, until the task or the client goes
//	POST   /clock?by=D                         turns the clock forward, or only shows it
//	POST   /faults                             makes operations fail
//	GET    /faults                             what faults there are, and what they hit
//	DELETE /faults?id=N                        forgets a fault, or all
//	PATCH  /resource?account=A&region=R&type=T&id=I  changes properties behind the engine's back
//	PUT    /parameter, /secret                 keeps a value that no stack makes
//	DELETE /resource?…                         removes a resource behind the engine's back
func (d *daemon) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ping", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(d.status()) // the client is gone
	})
	mux.HandleFunc("GET /logs", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		out := &flushing{w: w}
		if err := d.writeLogs(r.Context(), out, q.Get("group"), q.Get("follow") == "true"); err != nil && !out.begun {
			answer(w, err)
		}
	})
	for path, act := range map[string]func(service string) (taskID string, err error){
		"/interrupt": d.services.Scheduler.Interrupt, "/crash": d.services.Scheduler.Crash,
	} {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			service, err := d.serviceCalled(r.URL.Query().Get("service"))
			taskID := ""
			if err == nil {
				taskID, err = act(service)
			}
			if err != nil {
				answer(w, err)
				return
			}
			_, _ = io.WriteString(w, taskID) // or the client is gone
		})
	}
	mux.HandleFunc("POST /exec", d.exec)
	mux.HandleFunc("GET /capture", func(w http.ResponseWriter, r *http.Request) {
		out := &flushing{w: w}
		if err := d.capture(r.Context(), r.URL.Query().Get("task"), out); err != nil && !out.begun {
			answer(w, err)
		}
	})
	mux.HandleFunc("POST /clock", func(w http.ResponseWriter, r *http.Request) {
		now, err := d.clock.turn(r.URL.Query().Get("by"))
		if err != nil {
			answer(w, err)
			return
		}
		_ = json.NewEncoder(w).Encode(now) // or the client is gone
	})
	mux.HandleFunc("POST /faults", func(w http.ResponseWriter, r *http.Request) {
		var f fault.Fault
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&f); err != nil {
			http.Error(w, "read fault: "+err.Error(), http.StatusBadRequest)
			return
		}
		added, err := d.faults.Add(f)
		if err != nil {
			answer(w, err)
			return
		}
		_ = json.NewEncoder(w).Encode(added) // or the client is gone
	})
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(d.faults.List()) // or the client is gone
	})
	mux.HandleFunc("DELETE /faults", func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.Atoi(cmp.Or(r.URL.Query().Get("id"), "0"))
		if err == nil {
			err = d.faults.Clear(id)
		}
		answer(w, err)
	})
	mux.HandleFunc("PATCH /resource", func(w http.ResponseWriter, r *http.Request) {
		var change cloud.Map
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&change); err != nil {
			http.Error(w, "read change: "+err.Error(), http.StatusBadRequest)
			return
		}
		answer(w, d.change(r.Context(), r.URL.Query(), change))
	})
	mux.HandleFunc("PUT /parameter", put(d.putParameter))
	mux.HandleFunc("PUT /secret", put(d.putSecret))
	mux.HandleFunc("DELETE /resource", func(w http.ResponseWriter, r *http.Request) {
		answer(w, d.remove(r.Context(), r.URL.Query()))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+d.info.Token)) != 1 {
			http.Error(w, "show the daemon's token", http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func answer(w http.ResponseWriter, err error) {
	switch {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case errors.Is(err, errNoResource):
		http.Error(w, err.Error(), http.StatusNotFound)
	default:
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

var errNoResource = errors.New("nothing alive has this id; `localcloud status` lists the ids")

// target finds the resource with the id, of the type if one is given.
func (d *daemon) target(q url.Values) (*cloud.Resource, error) {
	var found []*cloud.Resource
	d.cloud.Store.View(func(tx *cloud.Tx) {
		for r := range tx.All() {
			if r.ID == q.Get("id") && (q.Get("type") == "" || r.Token == q.Get("type")) {
				found = append(found, r)
			}
		}
	})
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("%s: %w", q.Get("id"), errNoResource)
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("%s is the id of both a %s and a %s: name the one meant with -type", q.Get("id"), found[0].Token, found[1].Token)
}

func (d *daemon) change(ctx context.Context, q url.Values, change cloud.Map) error {
	r, err := d.target(q)
	if err != nil {
		return err
	}
	inputs := r.Clone().Inputs
	for p, v := range change {
		if v == nil {
			delete(inputs, p)
		} else {
			inputs[p] = v
		}
	}
	checked, failures, err := d.cloud.Check(r.Token, inputs)
	if err != nil {
		return err
	}
	if len(failures) > 0 {
		return fmt.Errorf("%s: %s", failures[0].Property, failures[0].Reason)
	}
	_, err = d.cloud.UpdateOnce(ctx, cloud.Caller{Scope: d.scope(r)}, r.Token, r.ID, checked)
	return err
}

func (d *daemon) remove(ctx context.Context, q url.Values) error {
	r, err := d.target(q)
	if err != nil {
		return err
	}
	return d.cloud.DeleteOnce(ctx, cloud.Caller{Scope: d.scope(r)}, r.Token, r.ID)
}

// flushing sends every line on its way, so that a follower sees it at once.
type flushing struct {
	w     http.ResponseWriter
	begun bool
}

func (f *flushing) Write(p []byte) (int, error) {
	f.begun = true
	n, err := f.w.Write(p)
	if fl, ok := f.w.(http.Flusher); ok {
		fl.Flush()
	}
	return n, err
}

// Client speaks to a running daemon.
type Client struct{ Info Info }

func (c Client) ping(ctx context.Context) error {
	body, err := c.do(ctx, http.MethodGet, "/ping", nil, nil)
	if err != nil {
		return err
	}
	return body.Close()
}

// Status returns everything that is alive.
func (c Client) Status(ctx context.Context) (*Status, error) {
	body, err := c.do(ctx, http.MethodGet, "/status", nil, nil)
	if err != nil {
		return nil, fmt.Errorf("read status: %w", err)
	}
	defer func() { _ = body.Close() }()
	s := new(Status)
	if err := json.NewDecoder(body).Decode(s); err != nil {
		return nil, fmt.Errorf("read status: %w", err)
	}
	return s, nil
}

// Logs copies the log events of a group, or of a service by its name, or of all if group is empty, to w; with follow until the context
// ends.
func (c Client) Logs(ctx context.Context, w io.Writer, group string, follow bool) error {
	q := url.Values{"group": {group}, "follow": {fmt.Sprint(follow)}}
	body, err := c.do(ctx, http.MethodGet, "/logs", q, nil)
	if err != nil {
		return fmt.Errorf("read logs: %w", err)
	}
	defer func() { _ = body.Close() }()
	if _, err := io.Copy(w, body); err != nil && ctx.Err() == nil {
		return fmt.Errorf("read logs: %w", err)
	}
	return nil
}

// Interrupt takes back the capacity of a running Spot task of the service, which is given by a name that it has, or its ARN, with AWS's warning
// of two minutes. It returns the task's id.
func (c Client) Interrupt(ctx context.Context, service string) (taskID string, err error) {
	return c.onTask(ctx, "/interrupt", service)
}

// Crash kills a running task of the service, which is given by a name that it has, or its ARN, and returns its id.
func (c Client) Crash(ctx context.Context, service string) (taskID string, err error) {
	return c.onTask(ctx, "/crash", service)
}

// Turn turns the cloud's clock forward, by a duration such as 24h, and returns the time that it shows. An empty duration only returns that.
func (c Client) Turn(ctx context.Context, by string) (now time.Time, err error) {
	body, err := c.do(ctx, http.MethodPost, "/clock", url.Values{"by": {by}}, nil)
	if err != nil {
		return now, err // it names the operation
	}
	defer func() { _ = body.Close() }()
	if err := json.NewDecoder(body).Decode(&now); err != nil {
		return now, fmt.Errorf("read the cloud's clock: %w", err)
	}
	return now, nil
}

func (c Client) onTask(ctx context.Context, path, service string) (string, error) {
	body, err := c.do(ctx, http.MethodPost, path, url.Values{"service": {service}}, nil)
	if err != nil {
		return "", err // it names the operation
	}
	defer func() { _ = body.Close() }()
	taskID, err := io.ReadAll(body)
	if err != nil {
		return "", fmt.Errorf("read the task's id: %w", err)
	}
	return string(taskID), nil
}

// Capture copies the packets that a task sends and is sent to w, as a pcap file, until ctx or the task ends. The task is given by its id, or by a
// name of its service, whose oldest it is then.
func (c Client) Capture(ctx context.Context, task string, w io.Writer) error {
	body, err := c.do(ctx, http.MethodGet, "/capture", url.Values{"task": {task}}, nil)
	if err != nil {
		return fmt.Errorf("capture the packets of task %s: %w", task, err)
	}
	defer func() { _ = body.Close() }()
	if _, err := io.Copy(w, body); err != nil && ctx.Err() == nil {
		return fmt.Errorf("capture the packets of task %s: %w", task, err)
	}
	return nil
}

// Change sets properties of a living resource without the engine's knowledge, like a change in the AWS console. A property set to nil
// is removed. The type is only needed if several resources have the id.
func (c Client) Change(ctx context.Context, token, id string, change cloud.Map) error {
	raw, err := json.Marshal(change)
	if err != nil {
		return fmt.Errorf("change %s: %w", id, err)
	}
	return c.act(ctx, http.MethodPatch, "change", token, id, raw)
}

// Delete removes a resource without the engine's knowledge, like a deletion in the AWS console. If something uses it, that is refused
// at once, with AWS's code.
func (c Client) Delete(ctx context.Context, token, id string) error {
	return c.act(ctx, http.MethodDelete, "delete", token, id, nil)
}

func (c Client) act(ctx context.Context, method, doing, token, id string, body []byte) error {
	answer, err := c.do(ctx, method, "/resource", url.Values{"type": {token}, "id": {id}}, body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", doing, id, err)
	}
	return answer.Close()
}

// AddFault makes operations fail from now on, until the fault is cleared or the daemon stops. It returns the fault with its defaults
// and its id.
func (c Client) AddFault(ctx context.Context, f fault.Fault) (fault.Fault, error) {
	raw, err := json.Marshal(f)
	if err != nil {
		return fault.Fault{}, fmt.Errorf("add fault: %w", err)
	}
	var added fault.Fault
	err = c.ask(ctx, http.MethodPost, "/faults", raw, &added)
	return added, err
}

// Faults returns all faults and the operations that they hit.
func (c Client) Faults(ctx context.Context) ([]fault.Planned, error) {
	var all []fault.Planned
	err := c.ask(ctx, http.MethodGet, "/faults", nil, &all)
	return all, err
}

// ClearFaults forgets the fault with the id, or all of them for 0.
func (c Client) ClearFaults(ctx context.Context, id int) error {
	answer, err := c.do(ctx, http.MethodDelete, "/faults", url.Values{"id": {strconv.Itoa(id)}}, nil)
	if err != nil {
		return err // it says what was to happen
	}
	return answer.Close()
}

// ask decodes an answer in JSON.
func (c Client) ask(ctx context.Context, method, path string, body []byte, answer any) error {
	b, err := c.do(ctx, method, path, nil, body)
	if err != nil {
		return err // it says what was to happen
	}
	defer func() { _ = b.Close() }()
	if err := json.NewDecoder(b).Decode(answer); err != nil {
		return fmt.Errorf("read the answer about %s: %w", strings.Trim(path, "/"), err)
	}
	return nil
}

func (c Client) do(ctx context.Context, method, path string, query url.Values, body []byte) (io.ReadCloser, error) {
	req, err := c.request(ctx, method, path, query, body)
	if err != nil {
		return nil, err
	}
	return send(req)
}

func (c Client) request(ctx context.Context, method, path string, query url.Values, body []byte) (*http.Request, error) {
	u := url.URL{Scheme: "http", Host: c.Info.Control, Path: path, RawQuery: query.Encode()}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.Info.Token)
	return req, nil
}

// send makes a request, and turns a refusal into an error.
func send(req *http.Request) (io.ReadCloser, error) {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		defer func() { _ = resp.Body.Close() }()
		line, _ := bufio.NewReader(resp.Body).ReadString('\n')
		return nil, errors.New(strings.TrimSpace(line))
	}
	return resp.Body, nil
}
