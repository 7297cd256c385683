package document

import (
	"regexp"
	"slices"
	"strings"
)

// jenkinsContext is what holds for a step where it stands.
type jenkinsContext struct {
	at          branchSet
	conditional bool   // it stands under an if
	post        string // the condition of a post block
	scripted    bool   // outside a declarative pipeline, where stages may stand among the steps
	expression  bool   // inside a condition, which begins no statement
}

// under is the context under one more condition.
func (c jenkinsContext) under(b branchSet) jenkinsContext {
	c.at, c.conditional = c.at.and(b), true
	return c
}

// steps flattens a body: every call of a step that it makes, those within blocks, conditions, expressions and functions of the file too.
func (j *jenkinsReader) steps(body []*groovyStatement, context jenkinsContext) []*value {
	var out []*value
	for _, st := range body {
		context.expression = false
		if context.scripted && st.name() == "stage" && st.block {
			j.scriptedStage(st, context)
			continue
		}
		out = append(out, j.walk(st.tokens, context)...)
		if rest, ok := leaves(st); ok { // if (...) { return }: what follows runs when it does not hold
			context = context.under(rest)
		}
	}
	return out
}

func (j *jenkinsReader) scriptedStage(st *groovyStatement, context jenkinsContext) {
	body, _ := st.body()
	name, _ := joined(st.texts()[:min(1, len(st.texts()))])
	steps := j.steps(body, context)
	j.stages.items = append(j.stages.items, objectValue(st.line, "name", textValue(name, st.line), "line", numberValue(st.line),
		"parents", listValue(), "guards", listValue(), "branches", context.at.value(), "agent", &value{}, "environment", listValue(),
		"options", listValue(), "steps", listValue(steps...)))
}

// leaves reports whether a statement is an if that ends the body it stands in, and where what follows runs then.
func leaves(st *groovyStatement) (rest branchSet, ok bool) {
	if !st.tokens[0].word("if") || len(st.tokens) < 3 || !st.tokens[1].is("(") {
		return branchSet{}, false
	}
	end := closing(st.tokens, 1)
	if end+1 >= len(st.tokens) {
		return branchSet{}, false
	}
	last := st.tokens[end+1]
	if last.kind == groovyBlock {
		if len(last.body) == 0 || end+2 != len(st.tokens) {
			return branchSet{}, false
		}
		last = last.body[len(last.body)-1].tokens[0]
	}
	return readCondition(st.tokens[2:end], 0).no, last.word("return", "error", "throw")
}

// walk reads the calls in a row of tokens.
func (j *jenkinsReader) walk(tokens []groovyToken, context jenkinsContext) []*value {
	if j.work -= len(tokens); j.work < 0 {
		if j.work != -1<<40 {
			j.work = -1 << 40
			j.cannot(1, "it calls more than can be followed")
		}
		return nil
	}
	var out []*value
	for i := 0; i < len(tokens); {
		t := &tokens[i]
		switch {
		case t.kind == groovyBlock:
			out = append(out, j.steps(t.body, context)...)
			i++
		case t.word("if") && i+1 < len(tokens) && tokens[i+1].is("("):
			return append(out, j.branches(tokens[i:], context)...)
		case t.word("switch"), t.is("?") && i+1 < len(tokens) && !tokens[i+1].is("."), t.is("&") && i > 0 && tokens[i-1].is("&"), t.is("|") && i > 0 && tokens[i-1].is("|"):
			context = context.under(branchSet{unsure: true})
			i++
		case t.kind == groovyWord:
			found, next := j.call(tokens, i, context)
			out = append(out, found...)
			i = next
		default:
			i++
		}
	}
	return out
}

// branches reads an if with all that belongs to it.
func (j *jenkinsReader) branches(tokens []groovyToken, context jenkinsContext) []*value {
	end := closing(tokens, 1)
	holds := readCondition(tokens[2:max(2, end)], 0)
	asked := context
	asked.expression = true
	out := j.walk(tokens[2:max(2, end)], asked)
	rest := tokens[min(end+1, len(tokens)):]
	if len(rest) == 0 {
		return out
	}
	after := 1
	if rest[0].kind == groovyBlock {
		out = append(out, j.steps(rest[0].body, context.under(holds.yes))...)
	} else {
		for after = 0; after < len(rest) && !rest[after].word("else"); after++ {
		}
		out = append(out, j.walk(rest[:after], context.under(holds.yes))...)
	}
	if after < len(rest) && rest[after].word("else") {
		return append(out, j.walk(rest[after+1:], context.under(holds.no))...)
	}
	return append(out, j.walk(rest[min(after, len(rest)):], context)...)
}

// jenkinsShell are the steps that run commands.
func jenkinsShell() []string { return []string{"sh", "bat", "powershell", "pwsh"} }

// call reads what a word may call: a shell, a function of the file, or, when the statement begins with it, any step. next is where to
// go on.
func (j *jenkinsReader) call(tokens []groovyToken, i int, context jenkinsContext) (out []*value, next int) {
	t := &tokens[i]
	object, method, _ := cutLast(t.text)
	if i+1 < len(tokens) && tokens[i+1].is(":") && i > 0 {
		return nil, i + 1 // the name of an argument
	}
	if slices.Contains(jenkinsShell(), method) && (object == "" || object == "steps" || object == "script" || object == "this") {
		arguments, end := argumentsOf(tokens, i)
		if len(arguments) > 0 {
			return []*value{shellStep(t, method, arguments, context)}, end
		}
	}
	if name := strings.TrimPrefix(strings.TrimSuffix(t.text, ".call"), "this."); j.functions[name] != nil {
		if len(j.active) > 20 || slices.Contains(j.active, name) {
			return nil, i + 1
		}
		j.active = append(j.active, name)
		out = j.steps(j.functions[name], context)
		j.active = j.active[:len(j.active)-1]
		return out, i + 1
	}
	first := i == 0 && !context.expression ||
		i > 0 && (tokens[i-1].word("return", "else") || tokens[i-1].is(")") && tokens[0].word("if", "for", "while"))
	calls := i+1 < len(tokens) && (tokens[i+1].is("(") || tokens[i+1].kind == groovyText)
	if slices.Contains(groovyKeywords(), t.text) || !first && !calls {
		return nil, i + 1
	}
	why := j.elsewhere(t.text, object, first, tokens[i+1:])
	if why == "" && !first {
		return nil, i + 1
	}
	arguments, _ := argumentsOf(tokens, i)
	text, dynamic := joined(groovyTexts(arguments))
	step := newStep(t, t.text, text, dynamic, arguments, context)
	if why != "" {
		step.set("unread", t.line, textValue(why, t.line))
	}
	return []*value{step}, i + 1
}

// groovyKeywords begin statements that call nothing by themselves.
func groovyKeywords() []string {
	return []string{
		"if", "else", "for", "while", "switch", "case", "default", "try", "catch", "finally", "def", "return", "import", "new", "throw", "assert",
		"break", "continue", "final", "String", "boolean", "int", "Map", "List", "void", "static", "class", "private", "public", "package",
	}
}

// argumentsOf are the tokens that a call at i is given: those in brackets, else the rest of the statement before a block.
func argumentsOf(tokens []groovyToken, i int) (arguments []groovyToken, end int) {
	if i+1 < len(tokens) && tokens[i+1].is("(") {
		end = closing(tokens, i+1)
		return tokens[i+2 : max(i+2, end)], end + 1
	}
	for end = i + 1; end < len(tokens) && tokens[end].kind != groovyBlock; end++ {
	}
	return tokens[i+1 : end], end
}

// newStep is {name, text, words, dynamic, conditional, branches, post, unread, line}.
func newStep(t *groovyToken, name, text string, dynamic bool, arguments []groovyToken, context jenkinsContext) *value {
	return objectValue(t.line, "name", textValue(name, t.line), "text", textValue(text, t.line), "words", textsValue(groovyWords(arguments)),
		"dynamic", boolValue(dynamic), "conditional", boolValue(context.conditional), "branches", context.at.value(),
		"post", textValue(context.post, t.line), "line", numberValue(t.line))
}

var onlyVariable = regexp.MustCompile(`^\s*\$(?:[A-Za-z_][A-Za-z0-9_.]*|\{[^}]*\})\s*$`)

// shellStep is a step that runs a command. Of what only a run can tell, unread says so.
func shellStep(t *groovyToken, name string, arguments []groovyToken, context jenkinsContext) *value {
	command := named(arguments, "script")
	if command == nil {
		command = arguments
	}
	text, dynamic := "", false
	for i := range command {
		switch part := &command[i]; {
		case part.kind == groovyText:
			text += part.text
			dynamic = dynamic || part.dynamic
		case part.kind == groovyWord && (i == 0 || !command[i-1].is(".")):
			dynamic = true
		case part.is(",") && command[0].kind == groovyText:
			text += "\n"
		}
	}
	step := newStep(t, name, text, dynamic, arguments, context)
	if dynamic && (strings.TrimSpace(text) == "" || onlyVariable.MatchString(text)) {
		step.set("unread", t.line, textValue("what "+name+" runs is in a variable", t.line))
	}
	return step
}
