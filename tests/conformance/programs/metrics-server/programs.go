//go:build programs

// Package programs names the commands that are built, so that `go mod tidy` keeps what they need.
package programs

import _ "sigs.k8s.io/metrics-server/cmd/metrics-server"
