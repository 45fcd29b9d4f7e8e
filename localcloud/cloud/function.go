package cloud

// Function declares one function: a question to the cloud that changes nothing. A is the struct its arguments decode into.
type Function[A any] struct {
	// Token is the engine's name of the function, such as "aws:index/getRegion:getRegion".
	Token string
	// Needs has the permissions that a caller needs.
	Needs Needs
	Call  func(c *Call, args *A) (Map, error)
}

// FunctionSpec has the facts about a function, without its answer.
type FunctionSpec struct {
	Token string
	Needs Needs
}

// Functions returns the specs of the functions among members, which are kinds and functions.
func Functions(members ...any) []*FunctionSpec {
	var out []*FunctionSpec
	for _, m := range members {
		if f, ok := m.(function); ok {
			out = append(out, f.spec())
		}
	}
	return out
}

type function interface {
	spec() *FunctionSpec
	call(c *Call, args Map) (Map, error)
}

func (f *Function[A]) spec() *FunctionSpec { return &FunctionSpec{Token: f.Token, Needs: f.Needs} }

func (f *Function[A]) call(c *Call, args Map) (Map, error) {
	a, err := Decode[A](args)
	if err != nil {
		return nil, err
	}
	return f.Call(c, a)
}
