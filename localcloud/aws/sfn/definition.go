package sfn

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"slipway/localcloud/cloud"
)

// Machine is a state machine in the Amazon States Language, or a branch of one: the part of the language that is modelled.
// https://states-language.net/spec.html
type Machine struct {
	Comment string           `json:"Comment"`
	StartAt string           `json:"StartAt"`
	States  map[string]State `json:"States"`
}

// State is a state of a machine.
// https://docs.aws.amazon.com/step-functions/latest/dg/workflow-states.html
type State struct {
	Type    string `json:"Type"`
	Comment string `json:"Comment"`
	Next    string `json:"Next"`
	End     bool   `json:"End"`

	// Of a Task.
	Resource   string          `json:"Resource"`
	Parameters json.RawMessage `json:"Parameters"`
	ResultPath string          `json:"ResultPath"`

	Branches []Machine `json:"Branches"` // of a Parallel
	Seconds  int       `json:"Seconds"`  // of a Wait

	// Of a Choice.
	Choices []Choice `json:"Choices"`
	Default string   `json:"Default"`

	// Of a Fail.
	Error string `json:"Error"`
	Cause string `json:"Cause"`

	// Of a Task or a Parallel.
	Retry []Retrier `json:"Retry"`
	Catch []Catcher `json:"Catch"`
}

// Choice is a rule of a Choice state.
type Choice struct {
	Variable  string `json:"Variable"`
	IsPresent *bool  `json:"IsPresent"`
	Next      string `json:"Next"`
}

// Retrier says after which errors a state runs again.
type Retrier struct {
	ErrorEquals     []string `json:"ErrorEquals"`
	IntervalSeconds int      `json:"IntervalSeconds"`
	MaxAttempts     *int     `json:"MaxAttempts"`
	BackoffRate     float64  `json:"BackoffRate"`
}

// Catcher says which state follows after an error.
type Catcher struct {
	ErrorEquals []string `json:"ErrorEquals"`
	ResultPath  string   `json:"ResultPath"`
	Next        string   `json:"Next"`
}

// The resources of Task states that are modelled.
const (
	RunTaskSync = "arn:aws:states:::ecs:runTask.sync"
	ListTasks   = "arn:aws:states:::aws-sdk:ecs:listTasks"
)

// invalid is the refusal of a definition.
// https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html
func invalid(format string, args ...any) error {
	return cloud.Errorf("InvalidDefinition", "Invalid State Machine Definition: '%s'", fmt.Sprintf(format, args...))
}

// Parse reads a definition and refuses one that Step Functions would refuse, or that is not modelled.
func Parse(definition string) (*Machine, error) {
	decoder := json.NewDecoder(bytes.NewReader([]byte(definition)))
	decoder.DisallowUnknownFields()
	m := &Machine{}
	if !json.Valid([]byte(definition)) {
		return nil, invalid("INVALID_JSON_DESCRIPTION: %s", "the definition is not JSON")
	}
	if err := decoder.Decode(m); err != nil {
		return nil, fmt.Errorf("a definition with what is not known here (%w): %w", err, cloud.ErrUnimplemented)
	}
	return m, m.check("")
}

func (m *Machine) check(path string) error {
	if _, there := m.States[m.StartAt]; !there {
		return invalid("MISSING_TRANSITION_TARGET: Missing 'Next' target: %s at %s/StartAt", m.StartAt, path)
	}
	for _, name := range slices.Sorted(maps.Keys(m.States)) {
		if err := m.checkState(path+"/States/"+name, m.States[name]); err != nil {
			return err
		}
	}
	return nil
}

func (m *Machine) checkState(path string, s State) error {
	targets := map[string]string{}
	switch s.Type {
	case "Task":
		if s.Resource != RunTaskSync && s.Resource != ListTasks {
			return fmt.Errorf("resource %q of a Task at %s: %w", s.Resource, path, cloud.ErrUnimplemented)
		}
		if bytes.Contains(s.Parameters, []byte(`.$"`)) {
			return fmt.Errorf("paths in Parameters at %s: %w", path, cloud.ErrUnimplemented)
		}
	case "Parallel":
		if len(s.Branches) == 0 {
			return invalid("SCHEMA_VALIDATION_FAILED: Branches must have at least one at %s", path)
		}
		for i, branch := range s.Branches {
			if err := branch.check(fmt.Sprintf("%s/Branches[%d]", path, i)); err != nil {
				return err
			}
		}
	case "Choice":
		targets["Default"] = s.Default
		for i, choice := range s.Choices {
			if choice.IsPresent == nil {
				return fmt.Errorf("a Choice without IsPresent at %s: %w", path, cloud.ErrUnimplemented)
			}
			targets[fmt.Sprintf("Choices[%d]/Next", i)] = choice.Next
		}
	case "Wait", "Succeed", "Fail":
	default:
		return fmt.Errorf("state type %q at %s: %w", s.Type, path, cloud.ErrUnimplemented)
	}
	if s.Type == "Task" || s.Type == "Parallel" || s.Type == "Wait" {
		if s.End == (s.Next != "") {
			return invalid("SCHEMA_VALIDATION_FAILED: a state has either Next or End at %s", path)
		}
		if !s.End {
			targets["Next"] = s.Next
		}
	}
	for i, c := range s.Catch {
		targets[fmt.Sprintf("Catch[%d]/Next", i)] = c.Next
	}
	for _, field := range slices.Sorted(maps.Keys(targets)) {
		if _, there := m.States[targets[field]]; !there {
			return invalid("MISSING_TRANSITION_TARGET: Missing 'Next' target: %s at %s/%s", targets[field], path, field)
		}
	}
	return nil
}

// Uses reports whether a task of the machine has the resource.
func (m *Machine) Uses(resource string) bool {
	for _, s := range m.States {
		if s.Resource == resource || slices.ContainsFunc(s.Branches, func(b Machine) bool { return b.Uses(resource) }) {
			return true
		}
	}
	return false
}
