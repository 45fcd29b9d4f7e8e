package daemon

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"slipway/localcloud/fault"
)

// Status has everything that is alive in the cloud, in the form of `localcloud status --json`.
type Status struct {
	// Resources is everything alive, what AWS makes by itself included.
	Resources []Resource `json:"resources"`
	// Endpoints are the addresses at which load balancers answer, HTTPS first.
	Endpoints []Endpoint `json:"endpoints"`
	Services  []Service  `json:"services"`
	Alarms    []Alarm    `json:"alarms"`
	// Executions are the last runs of state machines, such as those of scheduled jobs, the oldest first.
	Executions []Execution `json:"executions"`
	DNS        []Record    `json:"dns"`
	// Problems prevent the cloud from doing what it should, such as a port that another program has.
	Problems []string `json:"problems"`
	// Tasks says where tasks are: in the network of their VPC, or why not.
	Tasks string `json:"tasks"`
	// Faults are what makes operations fail on purpose.
	Faults []fault.Planned `json:"faults"`
	// CAFile is the certificate to trust, for curl's --cacert.
	CAFile string `json:"caFile"`
}

// Resource is one thing alive.
type Resource struct {
	Type string `json:"type"`
	ID   string `json:"id"`
	Name string `json:"name"`
	// Plain says that it is stored without a model.
	Plain bool `json:"plain,omitempty"`
	// ByHand says that no stack made it, and that it is not left over.
	ByHand bool `json:"byHand,omitempty"`
}

// Endpoint is a listener of a load balancer and a host name that leads to it.
type Endpoint struct {
	URL      string `json:"url"`
	Hostname string `json:"hostname"`
}

// Service is an ECS service.
type Service struct {
	Name        string       `json:"name"`
	Desired     int          `json:"desired"`
	Running     int          `json:"running"`
	Deployments []Deployment `json:"deployments"`
	// Steady says that the service has as many healthy tasks of its newest deployment as it should, and no others.
	Steady bool `json:"steady"`
	// Events are the last things that happened to the service, as ECS words them, the newest last.
	Events []string `json:"events"`
}

// Deployment is one of a service's deployments.
type Deployment struct {
	ID             string `json:"id"`
	Status         string `json:"status"`
	RolloutState   string `json:"rolloutState"`
	TaskDefinition string `json:"taskDefinition"`
}

// Alarm is a CloudWatch alarm.
type Alarm struct {
	Name string `json:"name"`
	// State is OK, ALARM or INSUFFICIENT_DATA, and Reason why, as CloudWatch words it.
	State  string `json:"state"`
	Reason string `json:"reason"`
}

// Execution is a run of a state machine.
type Execution struct {
	StateMachine string    `json:"stateMachine"`
	Status       string    `json:"status"`
	Error        string    `json:"error,omitempty"`
	StartedAt    time.Time `json:"startedAt"`
}

// Record is a DNS record.
type Record struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Content string `json:"content"`
}

func (s *Status) sort() {
	slices.SortFunc(s.Resources, func(a, b Resource) int {
		if a.Plain != b.Plain {
			if b.Plain {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.ID, b.ID))
	})
	slices.SortFunc(s.DNS, func(a, b Record) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Type, b.Type)) })
	slices.SortFunc(s.Services, func(a, b Service) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(s.Executions, func(a, b Execution) int { return a.StartedAt.Compare(b.StartedAt) })
	slices.SortFunc(s.Alarms, func(a, b Alarm) int { return cmp.Compare(a.Name, b.Name) })
}

// Print writes the status as tables.
func (s *Status) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	section := func(header string, n int) bool {
		if n > 0 {
			fmt.Fprintln(t, header)
		}
		return n > 0
	}
	if section("PROBLEM", len(s.Problems)) {
		for _, p := range s.Problems {
			fmt.Fprintln(t, p)
		}
		fmt.Fprintln(t)
	}
	if s.Tasks != "" {
		fmt.Fprintf(t, "TASKS\n%s\n\n", s.Tasks)
	}
	if section("FAULT\tOPERATIONS\tHITS", len(s.Faults)) {
		for _, f := range s.Faults {
			fmt.Fprintf(t, "%d %s\t%s\t%d\n", f.ID, f.Mode, f.Operations(), len(f.Hits))
		}
		fmt.Fprintln(t)
	}
	if section("ENDPOINT\tHOSTNAME", len(s.Endpoints)) {
		for _, e := range s.Endpoints {
			fmt.Fprintf(t, "%s\t%s\n", e.URL, e.Hostname)
		}
		fmt.Fprintln(t)
	}
	if section("SERVICE\tDESIRED\tRUNNING\tDEPLOYMENT\tSTATE\tTASK DEFINITION", len(s.Services)) {
		for _, svc := range s.Services {
			for i, d := range svc.Deployments {
				name, desired, running := svc.Name, fmt.Sprint(svc.Desired), fmt.Sprint(svc.Running)
				if i > 0 {
					name, desired, running = "", "", ""
				}
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", name, desired, running, d.Status, d.RolloutState, d.TaskDefinition)
			}
		}
		fmt.Fprintln(t)
	}
	if section("EVENT", len(s.Services)) {
		for _, svc := range s.Services {
			for _, e := range svc.Events {
				fmt.Fprintln(t, e)
			}
		}
		fmt.Fprintln(t)
	}
	if section("ALARM\tSTATE\tREASON", len(s.Alarms)) {
		for _, a := range s.Alarms {
			fmt.Fprintf(t, "%s\t%s\t%s\n", a.Name, a.State, a.Reason)
		}
		fmt.Fprintln(t)
	}
	if section("EXECUTION\tSTATUS\tERROR\tSTARTED", len(s.Executions)) {
		for _, e := range s.Executions {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", e.StateMachine, e.Status, cmp.Or(e.Error, "-"), e.StartedAt.Format(time.DateTime))
		}
		fmt.Fprintln(t)
	}
	if section("RECORD\tTYPE\tCONTENT", len(s.DNS)) {
		for _, r := range s.DNS {
			fmt.Fprintf(t, "%s\t%s\t%s\n", r.Name, r.Type, r.Content)
		}
		fmt.Fprintln(t)
	}
	printResources(t, s.Resources)
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print status: %w", err)
	}
	return nil
}

// printResources lists modelled resources and, separately, those that are only stored.
func printResources(w io.Writer, resources []Resource) {
	header := func(r Resource) string {
		if r.Plain {
			return "KEPT AS TOLD, NOT MODELLED\tNAME\tID"
		}
		return "RESOURCE\tNAME\tID"
	}
	if len(resources) == 0 {
		fmt.Fprintln(w, "Nothing is alive in the local cloud.")
	}
	last := ""
	for _, r := range resources {
		if h := header(r); h != last {
			if last != "" {
				fmt.Fprintln(w)
			}
			fmt.Fprintln(w, h)
			last = h
		}
		name := r.Name
		if name == r.ID {
			name = "" // it has none, and the column would be as wide as the longest id
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", r.Type, name, r.ID)
	}
}
