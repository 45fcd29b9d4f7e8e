package spec

import (
	"fmt"
	"strings"
	"testing"
)

func TestSecretReference(t *testing.T) {
	t.Parallel()
	const secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:"
	const parameter = "arn:aws:ssm:eu-central-1:123456789012:parameter"
	for reference, want := range map[string]string{ // the ARN, or after "!" a part of the error
		secret + "db-AbCdEf":                                             secret + "db-AbCdEf",
		secret + "db-AbCdEf:url::":                                       secret + "db-AbCdEf",
		secret + "db-AbCdEf:ssm::":                                       secret + "db-AbCdEf",
		secret + "db-AbCdEf::AWSPREVIOUS:":                               secret + "db-AbCdEf",
		secret + "team/db.1+2=3@x-AbCdEf:url::terraform-1":               secret + "team/db.1+2=3@x-AbCdEf",
		secret + "rds!cluster-0123-AbCdEf:password::":                    secret + "rds!cluster-0123-AbCdEf",
		strings.Replace(secret, "arn:aws", "arn:aws-cn", 1) + "a-AbCdEf": strings.Replace(secret, "arn:aws", "arn:aws-cn", 1) + "a-AbCdEf",
		parameter + "/flag":                                              parameter + "/flag",
		parameter + "/app/prod/flag_1.2-3":                               parameter + "/app/prod/flag_1.2-3",

		"":                                 "!must be the ARN of a parameter",
		"db":                               "!must be the ARN of a parameter",
		secret + "db":                      "!whole ARN of a secret with its six random characters",
		secret + "db-AbCdEf:url":           "!with :key:stage:version",
		secret + "db-AbCdEf:url:":          "!with :key:stage:version",
		secret + "db-AbCdEf:::":            secret + "db-AbCdEf", // means the whole value
		secret + "db-AbCdEf::::":           "!with :key:stage:version",
		secret + "db-AbCdEf::AWSCURRENT:1": "!exclude each other",
		secret + "db-AbCdEf:a\nb::":        "!with :key:stage:version",
		secret + "db-AbCdEf:" + strings.Repeat("k", 257) + "::": "!of more than 256 characters",
		secret + strings.Repeat("x", 513) + "-AbCdEf":           "!must be the ARN",
		"arn:aws:s3:::bucket":                                   "!must be the ARN of a parameter",
		parameter:                                               "!must be a parameter's whole ARN",
		parameter + "/":                                         "!must be a parameter's whole ARN",
		parameter + "//flag":                                    "!must be a parameter's whole ARN",
		parameter + "/flag:3":                                   "!must be a parameter's whole ARN",
		parameter + "/" + strings.Repeat("x", 1000):             "!must be a parameter's whole ARN",
	} {
		err := SecretReference(reference).Check()
		words, refused := strings.CutPrefix(want, "!")
		switch {
		case refused && (err == nil || !strings.Contains(err.Error(), words)):
			t.Errorf("%s: %v, want %q", reference, err, words)
		case !refused && err != nil:
			t.Errorf("%s: %v", reference, err)
		case !refused && SecretReference(reference).ARN() != want:
			t.Errorf("%s is of %s, want %s", reference, SecretReference(reference).ARN(), want)
		}
		if isParameter := strings.HasPrefix(reference, parameter); SecretReference(reference).IsParameter() != isParameter {
			t.Errorf("%s is a parameter: %t", reference, !isParameter)
		}
	}
}

// A role's policies have a limit, and so has how many secrets it may read one by one.
func TestTooManySecrets(t *testing.T) {
	t.Parallel()
	named := func(n int, key string) Workload {
		w := Workload{SecretsFrom: make(map[string]SecretReference)}
		for i := range n {
			w.SecretsFrom[fmt.Sprint("V", i)] = SecretReference(fmt.Sprintf("arn:aws:secretsmanager:eu-central-1:123456789012:secret:db%s-AbCdEf:k%d::",
				strings.ReplaceAll(key, "#", fmt.Sprint(i)), i))
		}
		return w
	}
	if found := named(200, "").secretsFromProblems(); len(found) > 0 {
		t.Errorf("keys of one secret: %v", found)
	}
	if found := named(25, "#").secretsFromProblems(); len(found) > 0 {
		t.Errorf("25 secrets: %v", found)
	}
	if err := named(60, "#").secretsFromProblems().Err(); err == nil || !strings.Contains(err.Error(), "secretsFrom: names 60 secrets and parameters, more than") {
		t.Errorf("60 secrets: %v", err)
	}
}
