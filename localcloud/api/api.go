// Package api answers AWS's own APIs over HTTP, as far as the program asks them by itself and people want to look at what
// runs: the AWS SDKs and the AWS CLI work against it where AWS_ENDPOINT_URL leads to it. It changes nothing. Other than on AWS,
// signatures are not verified: it is for those who know the address, which holds a token.
package api

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/logs/streams"
	"slipway/localcloud/aws/sts"
	"slipway/localcloud/cloud"
)

// Server is the APIs of a cloud.
type Server struct {
	Store   *cloud.Store
	Callers *sts.Callers
	Logs    *streams.Logs
	// Token is the path below which the APIs are: a client of AWS has nowhere else to show it.
	Token string

	mu       sync.Mutex
	sessions map[string]session // by access key
}

// request is one call of an operation.
type request struct {
	*http.Request
	server *Server
	caller cloud.Caller
	body   []byte     // of the JSON protocol
	form   url.Values // of the query protocol
}

// operation answers a call with what its protocol encodes.
type operation func(*request) (any, error)

// jsonServices are the services of protocol "AWS JSON 1.1", by the prefix of the header that names the operation.
// https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
var jsonServices = map[string]map[string]operation{
	"AmazonEC2ContainerServiceV20141113": {
		"DescribeServices":       describeServices,
		"DescribeTaskDefinition": describeTaskDefinition,
		"DescribeTasks":          describeTasks,
		"ListTasks":              listTasks,
	},
	"CertificateManager": {"DescribeCertificate": describeCertificate, "ListCertificates": listCertificates},
	"Logs_20140328":      {"GetLogEvents": getLogEvents},
}

// queryService is a service of protocol "AWS query".
type queryService struct {
	namespace  string
	operations map[string]operation
}

// queryServices are those services, by the version of their API.
// https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
var queryServices = map[string]queryService{
	"2011-06-15": {"https://sts.amazonaws.com/doc/2011-06-15/", map[string]operation{
		"AssumeRole":                assumeRole,
		"AssumeRoleWithWebIdentity": assumeRoleWithWebIdentity,
		"GetCallerIdentity":         getCallerIdentity,
	}},
	"2015-12-01": {"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/", map[string]operation{
		"DescribeAccountLimits":        describeAccountLimits,
		"DescribeListenerCertificates": describeListenerCertificates,
		"DescribeListeners":            describeListeners,
		"DescribeLoadBalancers":        describeLoadBalancers,
		"DescribeRules":                describeRules,
		"DescribeTags":                 describeTags,
		"DescribeTargetHealth":         describeTargetHealth,
	}},
}

// maxBody is more than any request is long that is answered here.
const maxBody = 1 << 20

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if subtle.ConstantTimeCompare([]byte(strings.Trim(r.URL.Path, "/")), []byte(s.Token)) != 1 {
		http.Error(w, "ask at the address that `localcloud env` prints", http.StatusNotFound)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "read request: "+err.Error(), http.StatusBadRequest)
		return
	}
	req := &request{Request: r, server: s, body: body}
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		req.answerJSON(w, target)
		return
	}
	if req.form, err = url.ParseQuery(string(body)); err != nil {
		http.Error(w, "read request: "+err.Error(), http.StatusBadRequest)
		return
	}
	req.answerQuery(w)
}

func (r *request) answerJSON(w http.ResponseWriter, target string) {
	service, name, _ := strings.Cut(target, ".")
	var out any
	do, known := jsonServices[service][name]
	err := error(cloud.Errorf("UnknownOperationException", "%s is not modelled by the local cloud", target))
	if known {
		out, err = r.do(do)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("X-Amzn-Requestid", rand.Text())
	if err != nil {
		refusal := refusalOf(err)
		w.WriteHeader(statusOf(refusal))
		out = map[string]string{"__type": refusal.Code, "message": refusal.Message}
	}
	_ = json.NewEncoder(w).Encode(out) // or the client is gone
}

func (r *request) answerQuery(w http.ResponseWriter) {
	service := queryServices[r.form.Get("Version")]
	name := r.form.Get("Action")
	var out any
	do, known := service.operations[name]
	err := error(cloud.Errorf("InvalidAction", "Action %s of version %s is not modelled by the local cloud", name, r.form.Get("Version")))
	if known {
		out, err = r.do(do)
	}
	w.Header().Set("Content-Type", "text/xml")
	id := rand.Text()
	answer := answered{
		XMLName: xml.Name{Space: service.namespace, Local: name + "Response"}, Result: result{out, name}, RequestID: id,
	}
	if err != nil {
		refusal := refusalOf(err)
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
func (r *request) do(o operation) (any, error) {
	var err error
	if r.caller, err = r.server.caller(r.Request); err != nil {
		return nil, err
	}
	return o(r)
}

// refusalOf returns what to answer for an error: AWS's own words where they are known.
func refusalOf(err error) *cloud.Error {
	if refusal, ok := errors.AsType[*cloud.Error](err); ok {
		return refusal
	}
	return cloud.Errorf("ValidationError", "%s", err)
}

// statusOf returns the HTTP status that goes with a refusal.
// https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
func statusOf(refusal *cloud.Error) int {
	switch refusal.Code {
	case "AccessDenied", "InvalidClientTokenId":
		return http.StatusForbidden
	}
	return http.StatusBadRequest
}

// decode reads the parameters of a JSON request. One that is not modelled is refused, for it would change the answer.
func (r *request) decode(parameters any) error {
	d := json.NewDecoder(bytes.NewReader(r.body))
	d.DisallowUnknownFields()
	if err := d.Decode(parameters); err != nil {
		return cloud.Errorf("InvalidParameterException", "parameters: %s; what is not known here is not modelled by the local cloud", err)
	}
	return nil
}

// only refuses the parameters of a query request that are not modelled.
func (r *request) only(known ...string) error {
	for _, name := range slices.Sorted(maps.Keys(r.form)) {
		if name != "Action" && name != "Version" && !slices.Contains(known, parameter(name)) {
			return cloud.Errorf("ValidationError", "Parameter %s of %s is not modelled by the local cloud", name, r.form.Get("Action"))
		}
	}
	return nil
}

// view calls f with what is in the cloud.
func (r *request) view(f func(*cloud.Tx) error) error {
	var err error
	r.server.Store.View(func(tx *cloud.Tx) { err = f(tx) })
	return err
}

// may refuses what the caller may not look at.
func (r *request) may(tx *cloud.Tx, look iam.Look) error { return look.May(tx, r.caller) }
