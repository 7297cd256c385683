package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
)

// parseSignature reads the header X-Hub-Signature-256.
func parseSignature(header string) ([]byte, error) {
	digits, ok := strings.CutPrefix(header, "sha256=")
	signature, err := hex.DecodeString(digits)
	if !ok || err != nil || len(signature) != sha256.Size {
		return nil, refuse(http.StatusUnauthorized, "the header X-Hub-Signature-256 is missing or is not a signature; set the secret on the App's webhook")
	}
	return signature, nil
}

// signed reports whether any of the secrets made the signature, in a time that does not depend on which, or on where they
// differ.
func (h *Handler) signed(body, signature []byte) bool {
	ok := false
	for _, secret := range h.secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write(body)
		ok = hmac.Equal(mac.Sum(nil), signature) || ok
	}
	return ok
}

// Sign returns the value of X-Hub-Signature-256 for a body, as GitHub makes it.
func Sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}
