// Package cloud is the heart of the local cloud: a store of everything that is alive in it, and a table of kinds with their rules,
// references and results. It knows neither AWS nor Pulumi's protocol: packages aws and cloudflare declare the kinds, package provider
// speaks to the engine, package runtime makes things really happen.
package cloud
