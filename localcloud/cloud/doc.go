// Package cloud is the heart of the local cloud: a store of everything that is alive in it, and a table of kinds that says what
// each may look like, what it refers to and what becomes of it. It knows neither AWS nor Pulumi's protocol: packages aws and
// cloudflare declare the kinds, package provider speaks to the engine, package runtime makes things really happen.
package cloud
