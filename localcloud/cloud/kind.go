package cloud

import (
	"cmp"
	"time"
)

// Spec has the facts about a kind, without its behaviour. Only Token is needed; nil or zero means the default.
type Spec struct {
	// Token is the engine's name of the kind, such as "aws:ec2/vpc:Vpc".
	Token string
	// Label is the service's name of it in error messages, such as "EC2 VPC".
	Label string
	// Needs has the permissions that a caller needs; nil if no caller works on the kind.
	Needs Needs
	// Global says that the kind has one namespace for all regions of an account.
	Global bool
	// Defaults are the values of inputs that were not given.
	Defaults Map
	// AutoName says how a resource is named that the program left unnamed; nil if the program must name it.
	AutoName *AutoName
	// Replace lists the inputs that cannot change on a living resource.
	Replace []string
	// DeleteBeforeReplace says that a replacement cannot exist at the same time as the old resource.
	DeleteBeforeReplace bool
	// Derived returns outputs that follow from the inputs and the caller at each creation and update, such as all tags.
	Derived func(c *Call) Map
	// Filled are outputs that the real provider fills in if neither the program nor the cloud gives them.
	Filled Map
	// JSON lists the inputs that are JSON texts: the real provider gives them back compact and with sorted keys.
	JSON []string
	// Whole returns the inputs with the real provider's additions before it compares; nil for none.
	Whole func(inputs Map) Map
	// Computed lists the inputs that the service chooses if the program does not: one that the program no longer gives stays unchanged.
	Computed []string
	// Sets lists the inputs that are lists in which order means nothing.
	Sets []string
	// Shared lists the inputs that AWS or people also change. The real provider therefore sends them with an update only if the program
	// changes one of them.
	Shared []string
	// Normal returns, by input, the form of a value in which values that mean the same are equal, as do JSON texts that
	// differ in white space. It is given nothing but what Check has accepted.
	Normal map[string]func(v any) any
	// Same reports, by input, whether two values mean the same, if they have no such form. It too gets only known values.
	Same map[string]func(a, b any) bool
	// Latency is how long the real service takes.
	Latency Latency
	// Patience is how long a deletion is retried while something still refers to the resource, and an update while something in use
	// prevents it. Zero: not at all.
	Patience time.Duration
	// AllOrNothing says that the resource is removed if Apply fails during its creation, because the caller has no id of it yet.
	AllOrNothing bool
	// Forgiven says that the real provider treats a refused deletion as a success. The resource stays, and a deletion by hand is
	// refused.
	Forgiven func(err *Error) bool
	// Alias returns the engine's id if the real provider gives it another one than the resource's own; nil for that.
	Alias *Alias
	// Import has the id for an import of a resource of the kind; nil if no program makes one, or if the kind is only kept.
	Import *Import
	// Drift has the possible changes of a resource of the kind by hand. Tests make them.
	Drift Drift
	// Gone reports whether a provider that reads the resource takes it for gone, though the service still tells of it.
	Gone func(r *Resource) bool
	// Seen remembers what a read has told the caller, where the real provider does something with that later.
	Seen func(tx *Tx, r *Resource)
	// Alive reports whether a resource counts as something that exists in the cloud; nil where each does. The others are records
	// of what is gone, or was never there to be had.
	Alive func(r *Resource) bool
	// Tagged returns the name and the tags to find the resource by, without tags if it cannot be found; nil for its output arn, or else
	// its id, and its output tagsAll.
	Tagged func(r *Resource) (name string, tags map[string]string)
	// Waits are the real provider's waits after it made or changed a resource, which can fail.
	Waits []Wait
	// NotFound is the refusal of a reference to a resource of this kind that is not there.
	NotFound func(id string) *Error
	// InUse is the refusal of a deletion while another resource refers to this one.
	InUse func(r, by *Resource) *Error
}

// Alias has the outputs that identify a resource whose id in the engine's state does not.
type Alias struct {
	ID  string // the engine has its value as the id
	Own string // its value is the resource's own id
}

// Kind declares one kind of resource. I is the struct its inputs decode into, by json tags, and O the struct of the outputs that it
// computes: those that are not inputs, and inputs that the cloud may choose. O is struct{} if there are none.
type Kind[I, O any] struct {
	Spec

	// Check has the rules for values: the real provider's refusals before it calls the service. An input that is not yet known has Go's
	// zero value here.
	Check func(in *I) []Failure
	// Refs returns the resource's references. Each must exist when this resource is created or updated, and stays while this one lives.
	// They depend only on the resource itself.
	Refs func(c *Call, in *I) []Ref
	// Rules refuses what only a look at other resources shows to be wrong, before a creation as before an update.
	Rules func(c *Call, in *I) error
	// Create returns the id of a new resource and computes its outputs. They begin with the inputs' values. Only the cloud itself makes
	// resources of a kind without Create.
	Create func(c *Call, in *I, out *O) (id string, err error)
	// Update computes the outputs of an updated resource again. They begin with the old outputs and the new inputs. Nil if they stay
	// so.
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

// Import is how a program imports a resource: some kinds have ids that no one could know.
type Import struct {
	// ID returns the id for an import of the resource.
	ID func(r *Resource) string
	// Find returns the id of the resource for an import's id, or "". Nil if both are the same.
	Find func(tx *Tx, s Scope, id string) string
}

var (
	// ByID is for kinds that are imported by their own ids.
	ByID = &Import{ID: func(r *Resource) string { return r.ID }}
	// NotImported is for kinds that the real provider cannot import.
	NotImported = &Import{}
)

// Drift is a change of a resource by hand, in AWS's console or Cloudflare's dashboard.
type Drift struct {
	// Change has the changed inputs; if there is nothing to change, Unchanged says why.
	Change    Map
	Unchanged string
	// Serves says that a service that needs the resource keeps answering after the change.
	Serves bool
	// Left says why the resource is not deleted by hand. Refused matches the code of the refusal, because it is in use or deleted with
	// another. If both are empty, it can be deleted.
	Left, Refused string
	// ServesWithout says that a service that needs the resource keeps answering after the deletion.
	ServesWithout bool
}

// Deletable reports whether the resource can be deleted by hand, even if that breaks something.
func (d Drift) Deletable() bool { return d.Left == "" && d.Refused == "" }

// Latency is how many seconds the real service takes to create, update and delete a resource.
type Latency struct {
	Create float64
	// Update defaults to Create if that is short, and otherwise to a second.
	Update float64
	Delete float64
}

func (l Latency) update() float64 { return cmp.Or(l.Update, min(l.Create, 1)) }

// Needs has the permissions for operations on a kind's resources, or for a function.
type Needs interface {
	// Permissions returns the permissions for an operation, in the order of the provider's calls.
	Permissions(c *Call, o Operation) []Permission
}

// Permission is one thing that a caller must be allowed.
type Permission struct {
	// API is the request, such as "ec2:CreateVpc", and Action its name in policies: mostly the same.
	API, Action string
	// Resource is the name of its resource, or "*".
	Resource string
	// Context is what else policies may ask of the request, by the names that they have for it.
	Context map[string]string
	// TagKeys are the keys of the tags that the request sends.
	TagKeys []string
}

// Wait is a wait of the real provider that can fail.
type Wait struct {
	Verb Verb
	// Failure is the provider's error then, with one verb for the resource's id; without one if Whole.
	Failure string
	// Whole says that the kind is only this wait: if it fails, there is no resource.
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
	// Optional says that an empty Value refers to nothing, instead of to an impossible resource.
	Optional bool
	// Lenient says that the resource need not exist. If it does, it stays.
	Lenient bool
	// Weak says that the resource must exist at creation but may be deleted first.
	Weak bool
}
