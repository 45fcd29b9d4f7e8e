package components

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components/mocks"
)

func certificate(hostnames ...string) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := NewCertificate(ctx, "dev", &CertificateArgs{Hostnames: hostnames, ZoneID: pulumi.String("zone-of-example.com"), Zone: "example.com", Comment: "test"})
		return err
	}
}

func TestCertificate(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(certificate("hello.example.com")); err != nil {
		t.Fatal(err)
	}
	// The record is what ACM asks for, with its name in the zone, without trailing dots, and never proxied.
	cloud.Expect(t, `
slipway:index:Certificate dev
aws:acm/certificate:Certificate dev {"domainName":"hello.example.com","subjectAlternativeNames":["hello.example.com"],"validationMethod":"DNS"}
cloudflare:index/record:Record hello.example.com {"allowOverwrite":true,"comment":"test","content":"_value.hello.example.com.acm-validations.aws","name":"_name.hello","proxied":false,"ttl":60,"type":"CNAME","zoneId":"zone-of-example.com"}
aws:acm/certificateValidation:CertificateValidation dev {"certificateArn":"arn:Certificate/dev","validationRecordFqdns":["_name.hello.example.com"]}
`)
}

// A wildcard shares the record of the name that it is below, and a name that it covers needs none. The order of the host names makes no
// difference.
func TestCertificateForSeveralNames(t *testing.T) {
	t.Parallel()
	for _, hostnames := range [][]string{
		{"example.com", "*.example.com", "b.c.example.com"},
		{"b.c.example.com", "*.example.com", "example.com", "b.c.example.com", "covered.example.com"},
	} {
		var cloud mocks.Cloud
		if err := cloud.Run(certificate(hostnames...)); err != nil {
			t.Fatal(err)
		}
		cloud.Expect(t, `
slipway:index:Certificate dev
aws:acm/certificate:Certificate dev {"domainName":"*.example.com","subjectAlternativeNames":["*.example.com","b.c.example.com","example.com"],"validationMethod":"DNS"}
cloudflare:index/record:Record b.c.example.com {"allowOverwrite":true,"comment":"test","content":"_value.b.c.example.com.acm-validations.aws","name":"_name.b.c","proxied":false,"ttl":60,"type":"CNAME","zoneId":"zone-of-example.com"}
cloudflare:index/record:Record example.com {"allowOverwrite":true,"comment":"test","content":"_value.example.com.acm-validations.aws","name":"_name","proxied":false,"ttl":60,"type":"CNAME","zoneId":"zone-of-example.com"}
aws:acm/certificateValidation:CertificateValidation dev {"certificateArn":"arn:Certificate/dev","validationRecordFqdns":["_name.b.c.example.com","_name.example.com"]}
`)
	}
}

// The preview has the records although ACM's answer is not known yet: none is registered inside an Apply.
func TestCertificatePreviewHasItsRecords(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Preview(certificate("a.example.com", "b.example.com")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.example.com", "b.example.com"} {
		record := cloud.Resource("cloudflare:index/record:Record", name)
		if _, known := record.Inputs["content"]; record.Inputs == nil || known {
			t.Errorf("record %s is %v, want it with unknown content", name, record.Inputs)
		}
	}
}

// A name of the certificate changes: the listener gets the new certificate before the old one is deleted.
func TestCertificateIsCreatedBeforeDelete(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(certificate("a.example.com")); err != nil {
		t.Fatal(err)
	}
	if cloud.Resource("aws:acm/certificate:Certificate", "dev").RPC.GetDeleteBeforeReplace() {
		t.Error("the certificate is deleted before it is replaced")
	}
}

// More names than one certificate takes make several certificates, which share the record of a common domain.
func TestCertificateForManyNames(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 11 {
		names = append(names, fmt.Sprintf("n%02d.example.com", i))
	}
	names = append(names, "*.n00.example.com") // sorted before n00
	var cloud mocks.Cloud
	if err := cloud.Run(certificate(names...)); err != nil {
		t.Fatal(err)
	}
	certificates, records := 0, 0
	for _, r := range cloud.Resources() {
		switch r.Type {
		case "aws:acm/certificateValidation:CertificateValidation":
			certificates++
		case "cloudflare:index/record:Record":
			records++
		}
	}
	if certificates != 2 || records != 11 {
		t.Errorf("%d certificates and %d records", certificates, records)
	}
	if got, want := fmt.Sprint(cloud.Resource("aws:acm/certificate:Certificate", "dev/n09.example.com").Inputs["subjectAlternativeNames"].Mappable()), "[n09.example.com n10.example.com]"; got != want {
		t.Errorf("the second certificate is for %s, want %s", got, want)
	}
}

// A renamed stack keeps the record: its name is only the domain. It once had the stack's name too.
func TestValidationRecordIsNamedByItsDomain(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(certificate("a.example.com")); err != nil {
		t.Fatal(err)
	}
	aliases := cloud.Resource("cloudflare:index/record:Record", "a.example.com").RPC.GetAliases()
	if len(aliases) == 0 || aliases[0].GetSpec().GetName() != "dev/a.example.com" {
		t.Errorf("the record has the aliases %v", aliases)
	}
}

func TestCertificateRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args *CertificateArgs
		want string
	}{
		"no args":         {nil, "args are missing"},
		"no zone id":      {&CertificateArgs{Hostnames: []string{"a.example.com"}, Zone: "example.com"}, "id and name are both needed"},
		"no zone":         {&CertificateArgs{Hostnames: []string{"a.example.com"}, ZoneID: pulumi.String("zone")}, "id and name are both needed"},
		"no names":        {&CertificateArgs{ZoneID: pulumi.String("zone"), Zone: "example.com"}, "no host name"},
		"long names only": {&CertificateArgs{ZoneID: pulumi.String("zone"), Zone: "example.com", Hostnames: []string{strings.Repeat("a", 63) + ".example.com"}}, "at most 64"},
	} {
		var cloud mocks.Cloud
		err := cloud.Run(func(ctx *pulumi.Context) error {
			_, err := NewCertificate(ctx, "dev", test.args)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, test.want)
		}
		cloud.Expect(t, "")
	}
}
