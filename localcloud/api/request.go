package api

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"slipway/localcloud/cloud"
)

// Request is one call of an operation.
type Request struct {
	*http.Request
	Store  *cloud.Store
	Caller cloud.Caller
	// Path is that of the request below the server's token.
	Path string
	// Form are the parameters of the query protocol.
	Form url.Values

	server *Server
	body   []byte
}

// Decode reads the parameters of a JSON request. One that is not modelled is refused, for it would change the answer.
func (r *Request) Decode(parameters any) error {
	d := json.NewDecoder(bytes.NewReader(r.body))
	d.DisallowUnknownFields()
	if err := d.Decode(parameters); err != nil {
		return cloud.Errorf("InvalidParameterException", "parameters: %s; what is not known here is not modelled by the local cloud", err)
	}
	return nil
}

// Only refuses the parameters of a query request that are not modelled.
func (r *Request) Only(known ...string) error {
	for _, name := range slices.Sorted(maps.Keys(r.Form)) {
		if name != "Action" && name != "Version" && !slices.Contains(known, parameter(name)) {
			return cloud.Errorf("ValidationError", "Parameter %s of %s is not modelled by the local cloud", name, r.Form.Get("Action"))
		}
	}
	return nil
}

// Content returns the body.
func (r *Request) Content() []byte { return r.body }

// View calls f with the cloud's content.
func (r *Request) View(f func(*cloud.Tx) error) error {
	var err error
	r.Store.View(func(tx *cloud.Tx) { err = f(tx) })
	return err
}

// List returns a list parameter of the query protocol, Name.member.1 and so on.
// https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
func (r *Request) List(name string) []string {
	var out []string
	for i := 1; ; i++ {
		v, ok := r.Form[name+".member."+strconv.Itoa(i)]
		if !ok {
			return out
		}
		out = append(out, v...)
	}
}

// parameter is the name of a parameter without what numbers its elements.
func parameter(name string) string {
	list, _, _ := strings.Cut(name, ".member.")
	return list
}

// Epoch is a time as the JSON protocol has it: in seconds since 1970.
type Epoch time.Time

// MarshalJSON implements [json.Marshaler].
func (t Epoch) MarshalJSON() ([]byte, error) {
	if time.Time(t).IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(time.Time(t).UnixMilli()) / 1000)
}
