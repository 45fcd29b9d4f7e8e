package spec

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var certificatePattern = regexp.MustCompile(`^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[0-9a-f-]{36}$`)

// CheckCertificateARN reports what is not the ARN of a certificate of ACM.
func CheckCertificateARN(arn string) error {
	if !certificatePattern.MatchString(arn) {
		return errors.New("must be the ARN of a certificate of ACM: arn:aws:acm:region:account:certificate/id")
	}
	return nil
}

// FoundCertificate is what ACM says of an existing certificate.
type FoundCertificate struct {
	Status string
	Names  []string
}

// issued is the status of a certificate that can be used (CertificateDetail in ACM's API reference).
const issued = "ISSUED"

// Problems reports why the certificate does not serve the host names.
func (c FoundCertificate) Problems(hostnames []string) Problems {
	var found Problems
	if c.Status != issued {
		found.Add(fmt.Errorf("is %s and not %s, so no load balancer takes it; validate it, or use another one", c.Status, issued), "certificateArn")
	}
	missing := slices.DeleteFunc(slices.Clone(hostnames), func(name string) bool { return slices.Contains(c.Names, name) || coveredBy(name, c.Names) })
	if len(missing) > 0 {
		found.Add(fmt.Errorf("does not have %s; use a certificate with all host names, or leave certificateArn out: then the stack requests its own",
			strings.Join(missing, ", ")), "certificateArn")
	}
	return found
}
