//go:build !unix

package gitmirror

import "os/exec"

// contain leaves the default: git is killed with the context, and its helpers end when their pipes close.
func contain(*exec.Cmd) {}

func sweep(*exec.Cmd) {}
