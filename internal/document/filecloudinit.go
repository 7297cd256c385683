package document

import (
	"bytes"
	"path"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// cloudConfigKind are start-up scripts that stand in files of their own, by their first line; those in plans are [CloudInit]'s. The
// document is {scripts: [{path, parts, unread}]}, as of a machine, with the file as the only script.
func cloudConfigKind() fileKind {
	return fileKind{
		kind: gate.KindCloudInit,
		what: "a start-up script of cloud-init",
		usual: func(file string) bool {
			base := path.Base(file)
			return isYAMLName(file) || path.Ext(file) == ".cfg" || strings.HasPrefix(base, "user-data") || strings.HasPrefix(base, "user_data")
		},
		may: func(_ string, data []byte) bool {
			head := string(data[:min(len(data), 1024)])
			return strings.HasPrefix(sniff(head), "text/cloud-config") || isMultipart(head) && bytes.Contains(data, []byte("cloud-"))
		},
		read: func(_ *fileReader, file string, data []byte, sure bool) (*fileDocument, error) {
			u := &unpacker{left: maxUserData}
			u.unpack(string(data), "", "", 0)
			if sure && len(u.parts) == 1 && u.parts[0].get("type").str() == "text/plain" {
				return nil, &manifestError{
					line: 1, message: "begins with none of the lines by which cloud-init tells what it is given",
					remedy: "Begin it with #cloud-config, #! or another of cloud-init's first lines.",
				}
			}
			scripts := listValue(objectValue(1, "path", textValue(path.Base(file), 1), "parts", listValue(u.parts...), "unread", textsValue(u.unread)))
			return &fileDocument{kind: gate.KindCloudInit, typ: "file", line: 1, value: objectValue(1, "scripts", scripts)}, nil
		},
	}
}
