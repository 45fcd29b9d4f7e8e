// Package taskapi answers tasks: what they are, with what credentials they call AWS, and the calls themselves.
package taskapi

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/cloud"
)

// Credentials are temporary ones.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
	Expires                                    time.Time
}

// Endpoints are those of the tasks that run, each below a path of its own that is hard to guess.
type Endpoints struct {
	Store *cloud.Store
	// Credentials makes credentials for a session of a role.
	Credentials func(session cloud.Caller, lifetime time.Duration) Credentials
	// API answers AWS's APIs, at the root and below. It tells callers by the credentials alone.
	API http.Handler
	// Egress says what keeps a network interface from a port of the internet.
	Egress func(*cloud.Tx, cloud.Scope, *ec2.Interface, int) error
	// URL is where the endpoints are on this machine. It is set before a task is there.
	URL string

	mu   sync.RWMutex
	open map[string]*endpoint // by the first part of the path
}

// endpoint is that of one task.
type endpoint struct {
	http.ServeMux
	of            *Endpoints
	task          cloud.Key
	revision      *ecs.Revision
	authorization string
	// ended ends with the task.
	ended context.Context
}

// Open makes the endpoint of a task.
func (e *Endpoints) Open(task cloud.Key, revision *ecs.Revision) *ecs.TaskEndpoint {
	ended, end := context.WithCancel(context.Background())
	one := &endpoint{of: e, task: task, revision: revision, authorization: rand.Text(), ended: ended}
	path, credentials := "/"+rand.Text(), "/v2/credentials/"+rand.Text()
	one.HandleFunc("GET "+ecs.MetadataPath+"{container}", one.container)
	one.HandleFunc("GET "+ecs.MetadataPath+"{container}/task", one.describe)
	one.Handle(ecs.APIPath+"/", http.StripPrefix(ecs.APIPath, http.HandlerFunc(one.api)))
	one.Handle(ecs.APIPath, http.StripPrefix(ecs.APIPath, http.HandlerFunc(one.api)))
	if revision.TaskRoleARN != "" {
		one.HandleFunc("GET "+credentials, one.credentials)
	} else {
		credentials = ""
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.open == nil {
		e.open = map[string]*endpoint{}
	}
	e.open[path] = one
	return &ecs.TaskEndpoint{
		Handler: one, URL: e.URL + path, CredentialsPath: credentials, Authorization: one.authorization,
		Close: func() {
			end()
			e.mu.Lock()
			defer e.mu.Unlock()
			delete(e.open, path)
		},
	}
}

// ServeHTTP implements [http.Handler], for tasks at loopback addresses: any process of the machine can connect there.
func (e *Endpoints) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	e.mu.RLock()
	one := e.open["/"+first]
	e.mu.RUnlock()
	if one == nil {
		http.NotFound(w, r)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/"+first+"/v2/") &&
		subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte(one.authorization)) != 1 {
		http.Error(w, "unauthorized", http.StatusUnauthorized)
		return
	}
	http.StripPrefix("/"+first, one).ServeHTTP(w, r)
}

// lifetime is how long a task's credentials are valid; SDKs get others in time.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
const lifetime = 6 * time.Hour

// credentials answers with credentials of the task's role, whose session has the task's id for its name.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
func (e *endpoint) credentials(w http.ResponseWriter, _ *http.Request) {
	role := e.revision.TaskRoleARN
	made := e.of.Credentials(cloud.Caller{
		Scope:    cloud.Scope{Account: arns.Account(role), Region: e.task.Scope.Region},
		Identity: arns.Global("sts", arns.Account(role), "assumed-role/"+arns.Last(role)+"/"+ecs.TaskID(e.task.ID)),
	}, lifetime)
	answer(w, map[string]string{
		"RoleArn": role, "AccessKeyId": made.AccessKeyID, "SecretAccessKey": made.SecretAccessKey, "Token": made.SessionToken,
		"Expiration": made.Expires.UTC().Format(time.RFC3339),
	})
}

// httpsPort is the port of AWS's APIs.
const httpsPort = 443

// api answers a call of AWS if the task could reach it. If not, there is no answer, as on AWS.
func (e *endpoint) api(w http.ResponseWriter, r *http.Request) {
	var obstacle error
	e.of.Store.View(func(tx *cloud.Tx) {
		for _, ni := range ec2.InterfacesOf(tx, e.task.Scope, e.task.ID) {
			obstacle = e.of.Egress(tx, e.task.Scope, ec2.NetworkInterface.Inputs(ni), httpsPort)
		}
	})
	if obstacle == nil {
		e.of.API.ServeHTTP(w, r)
		return
	}
	select {
	case <-r.Context().Done():
	case <-e.ended.Done():
	}
	panic(http.ErrAbortHandler)
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // or the task is gone
}
