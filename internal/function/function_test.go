package function

import (
	"errors"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestError(t *testing.T) {
	t.Parallel()
	plain := errors.New("no such host")
	for _, test := range []struct {
		err  error
		want string
	}{
		{plain, "no such host"},
		{status.Error(codes.Unknown, "reading ECR Images: couldn't find resource"), "reading ECR Images: couldn't find resource"},
		{
			status.Error(codes.Unknown, "invocation of aws:ecr/getImage:getImage returned an error: reading ECR Images: couldn't find resource"),
			"reading ECR Images: couldn't find resource",
		},
	} {
		if got := Error(test.err); got.Error() != test.want {
			t.Errorf("%v is %v, want %s", test.err, got, test.want)
		}
	}
	if !errors.Is(Error(plain), plain) {
		t.Error("another error is not returned")
	}
}
