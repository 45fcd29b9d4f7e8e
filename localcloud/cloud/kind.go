package cloud

import (
	"cmp"
	"time"
)

// Spec is what there is to know of a kind besides what it does. Only Token is needed; nil or zero means the default.
type Spec struct {
	// Token is the engine's name of the kind, such as "aws:ec2/vpc:Vpc".
	Token string
	// Label is the service's name of it in error messages, such as "EC2 VPC".
	Label string
	// Needs says what a caller must be allowed; nil where no caller works on the kind.
	Needs Needs
	// Global says that the kind has one namespace for all regions of an account.
	Global bool
	// Defaults are the values of inputs that were not given.
	Defaults Map
	// AutoName says how a resource is named that the program left unnamed; nil if the program must name it.
	AutoName *AutoName
	// Replace lists the inputs that cannot change on a living resource.
	Replace []string
	// DeleteBeforeReplace says that a replacement cannot live beside what it replaces.
	DeleteBeforeReplace bool
	// Derived returns outputs that follow from the inputs and the caller at each creation and update, such as all tags.
	Derived func(c *Call) Map
	// Filled are outputs that the real provider fills in where neither the program nor the cloud says anything.
	Filled Map
	// JSON lists the inputs that are JSON texts: the real provider gives them back compact and with sorted keys.
	JSON []string
	// Whole returns the inputs with what the real provider adds to them before it compares; nil for nothing.
	Whole func(inputs Map) Map
	// Computed lists the inputs that the service chooses where the program does not: one that the program no longer gives
	// stays as it is.
	Computed []string
	// Sets lists the inputs that are lists in which order means nothing.
	Sets []string
	// Shared lists the inputs that others than programs change too, and that the real provider therefore sends with an update
	// only where the program changes one of them.
	Shared []string
	// Normal returns, by input, the form of a value in which values that mean the same are equal, as do JSON texts that
	// differ in white space. It is given nothing but what Check has accepted.
	Normal map[string]func(v any) any
	// Same reports, by input, whether two values mean the same, where they have no such form. It is given nothing else either.
	Same map[string]func(a, b any) bool
	// Latency is how long the real service takes.
	Latency Latency
	// Patience is how long a deletion is tried again while something still refers to the resource, and an update while something
	// in use keeps the resource as it is. Zero: not at all.
	Patience time.Duration
	// AllOrNothing says that a resource whose Apply fails at its creation is none, for the caller has no id of it yet.
	AllOrNothing bool
	// Forgiven says of a refused deletion that the real provider takes it for one that succeeded. The resource stays, and whoever
	// deletes it by hand is refused.
	Forgiven func(err *Error) bool
	// Alias says what the engine has as the id, where the real provider tells it another one than the resource's own; nil for
	// that.
	Alias *Alias
	// Import says by what id a program imports a resource of the kind; nil where no program makes one.
	Import *Import
	// Drift is what somebody may do to a resource of the kind by hand. Tests do it.
	Drift Drift
	// Gone reports whether a provider that reads the resource takes it for gone, though the service still tells of it.
	Gone func(r *Resource) bool
	// Seen remembers what a read has told the caller, where the real provider does something with that later.
	Seen func(tx *Tx, r *Resource)
	// Alive reports whether a resource counts as something that exists in the cloud; nil where each does. The others are records
	// of what is gone, or was never there to be had.
	Alive func(r *Resource) bool
	// Tagged returns the name and the tags by which the resource can be found, without any where it cannot; nil for its output
	// arn, or else its id, and its output tagsAll.
	Tagged func(r *Resource) (name string, tags map[string]string)
	// Waits are what the real provider waits for after it made or changed a resource, and that can be in vain.
	Waits []Wait
	// NotFound is the refusal of a reference to a resource of this kind that is not there.
	NotFound func(id string) *Error
	// InUse is the refusal of a deletion while another resource refers to this one.
	InUse func(r, by *Resource) *Error
}

// Alias are the outputs by which a resource goes whose id in the engine's state does not say which one it is.
type Alias struct {
	ID  string // the engine has its value as the id
	Own string // its value is the resource's own id
}

// Kind declares one kind of resource. I is the struct its inputs decode into, by json tags, and O the struct of the outputs that it
// computes: those that are no inputs, and inputs that the cloud may choose. O is struct{} where there are none.
type Kind[I, O any] struct {
	Spec

	// Check holds the value rules: what the real provider refuses before it calls the service. An input that is not yet
	// known has Go's zero value here.
	Check func(in *I) []Failure
	// Refs says what the resource refers to. It must be there when this one is created or updated, and stays while this
	// one lives. It is said of the resource alone, whatever else there is.
	Refs func(c *Call, in *I) []Ref
	// Rules refuses what only a look at other resources shows to be wrong, before a creation as before an update.
	Rules func(c *Call, in *I) error
	// Create returns the id of a new resource and computes its outputs. They begin with what the inputs say. A kind without
	// Create is one that the cloud makes by itself and no program can.
	Create func(c *Call, in *I, out *O) (id string, err error)
	// Update computes the outputs of an updated resource anew. They begin as they were before, or as the inputs now say. Nil
	// where they stay so.
	Update func(c *Call, in *I, out *O) error
	// Apply waits for, or brings about, what takes time after the resource has been created or updated. It runs outside a
	// transaction. Its failure leaves the resource in place.
	Apply func(c *Call, in *I) error
	// Release brings about and waits for what must happen before the resource can go, outside a transaction.
	Release func(c *Call, in *I) error
	// Delete refuses, or removes what goes along with the resource, in the transaction that removes it.
	Delete func(c *Call, in *I) error
}

// AutoName is how the engine's provider makes up names: the program's name of the resource and a random suffix.
type AutoName struct {
	// Property is the input that holds the name.
	Property string
	// Max is how long the name may be; zero for no limit.
	Max int
}

// Import is how a program imports a resource: some kinds have ids that nobody could know.
type Import struct {
	// ID returns the id by which a program imports the resource.
	ID func(r *Resource) string
	// Find returns the id of the resource that a program means by another one, or "". Nil where that is the resource's own.
	Find func(tx *Tx, s Scope, id string) string
}

var (
	// ByID is for kinds that are imported by their own ids.
	ByID = &Import{ID: func(r *Resource) string { return r.ID }}
	// NotImported is for kinds that the real provider cannot import.
	NotImported = &Import{}
)

// Drift is what somebody may do to a resource by hand, in AWS's console or Cloudflare's dashboard.
type Drift struct {
	// Change are inputs that are changed; where there is nothing to change, Unchanged says why.
	Change    Map
	Unchanged string
	// Serves says that a service which needs the resource keeps answering after the change.
	Serves bool
	// Left says why nobody deletes the resource. Refused matches the code with which that is refused, for it is in use or goes with
	// another. Where both are empty, it can be deleted.
	Left, Refused string
	// ServesWithout says that a service which needs the resource keeps answering after the deletion.
	ServesWithout bool
}

// Deletable reports whether somebody can delete the resource, whatever that breaks.
func (d Drift) Deletable() bool { return d.Left == "" && d.Refused == "" }

// Latency is how many seconds the real service takes to create, update and delete a resource.
type Latency struct {
	Create float64
	// Update is what Create is where that is short, and a second where it is not, unless said otherwise.
	Update float64
	Delete float64
}

func (l Latency) update() float64 { return cmp.Or(l.Update, min(l.Create, 1)) }

// Needs is what a caller must be allowed for operations on a kind's resources, or for a function.
type Needs interface {
	// Permissions returns what an operation takes, in the order in which the provider asks for it.
	Permissions(c *Call, o Operation) []Permission
}

// Permission is one thing that a caller must be allowed.
type Permission struct {
	// API is the request that asks for it, such as "ec2:CreateVpc", and Action what policies call it: mostly the same.
	API, Action string
	// Resource is the name of what it is about, or "*".
	Resource string
	// Context is what else policies may ask of the request, by the names that they have for it.
	Context map[string]string
	// TagKeys are the keys of the tags that the request sends.
	TagKeys []string
}

// Wait is a wait of the real provider's that can be in vain.
type Wait struct {
	Verb Verb
	// Failure is what the provider says then, with one verb for the resource's id; without one where Whole.
	Failure string
	// Whole says that the kind is this wait and nothing else: in vain, there is no resource.
	Whole bool
}

// Ref is a reference from one resource to another.
type Ref struct {
	// Token is the kind referred to.
	Token string
	// Property names the output that holds Value at the other end; empty for its id.
	Property string
	// Value is the id, or the property's value. No resource has an empty one.
	Value string
	// Optional says that an empty Value refers to nothing, instead of to a resource that cannot be.
	Optional bool
	// Lenient says that the resource need not be there. If it is, it stays.
	Lenient bool
	// Weak says that the resource must be there at creation but may go first.
	Weak bool
}
