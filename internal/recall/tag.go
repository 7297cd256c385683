package recall

import (
	"crypto/aes"
	"crypto/cipher"
)

// Tag tells the text of one change from every other.
type Tag [16]byte

// Tagger makes tags under a key of the user's. A plan of many megabytes is tagged on every run, which SHA-256 would take a good part of
// the run for.
type Tagger struct {
	gcm   cipher.AEAD
	nonce []byte
}

// Tagger gives the tagger of this folder.
func (f *Folder) Tagger() *Tagger {
	block, err := aes.NewCipher(derive(f.code, "tags"))
	if err != nil {
		panic(err) // the key has 32 bytes
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // the block has 16 bytes
	}
	return &Tagger{gcm: gcm, nonce: make([]byte, gcm.NonceSize())}
}

// Tag is the GHASH of NIST SP 800-38D of a text, masked: AES-GCM's code of additional data under one nonce. Who does not know the key can make
// two texts of n blocks of 16 bytes with one tag no better than by chance, n in 2^128 (McGrew and Viega, "The Security and Performance of the
// Galois/Counter Mode", theorem 2). One nonce for all would give the key away to who sees tags; they never leave the folder of the
// key. Tags are told from forged ones by the code of the file that they are in. It may be called by several goroutines at once.
func (t *Tagger) Tag(text []byte) (tag Tag) {
	t.gcm.Seal(tag[:0], t.nonce, nil, text)
	return tag
}
