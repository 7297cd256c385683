// Package rules judges documents with Rego: it loads rules, checks their metadata, compiles what the documents at hand need,
// runs it, and compares the change with what was there before. It is the only importer of OPA.
//
// docs/writing-rules.md is the contract with the authors of rules. Three choices here are not visible there:
//
// Metadata is read from the comment at the top of a rule without parsing its Rego, and only rules whose inspected types occur
// among the documents are parsed and compiled: a library of hundreds of rules costs a small repository nothing. The
// repository's own rules are always compiled, so that a broken one is loud even where nothing needs it.
//
// All rules of one document type are asked in one query, which shares what their helpers work out. Only when that query fails
// are the rules asked one by one, to find the one at fault; its failure is a [gate.Problem], and the others still judge.
//
// A builtin that is handed what it cannot use (json.unmarshal of a text that is not JSON, lower of null) leaves the expression
// undefined, as everywhere in Rego: attributes of every type pass through rules, and rules are written to that. Making such
// errors fatal would turn ordinary null attributes into error decisions. Conflicts between results, exceeded limits and
// internal failures are fatal to the rule and never pass.
package rules
