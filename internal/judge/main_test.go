package judge_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/formats"
	"github.com/gatehouse-dev/gatehouse/internal/judge"
	"github.com/gatehouse-dev/gatehouse/internal/render"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
	"github.com/gatehouse-dev/gatehouse/internal/sandbox"
	"github.com/gatehouse-dev/gatehouse/policies"
)

const version = "test"

// TestMain lets the test binary be its own worker: the real one, but for requests in which one of the words below stands.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == sandbox.Argument {
		worker := judge.NewWorker(policies.FS, version)
		err := sandbox.ServeWith(os.Stdin, os.Stdout, func(parent *sandbox.Parent, request []byte) []byte {
			if answer, ok := misbehave(parent, request); ok {
				return answer
			}
			if answer, ok := worker.Answer(parent, request); ok {
				return answer
			}
			if answer, ok := formats.Answer(request); ok {
				return answer
			}
			if answer, ok := rules.AnswerProposal(context.Background(), policies.FS, formats.Parse, request); ok {
				return answer
			}
			return render.Answer(request)
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// What a worker that hostile input has taken over could do. The words are titles of pull requests.
const (
	exits      = "MISBEHAVE: exits"
	garbage    = "MISBEHAVE: answers garbage"
	strange    = "MISBEHAVE: answers JSON with a key too many"
	huge       = "MISBEHAVE: answers without end"
	hangs      = "MISBEHAVE: hangs"
	snoops     = "MISBEHAVE: asks for a tree that is not there"
	floods     = "MISBEHAVE: asks with a question that is no question"
	exitsFirst = "MISBEHAVE: exits the first time"
)

func misbehave(parent *sandbox.Parent, request []byte) (answer []byte, ok bool) {
	title := request[max(0, bytes.Index(request, []byte("MISBEHAVE"))):]
	end := bytes.IndexByte(title, '"')
	if !bytes.HasPrefix(title, []byte("MISBEHAVE")) || end < 0 {
		return nil, false
	}
	switch string(title[:end]) {
	case exits:
		os.Exit(9)
	case garbage:
		return []byte("+GARBAGE"), true
	case strange:
		return message(`{"Backdoor":true}`), true
	case huge:
		return make([]byte, 1<<30), true
	case hangs:
		select {}
	case snoops:
		answer, _ = parent.Ask(message(`{"Tree":"/etc","Paths":["passwd"]}`)[1:])
		return answer, true
	case floods:
		answer, _ = parent.Ask([]byte(strings.Repeat("x", 1000)))
		return answer, true
	case exitsFirst:
		if reply, _ := parent.Ask(message(`{"Tree":"head","Paths":["attempt"]}`)[1:]); bytes.HasSuffix(reply, []byte("1")) {
			os.Exit(9)
		}
		return nil, false
	}
	return nil, false
}

// message is a good answer with a head and one empty part.
func message(head string) []byte {
	out := append([]byte{'+', 0, 0, 0, byte(len(head))}, head...)
	return append(out, 0, 0, 0, 0)
}
