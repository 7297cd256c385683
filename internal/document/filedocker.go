package document

import (
	"bytes"
	"encoding/json"
	"path"
	"regexp"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

var dockerFrom = regexp.MustCompile(`(?mi)^[ \t]*FROM[ \t]+\S+`)

// dockerKind are Dockerfiles: by name, and files without an extension that begin with FROM and go on like one. The instructions are
// read here: buildkit's own parser brings in gRPC and its whole world, for a format of one line a statement.
func dockerKind() fileKind {
	named := func(file string) bool {
		base := strings.ToLower(path.Base(file))
		return base == "dockerfile" || base == "containerfile" || strings.HasSuffix(base, ".dockerfile") ||
			strings.HasPrefix(base, "dockerfile.") && !isYAML(base) && !strings.HasSuffix(base, ".dockerignore")
	}
	return fileKind{
		kind:  gate.KindDockerfile,
		what:  "a Dockerfile",
		usual: named,
		named: named,
		may: func(file string, data []byte) bool {
			return path.Ext(file) == "" && dockerFrom.Match(data) && hasWord(data, "\nRUN ", "\nCOPY ", "\nCMD ", "\nENTRYPOINT ")
		},
		read: func(_ *fileReader, _ string, data []byte, sure bool) (*fileDocument, error) {
			v, err := dockerInstructions(data)
			if err != nil && !sure {
				return nil, nil
			}
			if err != nil {
				return nil, err
			}
			return &fileDocument{kind: gate.KindDockerfile, typ: "dockerfile", line: 1, value: v}, nil
		},
	}
}

var (
	dockerDirective = regexp.MustCompile(`(?i)^#[ \t]*(syntax|escape|check)[ \t]*=[ \t]*(\S.*?)[ \t]*$`)
	heredocStart    = regexp.MustCompile(`<<(-?)(['"]?)([A-Za-z_][A-Za-z0-9_]*)(['"]?)`)
	dockerWord      = regexp.MustCompile(`^[A-Za-z]+$`)
)

// dockerInstructions is {directives, stages, instructions}: instructions are {name, text, args, line, stage}, args the items of the
// JSON form; stages are {image, name, line}.
func dockerInstructions(data []byte) (*value, error) {
	lines := strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
	escape := `\`
	directives := objectValue(1)
	at := 0
	for ; at < len(lines); at++ {
		found := dockerDirective.FindStringSubmatch(lines[at])
		if found == nil {
			break
		}
		name := strings.ToLower(found[1])
		directives.set(name, at+1, textValue(found[2], at+1))
		if name == "escape" && found[2] == "`" {
			escape = "`"
		}
	}
	stages, instructions := listValue(), listValue()
	for at < len(lines) {
		if text := strings.TrimSpace(lines[at]); text == "" || text[0] == '#' {
			at++
			continue
		}
		line := at + 1
		var text string
		text, at = dockerLogical(lines, at, escape)
		name, rest, _ := strings.Cut(strings.ReplaceAll(text, "\t", " "), " ")
		rest = strings.TrimSpace(rest)
		if !dockerWord.MatchString(name) {
			return nil, &manifestError{line: line, message: "has a line that is no instruction", remedy: "Begin each instruction with its name."}
		}
		name = strings.ToUpper(name)
		if name == "RUN" || name == "COPY" || name == "ADD" {
			var body string
			if body, at = dockerHeredocs(rest, lines, at); body != "" {
				rest += "\n" + body
			}
		}
		if name == "FROM" {
			stages.items = append(stages.items, dockerStage(rest, line))
		}
		instruction := objectValue(line, "name", textValue(name, line), "text", textValue(rest, line),
			"line", numberValue(line), "stage", numberValue(len(stages.items)-1))
		var args []string
		if strings.HasPrefix(rest, "[") && json.Unmarshal([]byte(rest), &args) == nil {
			instruction.set("args", line, textsValue(args))
		}
		instructions.items = append(instructions.items, instruction)
	}
	if len(stages.items) == 0 {
		return nil, &manifestError{line: 1, message: "has no FROM", remedy: "Begin with FROM."}
	}
	return objectValue(1, "directives", directives, "stages", stages, "instructions", instructions), nil
}

// dockerLogical joins a line with those that continue it, comments between them left out. next is the line after it.
func dockerLogical(lines []string, at int, escape string) (text string, next int) {
	var out bytes.Buffer
	for ; at < len(lines); at++ {
		line := lines[at]
		if trimmed := strings.TrimSpace(line); out.Len() > 0 && (trimmed == "" || trimmed[0] == '#') {
			continue
		}
		trimmed := strings.TrimRight(line, " \t")
		more, found := strings.CutSuffix(trimmed, escape)
		if !found {
			out.WriteString(line)
			return strings.TrimSpace(out.String()), at + 1
		}
		out.WriteString(more)
		out.WriteByte(' ')
	}
	return strings.TrimSpace(out.String()), at
}

// dockerHeredocs reads the here-documents that an instruction announces.
func dockerHeredocs(text string, lines []string, at int) (body string, next int) {
	var out []string
	for _, found := range heredocStart.FindAllStringSubmatch(text, 10) {
		for ; at < len(lines); at++ {
			line := lines[at]
			if found[1] == "-" {
				line = strings.TrimLeft(line, "\t")
			}
			if line == found[3] {
				at++
				break
			}
			out = append(out, lines[at])
		}
	}
	return strings.Join(out, "\n"), at
}

// dockerStage reads FROM [--platform=X] image [AS name].
func dockerStage(text string, line int) *value {
	image, name := "", ""
	words := strings.Fields(text)
	for i, word := range words {
		switch {
		case strings.HasPrefix(word, "--"):
		case image == "":
			image = word
		case strings.EqualFold(word, "as") && i+1 < len(words):
			name = words[i+1]
		}
	}
	return objectValue(line, "image", textValue(image, line), "name", textValue(name, line), "line", numberValue(line))
}
