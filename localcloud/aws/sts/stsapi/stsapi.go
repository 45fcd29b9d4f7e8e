// Package stsapi answers the API of AWS STS.
package stsapi

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"slipway/localcloud/api"
	"slipway/localcloud/aws/sts"
	"slipway/localcloud/cloud"
)

// STS makes temporary credentials, and knows whose they are.
type STS struct {
	Callers *sts.Callers

	mu       sync.Mutex
	sessions map[string]session // by access key
}

// Service answers STS's API.
func (s *STS) Service() api.Service {
	return api.Service{Version: "2011-06-15", Namespace: "https://sts.amazonaws.com/doc/2011-06-15/", Operations: map[string]api.Operation{
		"AssumeRole":                s.assumeRole,
		"AssumeRoleWithWebIdentity": s.assumeRoleWithWebIdentity,
		"GetCallerIdentity":         getCallerIdentity,
	}}
}

// session is what temporary credentials stand for. Its region is that of each request.
type session struct {
	caller        cloud.Caller
	expires       time.Time
	secret, token string
}

func errInvalidToken() error {
	return cloud.Errorf("InvalidClientTokenId", "The security token included in the request is invalid.")
}

// of returns the session that the credentials stand for.
func (s *STS) of(key string) (session, error) {
	s.mu.Lock()
	made, ok := s.sessions[key]
	s.mu.Unlock()
	if !ok || !time.Now().Before(made.expires) {
		return session{}, errInvalidToken()
	}
	return made, nil
}

// ownKeys begins the access keys of the local cloud's temporary credentials, and no others: AWS's have a digit or a capital in every
// place too, but are drawn.
const ownKeys = "ASIALOCAL"

// credential is the part of a signed request with its key, region and service.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
var credential = regexp.MustCompile(`Credential=([^/,\s]+)/\d{8}/([a-z0-9-]+)/[a-z0-9-]+/aws4_request`)

// globalRegion is the region of unsigned requests: those that make the first credentials.
const globalRegion = "us-east-1"

// Caller finds out who calls, by the access key: a session that was made here, or else, as without any role at the provider,
// the root of the default account, whosever key it is.
func (s *STS) Caller(r *http.Request) (cloud.Caller, error) {
	root := cloud.Caller{Scope: cloud.Scope{Account: sts.DefaultAccount, Region: globalRegion}}
	found := credential.FindStringSubmatch(r.Header.Get("Authorization"))
	if found == nil {
		return root, nil
	}
	key, region := found[1], found[2]
	caller := root
	if strings.HasPrefix(key, ownKeys) {
		made, err := s.of(key)
		if err != nil {
			return cloud.Caller{}, err
		}
		caller = made.caller
	}
	caller.Scope.Region = region
	return caller, nil
}

// remember makes temporary credentials for a caller, and forgets those that have expired.
func (s *STS) remember(caller cloud.Caller, lifetime time.Duration) credentials {
	now := time.Now()
	made := session{caller, now.Add(lifetime), rand.Text(), rand.Text()}
	key := ownKeys + rand.Text()[:11]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions == nil {
		s.sessions = map[string]session{}
	}
	for k, old := range s.sessions {
		if !now.Before(old.expires) {
			delete(s.sessions, k)
		}
	}
	s.sessions[key] = made
	return credentials{AccessKeyID: key, SecretAccessKey: made.secret, SessionToken: made.token, Expiration: made.expires.UTC().Format(time.RFC3339)}
}

// https://docs.aws.amazon.com/STS/latest/APIReference/API_Credentials.html
type credentials struct {
	AccessKeyID     string `xml:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string
	Expiration      string
}

type assumedRole struct {
	AssumedRoleUser struct {
		ARN           string `xml:"Arn"`
		AssumedRoleID string `xml:"AssumedRoleId"`
	}
	Credentials credentials
}

// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
func (s *STS) assumeRole(r *api.Request) (any, error) {
	option, err := role(r, "ExternalId")
	if err != nil {
		return nil, err
	}
	option["externalId"] = r.Form.Get("ExternalId")
	who, err := s.Callers.AssumeRole(r.Caller, option)
	return s.assumed(r, who, err)
}

// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
func (s *STS) assumeRoleWithWebIdentity(r *api.Request) (any, error) {
	option, err := role(r, "WebIdentityToken")
	if err != nil {
		return nil, err
	}
	option["webIdentityToken"] = r.Form.Get("WebIdentityToken")
	who, err := s.Callers.AssumeRoleWithWebIdentity(r.Caller.Scope.Region, option)
	return s.assumed(r, who, err)
}

// role returns the requested role in the form of the provider's options.
func role(r *api.Request, own ...string) (cloud.Map, error) {
	if err := r.Only(slices.Concat([]string{"RoleArn", "RoleSessionName", "DurationSeconds"}, own)...); err != nil {
		return nil, err
	}
	option := cloud.Map{"roleArn": r.Form.Get("RoleArn"), "sessionName": r.Form.Get("RoleSessionName")}
	if seconds := r.Form.Get("DurationSeconds"); seconds != "" {
		option["duration"] = seconds + "s"
	}
	return option, nil
}

func (s *STS) assumed(r *api.Request, who cloud.Caller, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	lifetime, err := time.ParseDuration(cmp.Or(r.Form.Get("DurationSeconds"), "3600") + "s")
	if err != nil {
		return nil, err
	}
	out := &assumedRole{Credentials: s.remember(who, lifetime)}
	return out, r.View(func(tx *cloud.Tx) (err error) {
		out.AssumedRoleUser.ARN, out.AssumedRoleUser.AssumedRoleID, err = sts.Identity(tx, who)
		return err
	})
}

// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
func getCallerIdentity(r *api.Request) (any, error) {
	if err := r.Only(); err != nil {
		return nil, err
	}
	var out struct {
		ARN     string `xml:"Arn"`
		UserID  string `xml:"UserId"`
		Account string
	}
	out.Account = r.Caller.Scope.Account
	err := r.View(func(tx *cloud.Tx) (err error) {
		out.ARN, out.UserID, err = sts.Identity(tx, r.Caller)
		return err
	})
	return out, err
}
