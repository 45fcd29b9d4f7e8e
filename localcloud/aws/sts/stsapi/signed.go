package stsapi

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"slipway/localcloud/cloud"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Session makes temporary credentials for a caller.
func (s *STS) Session(caller cloud.Caller, lifetime time.Duration) (accessKeyID, secretAccessKey, sessionToken string) {
	made := s.remember(caller, lifetime)
	return made.AccessKeyID, made.SecretAccessKey, made.SessionToken
}

// Signer finds out who calls by the signature of the request: only who has the secret key of a session can make it. Other than [STS.Caller],
// it takes nobody for a root.
func (s *STS) Signer(r *http.Request) (cloud.Caller, error) {
	found := credential.FindStringSubmatch(r.Header.Get("Authorization"))
	if found == nil {
		return cloud.Caller{}, cloud.Errorf("MissingAuthenticationToken", "Request is missing Authentication Token")
	}
	made, err := s.of(found[1])
	if err != nil {
		return cloud.Caller{}, err
	}
	if subtle.ConstantTimeCompare([]byte(r.Header.Get("X-Amz-Security-Token")), []byte(made.token)) != 1 {
		return cloud.Caller{}, errInvalidToken()
	}
	if err := made.verify(r, found[1]); err != nil {
		return cloud.Caller{}, err
	}
	caller := made.caller
	caller.Scope.Region = found[2]
	return caller, nil
}

// The parts of a signature.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
var (
	signedHeaders = regexp.MustCompile(`SignedHeaders=([a-z0-9;-]+)`)
	signedService = regexp.MustCompile(`Credential=[^/,\s]+/\d{8}/[a-z0-9-]+/([a-z0-9-]+)/aws4_request`)
	signature     = regexp.MustCompile(`Signature=([0-9a-f]{64})`)
)

const (
	amzDate = "20060102T150405Z"
	// maxSkew is how far the clocks of a client and of AWS may be apart.
	maxSkew = 15 * time.Minute
	// maxSigned is how much of a body without a sum in its headers is read.
	maxSigned = 8 << 20
)

// verify signs the request again, with the headers that its signature names, and compares.
func (made session) verify(r *http.Request, key string) error {
	authorization := r.Header.Get("Authorization")
	headers, service, given := signedHeaders.FindStringSubmatch(authorization), signedService.FindStringSubmatch(authorization), signature.FindStringSubmatch(authorization)
	at, err := time.Parse(amzDate, r.Header.Get("X-Amz-Date"))
	if headers == nil || service == nil || given == nil || err != nil {
		return cloud.Errorf("IncompleteSignature", "The request signature does not conform to AWS standards.")
	}
	if skew := time.Since(at).Abs(); skew > maxSkew {
		return cloud.Errorf("SignatureDoesNotMatch", "Signature expired: %s is more than %s away", r.Header.Get("X-Amz-Date"), maxSkew)
	}
	sum := r.Header.Get("X-Amz-Content-Sha256")
	if sum == "" {
		body, err := io.ReadAll(io.LimitReader(r.Body, maxSigned))
		if err != nil {
			return err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		hash := sha256.Sum256(body)
		sum = hex.EncodeToString(hash[:])
	}
	signed, err := url.ParseRequestURI(r.RequestURI) // as it was sent: handlers take the beginnings of paths away
	if err != nil {
		return err
	}
	again := &http.Request{Method: r.Method, URL: signed, Host: r.Host, Header: http.Header{}}
	for name := range strings.SplitSeq(headers[1], ";") {
		switch name {
		case "host":
		case "content-length":
			again.ContentLength = r.ContentLength
		default:
			again.Header[http.CanonicalHeaderKey(name)] = r.Header.Values(name)
		}
	}
	credentials := aws.Credentials{AccessKeyID: key, SecretAccessKey: made.secret, SessionToken: made.token}
	region := credential.FindStringSubmatch(authorization)[2]
	err = v4.NewSigner().SignHTTP(r.Context(), credentials, again, sum, service[1], region, at, func(o *v4.SignerOptions) {
		o.DisableURIPathEscaping = service[1] == "s3"
	})
	if err != nil {
		return err
	}
	if want := signature.FindStringSubmatch(again.Header.Get("Authorization")); want == nil || subtle.ConstantTimeCompare([]byte(want[1]), []byte(given[1])) != 1 {
		return cloud.Errorf("SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.")
	}
	return nil
}
