package document

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	hexcode "encoding/hex"
	"encoding/json"
	"slices"
)

// TokenPrefix begins every token that stands for a secret value.
const TokenPrefix = "token:"

// A Redactor replaces secret values by tokens: "token:" and 32 hexadecimal digits, an HMAC-SHA256 of the value's canonical JSON
// under a key of the installation. One value always has one token, so rules can still compare; without the key a token says
// nothing, not even about a value that is easy to guess. A nil Redactor uses an empty key: good enough for tests only.
type Redactor struct {
	key  []byte
	keep bool // a value that is a token already stays as it is
}

// NewRedactor makes a Redactor of a key, which should be 32 random bytes that the installation keeps.
func NewRedactor(key []byte) *Redactor { return &Redactor{key: slices.Clone(key)} }

// Token is the token, as a JSON string, of a value given as JSON. Null stays null, for it only says that there is no value.
func (r *Redactor) Token(value json.RawMessage) json.RawMessage {
	if bytes.Equal(bytes.TrimSpace(value), []byte("null")) {
		return json.RawMessage("null")
	}
	return json.RawMessage(`"` + r.token(value) + `"`)
}

func (r *Redactor) token(value []byte) string {
	var key []byte
	if r != nil {
		if r.keep && isToken(value) {
			return string(value[1 : len(value)-1])
		}
		key = r.key
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(canonical(value))
	return TokenPrefix + hexcode.EncodeToString(mac.Sum(nil)[:16])
}

// text is the token of a string that is not JSON yet.
func (r *Redactor) text(s string) string {
	return r.token(appendString(nil, s))
}

// canonical is the JSON with its keys sorted, without white space, strings in one spelling. Numbers stay as they are spelled.
func canonical(value []byte) []byte {
	if isPlain(value) {
		return value
	}
	decoder := json.NewDecoder(bytes.NewReader(value))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return value
	}
	out, err := json.Marshal(v)
	if err != nil {
		return value
	}
	return out
}

// isPlain reports whether JSON is a string of letters, digits and the like, which has one spelling only.
func isPlain(value []byte) bool {
	if len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"' {
		return false
	}
	for _, c := range value[1 : len(value)-1] {
		if c < ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}

// hasTrue reports whether a mask marks anything. A key that holds the word costs a slower path, nothing else.
func hasTrue(mask []byte) bool { return bytes.Contains(mask, []byte("true")) }

// masked is the value, checked JSON, with everything that the mask marks replaced by tokens. Nothing marked: the value itself,
// not a copy. A mask is Terraform's: true for all of it, or the shape of the value with true inside. Where the shapes do not
// agree, the whole value is taken for secret.
func (r *Redactor) masked(value, mask []byte) json.RawMessage {
	if !hasTrue(mask) {
		return value
	}
	return r.appendMasked(make([]byte, 0, len(value)), value, mask)
}

func (r *Redactor) appendMasked(out, value, mask []byte) []byte {
	switch {
	case !hasTrue(mask):
		return append(out, value...)
	case mask[0] == '{' && value[0] == '{':
		return r.appendObject(out, value, mask)
	case mask[0] == '[' && value[0] == '[':
		return r.appendArray(out, value, mask)
	}
	return append(out, r.Token(value)...)
}

func (r *Redactor) appendObject(out, value, mask []byte) []byte {
	masks := map[string][]byte{}
	fields(mask, func(key, mask []byte) {
		if hasTrue(mask) {
			masks[text(key)] = mask
		}
	})
	out = append(out, '{')
	first := true
	fields(value, func(key, value []byte) {
		if !first {
			out = append(out, ',')
		}
		first = false
		out = append(append(out, key...), ':')
		if mask, ok := masks[text(key)]; ok {
			out = r.appendMasked(out, value, mask)
		} else {
			out = append(out, value...)
		}
	})
	return append(out, '}')
}

func (r *Redactor) appendArray(out, value, mask []byte) []byte {
	var masks, values [][]byte
	elements(mask, func(mask []byte) { masks = append(masks, mask) })
	elements(value, func(value []byte) { values = append(values, value) })
	if len(masks) != len(values) {
		return append(out, r.Token(value)...)
	}
	out = append(out, '[')
	for i, value := range values {
		if i > 0 {
			out = append(out, ',')
		}
		out = r.appendMasked(out, value, masks[i])
	}
	return append(out, ']')
}

// shortestSecret is the length, quotes included, from which a secret is looked for outside of where its mask is. Shorter ones are
// words like "" and "no" that stand everywhere.
const shortestSecret = 6

// secretStrings collects the strings, still quoted, that a mask marks in a value.
func secretStrings(value, mask []byte, found map[string]bool) {
	if len(value) == 0 || !hasTrue(mask) {
		return
	}
	switch {
	case mask[0] == '{' && value[0] == '{':
		masks := byName(mask)
		fields(value, func(key, value []byte) { secretStrings(value, masks[text(key)], found) })
	case mask[0] == '[' && value[0] == '[':
		var masks [][]byte
		elements(mask, func(mask []byte) { masks = append(masks, mask) })
		i := 0
		elements(value, func(value []byte) {
			if i < len(masks) {
				secretStrings(value, masks[i], found)
			}
			i++
		})
	default:
		eachString(value, func(_ int, quoted []byte) {
			if len(quoted) >= shortestSecret {
				found[string(quoted)] = true
			}
		})
	}
}

// longestWord is the length of a secret, without its quotes, from which it is also looked for inside of other texts, such as addresses that hold
// a password.
const longestWord = 8

// spread is a mask that also marks the strings of the value which are secrets, or hold one. Providers copy a secret to attributes that nothing
// marks: terraform_data shows its sensitive input again as its output.
func spread(value, mask []byte, secrets map[string]bool) []byte {
	if len(value) == 0 || len(secrets) == 0 {
		return mask
	}
	var long [][]byte
	for s := range secrets {
		if len(s) >= longestWord+2 && isPlain([]byte(s)) {
			long = append(long, []byte(s[1:len(s)-1]))
		}
	}
	secret := func(quoted []byte) bool {
		return secrets[string(quoted)] || slices.ContainsFunc(long, func(s []byte) bool { return bytes.Contains(quoted, s) })
	}
	found := false
	eachString(value, func(_ int, quoted []byte) { found = found || secret(quoted) })
	if !found {
		return mask
	}
	return appendSpread(nil, value, mask, secret)
}

func appendSpread(out, value, mask []byte, secret func(quoted []byte) bool) []byte {
	if string(mask) == "true" {
		return append(out, mask...)
	}
	agrees := len(mask) == 0 || mask[0] == value[0] || !hasTrue(mask)
	switch {
	case value[0] == '{' && agrees:
		masks := byName(mask)
		out = append(out, '{')
		fields(value, func(key, value []byte) {
			own, known := masks[text(key)]
			before := len(out)
			if out[before-1] != '{' {
				out = append(out, ',')
			}
			out = append(append(out, key...), ':')
			at := len(out)
			if out = appendSpread(out, value, own, secret); !known && !hasTrue(out[at:]) {
				out = out[:before]
			}
		})
		return append(out, '}')
	case value[0] == '[' && agrees:
		var masks [][]byte
		if len(mask) > 0 && mask[0] == '[' {
			elements(mask, func(mask []byte) { masks = append(masks, mask) })
		}
		out = append(out, '[')
		i := 0
		elements(value, func(value []byte) {
			if i > 0 {
				out = append(out, ',')
			}
			var own []byte
			if i < len(masks) {
				own = masks[i]
			}
			out = appendSpread(out, value, own, secret)
			i++
		})
		return append(out, ']')
	case hasTrue(mask), value[0] == '"' && secret(value):
		return append(out, "true"...) // all of it, also where the shapes do not agree
	}
	return append(out, "false"...)
}

// without is the value with every string that is one of the secrets replaced. Providers copy a secret to attributes that nothing
// marks: terraform_data shows its sensitive input again as its output.
func (r *Redactor) without(value []byte, secrets map[string]bool) []byte {
	if len(value) == 0 || len(secrets) == 0 {
		return value
	}
	var out []byte
	done := 0
	eachString(value, func(at int, quoted []byte) {
		if secrets[string(quoted)] {
			out = append(append(out, value[done:at]...), r.Token(quoted)...)
			done = at + len(quoted)
		}
	})
	if done == 0 {
		return value
	}
	return append(out, value[done:]...)
}

// eachString calls f with every string of checked JSON that is no key, still quoted, and where it stands.
func eachString(value []byte, f func(at int, quoted []byte)) {
	for i := 0; i < len(value); {
		if value[i] != '"' {
			i++
			continue
		}
		end := skipString(value, i)
		if after := skipSpace(value, end); after >= len(value) || value[after] != ':' {
			f(i, value[i:end])
		}
		i = end
	}
}

// appendString appends a Go string as JSON, without the HTML escapes of encoding/json.
func appendString(out []byte, s string) []byte {
	plain := true
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			plain = false
			break
		}
	}
	if plain {
		return append(append(append(out, '"'), s...), '"')
	}
	return append(out, marshal(s)...)
}

// marshal is json.Marshal without HTML escapes, for values that cannot fail.
func marshal(v any) []byte {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return []byte("null")
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n"))
}
