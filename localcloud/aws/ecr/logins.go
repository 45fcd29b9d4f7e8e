package ecr

import (
	"crypto/rand"
	"sync"
	"time"

	"slipway/localcloud/cloud"
)

// loginLifetime is how long a password is good.
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_AuthorizationData.html
const loginLifetime = 12 * time.Hour

// Logins are the passwords with which clients of the registry are callers of AWS.
type Logins struct {
	mu     sync.Mutex
	issued map[string]login // by password
}

type login struct {
	caller  cloud.Caller
	expires time.Time
}

// New makes a password for a caller.
func (l *Logins) New(caller cloud.Caller) (password string, expires time.Time) {
	now := time.Now()
	password, expires = rand.Text()+rand.Text(), now.Add(loginLifetime)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.issued == nil {
		l.issued = map[string]login{}
	}
	for old, made := range l.issued {
		if !now.Before(made.expires) {
			delete(l.issued, old)
		}
	}
	l.issued[password] = login{caller, expires}
	return password, expires
}

// Caller returns whose password it is.
func (l *Logins) Caller(password string) (cloud.Caller, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	made, ok := l.issued[password]
	return made.caller, ok && time.Now().Before(made.expires)
}
