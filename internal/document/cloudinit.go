package document

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"regexp"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// startup are the attributes that hold start-up scripts, by the types that have them. A path may lead through nested blocks, which
// plans show as lists.
func startup(kind string) [][]string {
	switch kind {
	case "aws_instance", "aws_spot_instance_request", "aws_launch_configuration":
		return [][]string{{"user_data"}, {"user_data_base64"}}
	case "aws_launch_template":
		return [][]string{{"user_data"}}
	case "aws_spot_fleet_request":
		return [][]string{{"launch_specification", "user_data"}}
	case "google_compute_instance", "google_compute_instance_template", "google_compute_region_instance_template",
		"google_compute_instance_from_template":
		return [][]string{
			{"metadata_startup_script"}, {"metadata", "user-data"}, {"metadata", "startup-script"}, {"metadata", "shutdown-script"},
			{"metadata", "windows-startup-script-ps1"}, {"metadata", "sysprep-specialize-script-ps1"},
		}
	case "azurerm_linux_virtual_machine", "azurerm_linux_virtual_machine_scale_set", "azurerm_windows_virtual_machine",
		"azurerm_windows_virtual_machine_scale_set":
		return [][]string{{"custom_data"}, {"user_data"}}
	case "azurerm_orchestrated_virtual_machine_scale_set":
		return [][]string{{"user_data_base64"}, {"os_profile", "custom_data"}}
	case "azurerm_virtual_machine", "azurerm_virtual_machine_scale_set":
		return [][]string{{"os_profile", "custom_data"}}
	}
	return nil
}

// maxUserData is how many bytes the start-up scripts of one machine may unpack to. Clouds take 16 to 256 KiB.
const maxUserData = 1 << 20

// CloudInit makes documents of the start-up scripts inside planned machines: one for each machine that has any, with the machine's own
// address, set, place and actions. Its values are {scripts: [{path, parts: [{type, name, text, config}], unread}]}: what base64, gzip,
// MIME multipart and the files that cloud-config writes hold is a part of its own; unread says what could not be unpacked.
func CloudInit(planned []gate.Document) []gate.Document {
	var docs []gate.Document
	for i := range planned {
		from := &planned[i]
		paths := startup(from.Type)
		if from.Kind != gate.KindTerraform || paths == nil || isDataSource(from) {
			continue
		}
		after, before := startupScripts(from.After, paths), startupScripts(from.Before, paths)
		if after == nil && before == nil {
			continue
		}
		doc := gate.Document{
			Kind: gate.KindCloudInit, Type: from.Type, Name: from.Name, Resource: from.Resource, Set: from.Set, File: from.File, Line: from.Line,
			BaseFile: from.BaseFile, Environment: from.Environment, After: after, Before: before,
		}
		doc.Actions = compare(before, after)
		doc.Change = withActions(json.RawMessage(`{"unknown":{},"sensitive":{}}`), doc.Actions)
		docs = append(docs, doc)
	}
	return docs
}

func (b *builder) cloudInit() {
	b.result.Documents = append(b.result.Documents, CloudInit(b.result.Documents)...)
}

// startupScripts is nil when the values hold none.
func startupScripts(values []byte, paths [][]string) json.RawMessage {
	if !mayHold(values, paths) {
		return nil
	}
	read, err := jsonValues(values, Limits{}.withDefaults())
	if err != nil || len(read) != 1 {
		return nil
	}
	scripts := listValue()
	for _, steps := range paths {
		startupAt(read[0], steps, "", func(path, text string) {
			u := &unpacker{left: maxUserData}
			u.unpack(text, "", "", 0)
			scripts.items = append(scripts.items, objectValue(0, "path", textValue(path, 0), "parts", listValue(u.parts...), "unread", textsValue(u.unread)))
		})
	}
	if len(scripts.items) == 0 {
		return nil
	}
	return objectValue(0, "scripts", scripts).appendJSON(nil)
}

// mayHold spares values the decoding that hold no key of the last steps. An escape may spell any key.
func mayHold(values []byte, paths [][]string) bool {
	for _, steps := range paths {
		if bytes.Contains(values, []byte(`"`+steps[len(steps)-1]+`"`)) {
			return true
		}
	}
	return bytes.Contains(values, []byte(`\u`))
}

// startupAt calls use with every text at a path.
func startupAt(v *value, steps []string, path string, use func(path, text string)) {
	switch {
	case v == nil:
	case v.kind == array:
		for i, item := range v.items {
			startupAt(item, steps, fmt.Sprintf("%s[%d]", path, i), use)
		}
	case len(steps) == 0:
		if v.str() != "" {
			use(path, v.text)
		}
	default:
		if path != "" {
			path += "."
		}
		startupAt(v.get(steps[0]), steps[1:], path+steps[0], use)
	}
}

// unpacker takes user data apart.
type unpacker struct {
	parts  []*value
	unread []string
	left   int // bytes
}

func (u *unpacker) cannot(reason string) {
	for _, known := range u.unread {
		if known == reason {
			return
		}
	}
	u.unread = append(u.unread, reason)
}

var (
	onlyHash   = regexp.MustCompile(`^[0-9a-f]{40}$`)
	base64Text = regexp.MustCompile(`^[A-Za-z0-9+/\r\n]{8,}={0,2}\s*$`)
)

// unpack adds the parts that a text is made of. encoded is what somebody says about it: b64, gz+b64 and the like.
func (u *unpacker) unpack(text, kind, name string, depth int) {
	if depth > 8 {
		u.cannot("it is packed more than 8 times over")
		return
	}
	if u.left -= len(text); u.left < 0 {
		u.left = 0
		u.cannot("it unpacks to more than 1 MiB")
		return
	}
	trimmed := strings.TrimSpace(text)
	switch {
	case strings.HasPrefix(text, TokenPrefix):
		u.cannot("it is sensitive")
	case onlyHash.MatchString(trimmed) && depth == 0:
		u.cannot("the plan holds only its hash")
	case strings.HasPrefix(text, "\x1f\x8b"):
		u.gunzip(text, kind, name, depth)
	case base64Text.MatchString(trimmed) && len(decoded(trimmed)) > 0:
		u.unpack(string(decoded(trimmed)), kind, name, depth+1)
	case isMultipart(text):
		u.multipart(text, depth)
	default:
		u.part(text, kind, name, depth)
	}
}

// decoded is what base64 holds, when that is text or gzip; nil else, for a long word is valid base64 too.
func decoded(text string) []byte {
	data, err := base64.StdEncoding.DecodeString(strings.NewReplacer("\r", "", "\n", "").Replace(text))
	if err != nil {
		data, err = base64.RawStdEncoding.DecodeString(strings.NewReplacer("\r", "", "\n", "").Replace(text))
	}
	if err != nil || !bytes.HasPrefix(data, []byte("\x1f\x8b")) && bytes.IndexFunc(data, func(r rune) bool {
		return r == '\uFFFD' || r < ' ' && r != '\n' && r != '\r' && r != '\t'
	}) >= 0 {
		return nil
	}
	return data
}

func (u *unpacker) gunzip(text, kind, name string, depth int) {
	reader, err := gzip.NewReader(strings.NewReader(text))
	if err != nil {
		u.cannot("it is compressed, and broken")
		return
	}
	data, err := io.ReadAll(io.LimitReader(reader, int64(u.left)+1))
	switch {
	case len(data) > u.left:
		u.cannot("it unpacks to more than 1 MiB")
	case err != nil:
		u.cannot("it is compressed, and broken")
	default:
		u.unpack(string(data), kind, name, depth+1)
	}
}

func isMultipart(text string) bool {
	head := strings.ToLower(text[:min(len(text), 1024)])
	return (strings.HasPrefix(head, "content-type:") || strings.HasPrefix(head, "mime-version:")) && strings.Contains(head, "multipart/")
}

func (u *unpacker) multipart(text string, depth int) {
	message, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		u.cannot("its MIME header cannot be read")
		return
	}
	_, parameters, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil || parameters["boundary"] == "" {
		u.cannot("its MIME header cannot be read")
		return
	}
	parts := multipart.NewReader(message.Body, parameters["boundary"])
	for n := 0; ; n++ {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			return
		}
		if err != nil || n > 100 {
			u.cannot("its MIME parts cannot be read")
			return
		}
		data, err := io.ReadAll(io.LimitReader(part, int64(u.left)+1))
		if err != nil {
			u.cannot("its MIME parts cannot be read")
			return
		}
		kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")) //nolint:errcheck // what cannot be read is no type
		content := string(data)
		switch strings.ToLower(part.Header.Get("Content-Transfer-Encoding")) {
		case "base64":
			whole, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(content), ""))
			if err != nil {
				u.cannot("the base64 of a MIME part is broken")
				continue
			}
			content = string(whole)
		case "quoted-printable":
			u.cannot("a MIME part is quoted-printable")
			continue
		}
		u.unpack(content, kind, part.FileName(), depth+1)
	}
}

// part adds one text. Of cloud-config, what it holds is read as well, and the files that it writes are parts of their own.
func (u *unpacker) part(text, kind, name string, depth int) {
	if bytes.IndexByte([]byte(text), 0) >= 0 {
		u.cannot("it is not text")
		return
	}
	found := sniff(text)
	if found == "text/plain" && kind != "" {
		found = kind
	}
	part := objectValue(0, "type", textValue(found, 0), "name", textValue(name, 0), "text", textValue(text, 0))
	u.parts = append(u.parts, part)
	switch found {
	case "text/x-include-url", "text/x-include-once-url":
		u.cannot("it fetches the rest from elsewhere")
	case "text/cloud-config", "text/cloud-config-archive":
		body := text
		if strings.HasPrefix(body, "## template:") {
			_, body, _ = strings.Cut(body, "\n")
		}
		limits := Limits{}.withDefaults()
		limits.Manifest = maxUserData
		documents, err := yamlValues([]byte(body), limits)
		if err != nil || len(documents) == 0 {
			if found != "text/plain" && strings.TrimSpace(strings.TrimPrefix(body, "#cloud-config")) != "" {
				u.cannot("its cloud-config is not valid YAML")
			}
			return
		}
		if size := jsonSize(documents[0], maxUserData); size > maxUserData {
			u.cannot("it unpacks to more than 1 MiB")
			return
		}
		part.set("config", 0, documents[0])
		u.nested(documents[0], found, depth)
	}
}

// nested adds the files that cloud-config writes, and the members of an archive.
func (u *unpacker) nested(config *value, kind string, depth int) {
	if kind == "text/cloud-config-archive" {
		for _, item := range config.items {
			u.unpack(cmpOr(item.get("content").str(), item.str()), item.get("type").str(), item.get("filename").str(), depth+1)
		}
		return
	}
	files := config.get("write_files")
	if files == nil {
		return
	}
	for _, file := range files.items {
		content, encoding := file.get("content").str(), strings.ToLower(file.get("encoding").str())
		if content == "" || encoding == "" || encoding == "text/plain" {
			continue // it stands in the text itself
		}
		data := decoded(strings.Join(strings.Fields(content), ""))
		switch {
		case strings.HasPrefix(content, "\x1f\x8b"):
			data = []byte(content)
		case data == nil:
			u.cannot("a file that it writes is not text, or its encoding is broken")
			continue
		}
		u.unpack(string(data), "text/x-file", file.get("path").str(), depth+1)
	}
}

// sniff tells the type of a part by its first line, as cloud-init does.
func sniff(text string) string {
	text = strings.TrimLeft(text, " \t\r\n")
	if strings.HasPrefix(text, "## template:") {
		_, text, _ = strings.Cut(text, "\n")
		text = strings.TrimLeft(text, " \t\r\n")
	}
	for _, known := range []struct{ prefix, kind string }{
		{"#cloud-config-archive", "text/cloud-config-archive"}, {"#cloud-config", "text/cloud-config"},
		{"#cloud-boothook", "text/cloud-boothook"}, {"#include-once", "text/x-include-once-url"}, {"#include", "text/x-include-url"},
		{"#part-handler", "text/part-handler"}, {"#!", "text/x-shellscript"}, {"<powershell>", "text/x-powershell"}, {"<script>", "text/x-batch"},
	} {
		if strings.HasPrefix(text, known.prefix) {
			return known.kind
		}
	}
	return "text/plain"
}
