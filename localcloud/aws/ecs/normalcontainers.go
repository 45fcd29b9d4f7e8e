package ecs

import (
	"cmp"
	"encoding/json"
	"reflect"
	"slices"

	"slipway/localcloud/aws/internal/untyped"
	"slipway/localcloud/cloud"
)

// normalContainers writes container definitions so that two texts have one form that ECS answers with the same: the order of
// containers, of their environment and of their secrets does not matter, nor whether a default is given.
// terraform-provider-aws, internal/service/ecs, containerDefinitionsAreEquivalent
func normalContainers(v any) any {
	text, _ := v.(string)
	var containers []cloud.Map
	if err := json.Unmarshal([]byte(text), &containers); err != nil {
		return v // nothing, or what Check refuses
	}
	for _, c := range containers {
		if c["essential"] == nil {
			c["essential"] = true
		}
		if c["cpu"] == 0.0 {
			delete(c, "cpu")
		}
		if h, ok := c["healthCheck"].(cloud.Map); ok {
			for property, value := range map[string]float64{"interval": 30, "retries": 3, "timeout": 5} {
				if h[property] == nil {
					h[property] = value
				}
			}
		}
		ports, _ := c["portMappings"].([]any)
		for _, p := range ports {
			p, _ := p.(cloud.Map)
			if p["protocol"] == "tcp" {
				delete(p, "protocol")
			}
			if p["hostPort"] == 0.0 || p["hostPort"] == p["containerPort"] { // they are the same in network mode awsvpc
				delete(p, "hostPort")
			}
		}
		for _, property := range []string{"environment", "secrets"} {
			if list, ok := c[property].([]any); ok {
				slices.SortFunc(list, func(a, b any) int { return cmp.Compare(untyped.JSON(a), untyped.JSON(b)) })
			}
		}
		for property, value := range c {
			if l := reflect.ValueOf(value); value == nil || l.Kind() == reflect.Slice && l.Len() == 0 {
				delete(c, property)
			}
		}
	}
	slices.SortFunc(containers, func(a, b cloud.Map) int { return cmp.Compare(untyped.JSON(a["name"]), untyped.JSON(b["name"])) })
	return untyped.JSON(containers)
}
