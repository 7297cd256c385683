package web

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// sessionLife is how long a login holds; GitHub's token of an App's user ends after the same eight hours.
const sessionLife = 8 * time.Hour

// session is what is kept about a login. It lies in the database, sealed with a key that is in the person's cookie alone: a
// copy of the database gives nobody's token away.
type session struct {
	Login   string    `json:"login"`
	Token   string    `json:"token"`
	Expires time.Time `json:"expires"`
}

// sessionCookie is the cookie's name. The prefix makes browsers refuse it without Secure, or from another host's page.
func (s *site) sessionCookie() string {
	if s.https() {
		return "__Host-gatehouse"
	}
	return "gatehouse"
}

func (s *site) cookie(name, value string, life time.Duration) *http.Cookie {
	c := &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, Secure: s.https(), SameSite: http.SameSiteLaxMode, MaxAge: int(life.Seconds())}
	if value == "" {
		c.MaxAge = -1
	}
	return c
}

// sealing is the database's id of a session and the cipher of its content, both made from the secret in the cookie.
func sealing(secret []byte) (id string, box cipher.AEAD, err error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "gatehouse session key", 32)
	if err != nil {
		return "", nil, fmt.Errorf("deriving a session's key: %w", err)
	}
	name, err := hkdf.Key(sha256.New, secret, nil, "gatehouse session id", 32)
	if err != nil {
		return "", nil, fmt.Errorf("deriving a session's id: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", nil, fmt.Errorf("sealing a session: %w", err)
	}
	box, err = cipher.NewGCMWithRandomNonce(block)
	return base64.RawURLEncoding.EncodeToString(name), box, err
}

// begin starts a session and sets its cookie.
func (s *site) begin(w http.ResponseWriter, r *http.Request, held session) error {
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return fmt.Errorf("making a session: %w", err)
	}
	id, box, err := sealing(secret)
	if err != nil {
		return err
	}
	content, err := json.Marshal(held)
	if err != nil {
		return fmt.Errorf("writing a session: %w", err)
	}
	if err := s.Store.SaveSession(r.Context(), id, box.Seal(nil, nil, content, []byte(id)), held.Expires); err != nil {
		return err
	}
	http.SetCookie(w, s.cookie(s.sessionCookie(), base64.RawURLEncoding.EncodeToString(secret), held.Expires.Sub(s.Clock())))
	return nil
}

// session is the request's session; [store.ErrNotFound] when it has none that holds.
func (s *site) session(r *http.Request) (session, error) {
	secret, ok := s.secret(r)
	if !ok {
		return session{}, store.ErrNotFound
	}
	id, box, err := sealing(secret)
	if err != nil {
		return session{}, err
	}
	sealed, err := s.Store.Session(r.Context(), id)
	if err != nil {
		return session{}, err
	}
	var held session
	content, err := box.Open(nil, nil, sealed, []byte(id))
	if err != nil || json.Unmarshal(content, &held) != nil || !s.Clock().Before(held.Expires) {
		return session{}, store.ErrNotFound // damaged or ended: the person logs in again
	}
	return held, nil
}

func (s *site) secret(r *http.Request) ([]byte, bool) {
	c, err := r.Cookie(s.sessionCookie())
	if err != nil {
		return nil, false
	}
	secret, err := base64.RawURLEncoding.DecodeString(c.Value)
	return secret, err == nil && len(secret) == 32
}

// endSession ends the request's session here and in the browser.
func (s *site) endSession(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, s.cookie(s.sessionCookie(), "", 0))
	secret, ok := s.secret(r)
	if !ok {
		return
	}
	id, _, err := sealing(secret)
	if err == nil {
		err = s.Store.DropSession(r.Context(), id)
	}
	if err != nil {
		s.Log.WithError(err).Error("ending a session")
	}
}
