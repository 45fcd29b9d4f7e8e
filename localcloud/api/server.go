// Package api speaks AWS's own protocols over HTTP, for services whose answers are in aws/SERVICE/SERVICEapi: for the program's own
// calls, for tasks, and for people. The AWS SDKs and the AWS CLI work against it with AWS_ENDPOINT_URL. Unlike AWS, it does not verify
// signatures itself: it is for those who know the address, which contains a token, or for whom its Caller verifies.
package api

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"slipway/localcloud/cloud"
)

// Server is the APIs of a cloud.
type Server struct {
	Store *cloud.Store
	// Caller finds out who makes a request.
	Caller   func(*http.Request) (cloud.Caller, error)
	Services []Service
	// REST has what answers the services whose requests are paths and methods, by the name that their requests are signed for.
	REST map[string]func(http.ResponseWriter, *Request)
	// Token is the path below which the APIs are: an AWS client cannot send it in another place. If it is empty, they are at the root.
	Token string
}

// operation returns what answers the operation of a service that is.
func (s *Server) operation(name string, is func(Service) bool) (Service, Operation) {
	i := slices.IndexFunc(s.Services, is)
	if i < 0 {
		return Service{}, nil
	}
	return s.Services[i], s.Services[i].Operations[name]
}

// Service has the answers of an AWS service, in one of two protocols: "AWS JSON 1.1" if it has a target, else "AWS query".
// https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
// https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
type Service struct {
	// Target is the prefix of the header that names the operation.
	Target string
	// Version is that of the service's API, and Namespace that of its answers.
	Version, Namespace string

	// QueryError returns the code that an error has in the query protocol, which the service spoke earlier, if it has another one in AWS
	// JSON; nil for services that did not.
	// https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#aws-protocols-awsquerycompatible-trait
	QueryError func(code string) string

	Operations map[string]Operation
}

// Operation answers a request with what its protocol encodes.
type Operation func(*Request) (any, error)

// maxBody is more than any request has that is answered here, but for objects: S3 takes larger ones.
const maxBody = 8 << 20

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := s.below(r.URL.Path)
	if !ok {
		http.Error(w, "ask at the address that `localcloud env` prints", http.StatusNotFound)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "read request: "+err.Error(), http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body)) // for who checks its signature
	req := &Request{Request: r, Store: s.Store, Path: path, server: s, body: body}
	if serve := s.REST[signedFor(r)]; serve != nil {
		if req.Caller, err = s.Caller(r); err != nil {
			req.answerError(w, err)
			return
		}
		serve(w, req)
		return
	}
	if strings.Trim(path, "/") != "" {
		http.Error(w, "nothing of AWS answers at this path here", http.StatusNotFound)
		return
	}
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		req.answerJSON(w, target)
		return
	}
	if req.Form, err = url.ParseQuery(string(body)); err != nil {
		http.Error(w, "read request: "+err.Error(), http.StatusBadRequest)
		return
	}
	req.answerQuery(w)
}

// below returns the path of a request below the token.
func (s *Server) below(path string) (rest string, ok bool) {
	if s.Token == "" {
		return path, true
	}
	first, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return "/" + rest, subtle.ConstantTimeCompare([]byte(first), []byte(s.Token)) == 1
}

// credentialScope is the part of a signed request with the service that it is for.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
var credentialScope = regexp.MustCompile(`Credential=[^/,\s]+/\d{8}/[a-z0-9-]+/([a-z0-9-]+)/aws4_request`)

// signedFor returns the service that a request is signed for, or "".
func signedFor(r *http.Request) string {
	if found := credentialScope.FindStringSubmatch(r.Header.Get("Authorization")); found != nil {
		return found[1]
	}
	return ""
}

// answerError answers with an error in S3's form.
func (r *Request) answerError(w http.ResponseWriter, err error) {
	refusal := Refusal(err)
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(statusOf(refusal))
	_ = xml.NewEncoder(w).Encode(struct { // or the client is gone
		XMLName xml.Name `xml:"Error"`
		Code    string
		Message string
	}{Code: refusal.Code, Message: refusal.Message})
}

func (r *Request) answerJSON(w http.ResponseWriter, target string) {
	service, name, _ := strings.Cut(target, ".")
	var out any
	known, do := r.server.operation(name, func(s Service) bool { return s.Target == service })
	err := error(cloud.Errorf("UnknownOperationException", "%s is not modelled by the local cloud", target))
	if do != nil {
		out, err = r.do(do)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("X-Amzn-Requestid", rand.Text())
	if err != nil {
		refusal := Refusal(err)
		if known.QueryError != nil {
			w.Header().Set("X-Amzn-Query-Error", known.QueryError(refusal.Code)+";Sender")
		}
		w.WriteHeader(statusOf(refusal))
		out = map[string]string{"__type": refusal.Code, "message": refusal.Message}
	}
	_ = json.NewEncoder(w).Encode(out) // or the client is gone
}

func (r *Request) answerQuery(w http.ResponseWriter) {
	name := r.Form.Get("Action")
	var out any
	service, do := r.server.operation(name, func(s Service) bool { return s.Target == "" && s.Version == r.Form.Get("Version") })
	err := error(cloud.Errorf("InvalidAction", "Action %s of version %s is not modelled by the local cloud", name, r.Form.Get("Version")))
	if do != nil {
		out, err = r.do(do)
	}
	w.Header().Set("Content-Type", "text/xml")
	id := rand.Text()
	answer := answered{
		XMLName: xml.Name{Space: service.Namespace, Local: name + "Response"}, Result: result{out, name}, RequestID: id,
	}
	if err != nil {
		refusal := Refusal(err)
		w.WriteHeader(statusOf(refusal))
		_ = xml.NewEncoder(w).Encode(refused{Type: "Sender", Code: refusal.Code, Message: refusal.Message, RequestID: id})
		return
	}
	_ = xml.NewEncoder(w).Encode(answer)
}

// answered and refused are the answers of the query protocol.
type answered struct {
	XMLName   xml.Name
	Result    result
	RequestID string `xml:"ResponseMetadata>RequestId"`
}

type refused struct {
	XMLName   xml.Name `xml:"ErrorResponse"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

// result is an operation's own part of an answer, in an element named after it.
type result struct {
	value     any
	operation string
}

// MarshalXML implements [xml.Marshaler].
func (r result) MarshalXML(e *xml.Encoder, _ xml.StartElement) error {
	return e.EncodeElement(r.value, xml.StartElement{Name: xml.Name{Local: r.operation + "Result"}})
}

// do finds out who calls and calls the operation.
func (r *Request) do(o Operation) (any, error) {
	var err error
	if r.Caller, err = r.server.Caller(r.Request); err != nil {
		return nil, err
	}
	return o(r)
}

// Refusal returns the answer for an error, in AWS's own words if they are known.
func Refusal(err error) *cloud.Error {
	if refusal, ok := errors.AsType[*cloud.Error](err); ok {
		return refusal
	}
	return cloud.Errorf("ValidationError", "%s", err)
}

// statusOf returns the HTTP status that goes with a refusal.
// https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
func statusOf(refusal *cloud.Error) int {
	switch refusal.Code {
	case "AccessDenied", "InvalidClientTokenId", "MissingAuthenticationToken", "SignatureDoesNotMatch":
		return http.StatusForbidden
	}
	return http.StatusBadRequest
}
