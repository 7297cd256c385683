package document

import (
	"slices"
	"strings"
)

// whenCondition is what all the conditions of a when, an allOf or a branch of it say together.
func whenCondition(body []*groovyStatement, depth int) condition {
	all := condition{}
	for i, part := range body {
		c := whenPart(part, depth)
		if i == 0 {
			all = c
			continue
		}
		all = condition{all.yes.and(c.yes), all.no.or(c.no)}
	}
	return all
}

// whenPart is one condition. Those about what has changed, who has asked, or other variables say nothing about branches.
func whenPart(part *groovyStatement, depth int) condition {
	body, _ := part.body()
	if depth > maxGroovyDepth {
		return unknownCondition()
	}
	switch part.name() {
	case "allOf":
		return whenCondition(body, depth+1)
	case "anyOf":
		c := unknownCondition()
		for i, one := range body {
			inner := whenPart(one, depth+1)
			if c = (condition{c.yes.or(inner.yes), c.no.and(inner.no)}); i == 0 {
				c = inner
			}
		}
		return c
	case "not":
		inner := whenCondition(body, depth+1)
		return condition{inner.no, inner.yes}
	case "branch":
		return whenBranch(part)
	case "buildingTag", "tag":
		return condition{yes: branchSet{tags: true}}
	case "expression":
		if len(body) == 1 {
			return readCondition(body[0].tokens, 0)
		}
		return unknownCondition()
	case "environment":
		name, to := named(part.tokens, "name"), named(part.tokens, "value")
		if len(name) == 1 && len(to) == 1 && branchVariable.MatchString(name[0].text) {
			return equal([]groovyToken{{kind: groovyWord, text: name[0].text}}, to)
		}
		return condition{}
	case "equals":
		return equal(named(part.tokens, "actual"), named(part.tokens, "expected"))
	case "changeRequest", "changelog", "changeset", "triggeredBy", "isRestartedRun", "beforeAgent", "beforeInput", "beforeOptions":
		return condition{}
	}
	return unknownCondition()
}

func whenBranch(part *groovyStatement) condition {
	pattern := named(part.tokens, "pattern")
	if pattern == nil {
		pattern = part.tokens[1:]
	}
	if texts := groovyTexts(pattern); len(texts) != 1 || texts[0].dynamic {
		return unknownCondition()
	}
	text := groovyTexts(pattern)[0].text
	if comparator := named(part.tokens, "comparator"); len(comparator) == 1 && strings.EqualFold(comparator[0].text, "REGEXP") {
		return matchesText(text)
	}
	return onBranches(branchName(text))
}

// named is the value of a named argument, nil when there is none: name: 'x', value: 'y'.
func named(tokens []groovyToken, name string) []groovyToken {
	depth := 0
	for i := 0; i+1 < len(tokens); i++ {
		if !tokens[i].word(name) || !tokens[i+1].is(":") {
			continue
		}
		for end := i + 2; end <= len(tokens); end++ {
			if end < len(tokens) {
				switch t := &tokens[end]; {
				case t.is("("), t.is("["):
					depth++
				case t.is(")") && depth > 0, t.is("]") && depth > 0:
					depth--
				}
				if depth > 0 || !tokens[end].is(",") && !tokens[end].is(")") {
					continue
				}
			}
			return tokens[i+2 : end]
		}
	}
	return nil
}

// jenkinsGuards are the conditions of a when as they are written: {kind, texts, words, dynamic, inside}, kind being branch, expression,
// anyOf, not... Those of allOf stand beside the others, for they bind alone as well.
func jenkinsGuards(body []*groovyStatement) []*value {
	var out []*value
	for _, part := range body {
		inside, block := part.body()
		switch part.name() {
		case "allOf":
			out = append(out, jenkinsGuards(inside)...)
			continue
		case "beforeAgent", "beforeInput", "beforeOptions":
			continue
		}
		texts := part.texts()
		text, dynamic := listValue(), false
		for _, t := range texts {
			text.items = append(text.items, textValue(t.text, t.line))
			dynamic = dynamic || t.dynamic
		}
		guard := objectValue(part.line, "kind", textValue(part.name(), part.line), "texts", text, "dynamic", boolValue(dynamic),
			"words", textsValue(slices.Concat(blockWords(inside), groovyWords(part.tokens[min(1, len(part.tokens)):]))))
		if block {
			guard.set("inside", part.line, listValue(jenkinsGuards(inside)...))
		}
		out = append(out, guard)
	}
	return out
}

// blockWords are the words and texts of a block, for conditions that are Groovy expressions.
func blockWords(body []*groovyStatement) []string {
	var out []string
	for _, st := range body {
		out = append(out, groovyWords(st.tokens)...)
		if inside, ok := st.body(); ok {
			out = append(out, blockWords(inside)...)
		}
	}
	return out
}

func groovyWords(tokens []groovyToken) []string {
	var out []string
	for _, t := range tokens {
		if t.kind != groovyBlock {
			out = append(out, t.text)
		}
	}
	return out
}
