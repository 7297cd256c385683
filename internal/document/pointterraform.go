package document

import (
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Bounds of the Terraform source that is parsed for a finding's exact line; beyond them the finding stays at its resource.
const (
	maxSourceBytes  = 512 << 10
	maxSourceNested = 100  // brackets in brackets
	maxSourceRun    = 1000 // operators in a row, which the parser takes one inside the other
)

// pointTerraform moves a finding from its resource to the attribute or block that it names, where the source has that.
func (p *sourcePointer) pointTerraform(f *gate.Finding, steps []step) {
	body, known := p.hcl[f.File]
	if !known {
		body = parseSource(p.content(f.File))
		p.hcl[f.File] = body
	}
	if body == nil {
		return
	}
	var planned *value
	if doc := p.docs[placeKey(f.Resource, f.File, f.Line)]; doc != nil {
		planned = p.object(doc)
	}
	if line := sourceLine(body, f.Line, steps, planned); line > 0 {
		f.Line = line
	}
}

// parseSource reads a Terraform source file as far as it can be read; nil when there is nothing of it, or when it is too large or
// nested too deep for a parser that goes as deep as its input does.
func parseSource(data []byte) *hclsyntax.Body {
	if len(data) == 0 || len(data) > maxSourceBytes || deepSource(data) {
		return nil
	}
	file, _ := hclsyntax.ParseConfig(data, "", hcl.InitialPos) // what is broken elsewhere in the file does not matter here
	if file == nil {
		return nil
	}
	body, _ := file.Body.(*hclsyntax.Body)
	return body
}

func deepSource(data []byte) bool {
	nested, run, choices := 0, 0, 0
	for _, c := range data {
		switch c {
		case '(', '[', '{':
			nested++
		case ')', ']', '}':
			nested = max(0, nested-1)
		case '?':
			choices++
		}
		switch c {
		case '!', '-', '(':
			run++
		case ' ', '\t', '\r', '\n':
		default:
			run = 0
		}
		if nested > maxSourceNested || run > maxSourceRun || choices > maxSourceRun {
			return true
		}
	}
	return false
}

// sourceLine is the line of the attribute or block that steps lead to in the resource that is declared at a line of a source file, or of the
// nearest one around it; 0 when there is no such resource, or nothing of it can be told apart. planned is the resource as planned, nil
// when that is not known: Terraform orders the blocks of a set by itself, so which of several blocks the plan means is told by
// their content, not by their place.
func sourceLine(body *hclsyntax.Body, declared int, steps []step, planned *value) int {
	for _, block := range body.Blocks {
		if (block.Type == "resource" || block.Type == "data") && block.TypeRange.Start.Line == declared {
			return bodyLine(block.Body, steps, planned)
		}
	}
	return 0
}

func bodyLine(body *hclsyntax.Body, steps []step, planned *value) int {
	if len(steps) == 0 || steps[0].name == "" {
		return 0
	}
	name := steps[0].name
	if attribute := body.Attributes[name]; attribute != nil {
		return expressionLine(attribute.Expr, attribute.NameRange.Start.Line, steps[1:])
	}
	planned, steps = planned.get(name), steps[1:]
	if len(steps) > 0 && steps[0].name == "" {
		planned, _ = element(planned.orNull(), nil, steps[0].index)
		steps = steps[1:]
	} else if planned != nil && planned.kind == array {
		planned = nil // the finding is about all of them
	}
	block := theBlock(body.Blocks, name, planned)
	if block == nil {
		return 0
	}
	if line := bodyLine(contentOf(block), steps, planned); line > 0 {
		return line
	}
	return block.TypeRange.Start.Line
}

func (v *value) orNull() *value {
	if v == nil {
		return &value{}
	}
	return v
}

// theBlock is the one block of a name that can have become the planned value; nil when none or more than one can.
func theBlock(blocks hclsyntax.Blocks, name string, planned *value) *hclsyntax.Block {
	var found *hclsyntax.Block
	for _, block := range blocks {
		if block.Type != name && (block.Type != "dynamic" || len(block.Labels) != 1 || block.Labels[0] != name) || contradicts(contentOf(block), planned) {
			continue
		}
		if found != nil {
			return nil
		}
		found = block
	}
	return found
}

// contentOf is a block's body; of dynamic "ingress" { content {...} }, the content's.
func contentOf(block *hclsyntax.Block) *hclsyntax.Body {
	if block.Type == "dynamic" {
		for _, inner := range block.Body.Blocks {
			if inner.Type == "content" {
				return inner.Body
			}
		}
	}
	return block.Body
}

// contradicts reports whether a literal of the body is another value in the plan.
func contradicts(body *hclsyntax.Body, planned *value) bool {
	if planned == nil || planned.kind != objectKind {
		return false
	}
	for name, attribute := range body.Attributes {
		if p := planned.get(name); p != nil && p.kind != null && differs(attribute.Expr, p) {
			return true
		}
	}
	return false
}

// differs reports whether an expression is, without anything being evaluated, another value than the planned one.
func differs(e hclsyntax.Expression, planned *value) bool {
	if list, ok := e.(*hclsyntax.TupleConsExpr); ok {
		return planned.kind == array && differingLists(list.Exprs, planned.items)
	}
	text, ok := literal(e)
	if !ok || planned.kind == array || planned.kind == objectKind || strings.HasPrefix(planned.text, TokenPrefix) {
		return false
	}
	if text == planned.text {
		return false
	}
	a, errA := strconv.ParseFloat(text, 64)
	b, errB := strconv.ParseFloat(planned.text, 64)
	return errA != nil || errB != nil || a != b
}

// differingLists reports whether a list of literals cannot have become the planned one. Order is left out: it may be a set.
func differingLists(list []hclsyntax.Expression, planned []*value) bool {
	for _, item := range list {
		if _, ok := literal(item); !ok {
			return false
		}
		same := false
		for _, p := range planned {
			same = same || !differs(item, p)
		}
		if !same {
			return true
		}
	}
	return len(list) == 0 && len(planned) > 0
}

// literal is the text of a string, number or boolean that is written out.
func literal(e hclsyntax.Expression) (string, bool) {
	switch e := e.(type) {
	case *hclsyntax.LiteralValueExpr:
		switch v := e.Val; {
		case v.IsNull() || !v.IsKnown():
			return "", false
		case v.Type() == cty.Number:
			return v.AsBigFloat().Text('g', 20), true
		case v.Type() == cty.Bool:
			return strconv.FormatBool(v.True()), true
		case v.Type() == cty.String:
			return v.AsString(), true
		}
	case *hclsyntax.TemplateExpr:
		if len(e.Parts) == 1 && e.IsStringLiteral() {
			return literal(e.Parts[0])
		}
		return "", len(e.Parts) == 0
	}
	return "", false
}

// expressionLine is the line of what steps lead to inside an expression that stands at a line: an item of a list, a key of an object,
// also where jsonencode turns it into text.
func expressionLine(e hclsyntax.Expression, line int, steps []step) int {
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return expressionLine(e.Expression, line, steps)
	case *hclsyntax.FunctionCallExpr:
		if e.Name == "jsonencode" && len(e.Args) == 1 {
			return expressionLine(e.Args[0], line, steps)
		}
	case *hclsyntax.TupleConsExpr:
		if len(steps) > 0 && steps[0].name == "" && steps[0].index < len(e.Exprs) {
			item := e.Exprs[steps[0].index]
			return expressionLine(item, item.Range().Start.Line, steps[1:])
		}
	case *hclsyntax.ObjectConsExpr:
		return objectLine(e, line, steps)
	}
	return line
}

// objectLine follows steps into an object. A key may hold dots itself, so where one step is no key, more are tried together.
func objectLine(e *hclsyntax.ObjectConsExpr, line int, steps []step) int {
	name := ""
	for n := 0; n < len(steps) && steps[n].name != ""; n++ {
		if n > 0 {
			name += "."
		}
		name += steps[n].name
		for _, item := range e.Items {
			if keyText(item.KeyExpr) == name {
				return expressionLine(item.ValueExpr, item.KeyExpr.Range().Start.Line, steps[n+1:])
			}
		}
	}
	return line
}

func keyText(e hclsyntax.Expression) string {
	k, ok := e.(*hclsyntax.ObjectConsKeyExpr)
	if !ok {
		return ""
	}
	if word := hcl.ExprAsKeyword(k.Wrapped); word != "" && !k.ForceNonLiteral {
		return word
	}
	text, _ := literal(k.Wrapped)
	return text
}
