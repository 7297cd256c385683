package shipping

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

const protobuf = "application/x-protobuf"

// OTLPOptions say where the OpenTelemetry collector is.
type OTLPOptions struct {
	URL         string // with its path: https://collector:4318/v1/logs
	HeadersFile string // a file with a line NAME: VALUE for each header, read anew each time; "": none
	Host        string // host.name: whose log it is
	Version     string // of this program
	Transport   http.RoundTripper
}

// OTLP sends entries to an OpenTelemetry collector: OTLP over HTTP, binary protobuf. The collector's 200 is its acknowledgement; the
// SDK's exporters are of no use here, for their queue lives in memory and forgets what it could not send.
type OTLP struct {
	o      OTLPOptions
	client *http.Client
}

// NewOTLP ships to an OpenTelemetry collector.
func NewOTLP(o OTLPOptions) *OTLP {
	// A redirect could lead the headers, which hold a secret, elsewhere.
	return &OTLP{o: o, client: &http.Client{Transport: o.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// Name implements Destination.
func (o *OTLP) Name() string { return "otlp " + o.o.URL }

// Send implements Destination.
func (o *OTLP) Send(ctx context.Context, entries []Entry) error {
	body, err := proto.Marshal(o.request(entries))
	if err != nil {
		return fmt.Errorf("encoding for OTLP: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.o.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("the OTLP collector's address: %w", err)
	}
	if err := o.headers(req.Header); err != nil {
		return err
	}
	req.Header.Set("Content-Type", protobuf)
	req.Header.Set("User-Agent", "gatehouse/"+o.o.Version)
	resp, err := o.client.Do(req)
	if err != nil {
		return fmt.Errorf("sending to the OTLP collector: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("reading the OTLP collector's answer: %w", err)
	}
	switch code := resp.StatusCode; {
	case code/100 == 2:
		rejected, message, err := partial(resp.Header.Get("Content-Type"), answer)
		if err != nil {
			return fmt.Errorf("the OTLP collector's answer: %w", err)
		}
		if rejected > 0 {
			return Refused{fmt.Errorf("the OTLP collector refused %d of %d entries: %s", rejected, len(entries), visible(message, 300))}
		}
		return nil
	case code == http.StatusBadRequest || code == http.StatusRequestEntityTooLarge || code == http.StatusUnprocessableEntity:
		return Refused{fmt.Errorf("the OTLP collector answered %s", resp.Status)}
	default:
		return fmt.Errorf("the OTLP collector answered %s", visible(resp.Status, 100))
	}
}

// headers adds the headers of the file. Errors never hold any of their values.
func (o *OTLP) headers(h http.Header) error {
	if o.o.HeadersFile == "" {
		return nil
	}
	text, err := os.ReadFile(o.o.HeadersFile)
	if err != nil {
		return fmt.Errorf("reading GATEHOUSE_AUDIT_OTLP_HEADERS_FILE: %w", err)
	}
	return ParseHeaders(string(text), h.Set)
}

// ParseHeaders reads lines NAME: VALUE; empty lines and those that begin with # are left out.
func ParseHeaders(text string, set func(name, value string)) error {
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f }) || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return fmt.Errorf("line %d of the headers file is not NAME: VALUE", i+1)
		}
		set(name, value)
	}
	return nil
}

// request has the form of an ExportLogsServiceRequest, whose first and only field is that of LogsData.
func (o *OTLP) request(entries []Entry) *logs.LogsData {
	records := make([]*logs.LogRecord, len(entries))
	for i, e := range entries {
		records[i] = record(e)
	}
	return &logs.LogsData{ResourceLogs: []*logs.ResourceLogs{{
		Resource: &resource.Resource{Attributes: []*common.KeyValue{
			text("service.name", "gatehouse"), text("service.version", o.o.Version), text("host.name", o.o.Host),
		}},
		ScopeLogs: []*logs.ScopeLogs{{
			Scope:      &common.InstrumentationScope{Name: "gatehouse.audit", Version: o.o.Version},
			LogRecords: records,
		}},
	}}}
}

// record is an entry as a log record; docs/shipping.md describes it.
func record(e Entry) *logs.LogRecord {
	r := &logs.LogRecord{
		TimeUnixNano: nanoseconds(e.Time), ObservedTimeUnixNano: nanoseconds(e.Time),
		SeverityNumber: logs.SeverityNumber_SEVERITY_NUMBER_INFO, SeverityText: "INFO",
		EventName: "gatehouse.audit." + strings.ReplaceAll(visible(e.Type, 64), "-", "_"),
		Body:      &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: strings.ToValidUTF8(string(e.Line), "\uFFFD")}},
	}
	if e.alarming() {
		r.SeverityNumber, r.SeverityText = logs.SeverityNumber_SEVERITY_NUMBER_WARN, "WARN"
	}
	r.Attributes = []*common.KeyValue{whole("gatehouse.audit.index", e.Index)}
	for _, a := range []struct{ name, value string }{
		{"type", e.Type}, {"leaf", e.Leaf}, {"repository", e.Repository}, {"commit", e.Commit}, {"actor", e.Actor},
		{"verdict", e.Verdict}, {"decision", e.word("decision")},
	} {
		if a.value != "" {
			r.Attributes = append(r.Attributes, text("gatehouse.audit."+a.name, visible(a.value, 256)))
		}
	}
	if e.PullRequest != 0 {
		r.Attributes = append(r.Attributes, whole("gatehouse.audit.pull_request", int64(e.PullRequest)))
	}
	if e.Cut {
		r.Attributes = append(r.Attributes, text("gatehouse.audit.cut", "true"))
	}
	return r
}

// nanoseconds since 1970; a time that they cannot hold is 0, which OTLP calls unknown.
func nanoseconds(t time.Time) uint64 {
	if y := t.Year(); y < 1970 || y > 2261 {
		return 0
	}
	return uint64(t.UnixNano())
}

func text(name, value string) *common.KeyValue {
	return &common.KeyValue{Key: name, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: strings.ToValidUTF8(value, "\uFFFD")}}}
}

func whole(name string, value int64) *common.KeyValue {
	return &common.KeyValue{Key: name, Value: &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: value}}}
}

// partial reads partial_success of an ExportLogsServiceResponse (field 1: rejected_log_records 1, error_message 2); an answer
// without it means that all was taken. Anything else, a proxy's page for instance, is no acknowledgement.
func partial(contentType string, answer []byte) (rejected int64, message string, err error) {
	broken := errors.New("it is not an ExportLogsServiceResponse")
	if len(answer) == 0 {
		return 0, "", nil
	}
	kind, _, err := mime.ParseMediaType(contentType)
	switch {
	case err != nil:
		return 0, "", broken
	case kind == "application/json":
		var in struct {
			PartialSuccess struct {
				Rejected json.Number `json:"rejectedLogRecords"` // an int64 is a string in protobuf's JSON
				Message  string      `json:"errorMessage"`
			} `json:"partialSuccess"`
		}
		if json.Unmarshal(answer, &in) != nil {
			return 0, "", broken
		}
		if n := in.PartialSuccess.Rejected; n != "" {
			rejected, err = n.Int64()
		}
		return rejected, in.PartialSuccess.Message, err
	case kind != protobuf:
		return 0, "", broken
	}
	err = eachField(answer, broken, func(number protowire.Number, _ uint64, inner []byte) error {
		if number != 1 {
			return nil
		}
		return eachField(inner, broken, func(number protowire.Number, value uint64, bytes []byte) error {
			switch number {
			case 1:
				rejected = int64(value)
			case 2:
				message = string(bytes)
			}
			return nil
		})
	})
	return rejected, message, err
}

// eachField walks over the fields of a message that are numbers or bytes.
func eachField(data []byte, broken error, f func(number protowire.Number, value uint64, bytes []byte) error) error {
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return broken
		}
		data = data[n:]
		var value uint64
		var inner []byte
		switch kind {
		case protowire.VarintType:
			value, n = protowire.ConsumeVarint(data)
		case protowire.BytesType:
			inner, n = protowire.ConsumeBytes(data)
		default:
			n = protowire.ConsumeFieldValue(number, kind, data)
		}
		if n < 0 {
			return broken
		}
		data = data[n:]
		if err := f(number, value, inner); err != nil {
			return err
		}
	}
	return nil
}
