package recall_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gatehouse-dev/gatehouse/internal/recall"
)

func memory(n int) *recall.Memory {
	m := &recall.Memory{Size: 1000 * n, Direct: n%2 == 0, Context: sha256.Sum256([]byte("context"))}
	for i := range n {
		m.Changes = append(m.Changes, recall.Change{
			Offset: 1000 * i, Size: 999, Lines: i % 5, Tag: recall.Tag{1, 15: byte(i)}, Bare: i%3 > 0, Type: "aws_instance", Name: "this",
			Resource: fmt.Sprintf("aws_instance.this[%d]", i), Actions: [][]string{{"create"}, {"delete", "create"}, {"no op", ""}, {}}[i%4],
			Answer: []byte(`[{"rule":"A","message":"x"}]`)[:28*(i%2)],
		})
	}
	return m
}

func open(t *testing.T, dir string) *recall.Folder {
	t.Helper()
	f, err := recall.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func save(t *testing.T, f *recall.Folder, scope [32]byte, m *recall.Memory) {
	t.Helper()
	if err := f.Save(scope, m); err != nil {
		t.Fatal(err)
	}
}

func plans(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "plans", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestMemoryComesBackAsItWas(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	scope := sha256.Sum256([]byte("scope"))
	for _, n := range []int{0, 1, 100} {
		save(t, open(t, dir), scope, memory(n))
		got := open(t, dir).Load(scope, time.Now())
		if diff := cmp.Diff(memory(n), got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%d changes:\n%s", n, diff)
		}
	}
	if got := open(t, dir).Load(sha256.Sum256([]byte("another")), time.Now()); got != nil {
		t.Error("a memory of another scope was given")
	}
}

// Whatever is done to the file, it does not count.
func TestForgedMemoryDoesNotCount(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	scope, second := sha256.Sum256([]byte("scope")), sha256.Sum256([]byte("second"))
	f := open(t, dir)
	save(t, f, scope, memory(10))
	file := plans(t, dir)[0]
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	forge := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if f.Load(scope, time.Now()) != nil {
			t.Errorf("%s: the memory counts", name)
		}
	}
	for i := range whole {
		changed := bytes.Clone(whole)
		changed[i] ^= 1
		forge(fmt.Sprintf("bit at %d", i), changed)
		forge(fmt.Sprintf("cut off at %d", i), whole[:i])
	}
	forge("something follows", append(bytes.Clone(whole), 0))
	save(t, open(t, other), scope, memory(10))
	theirs, err := os.ReadFile(plans(t, other)[0])
	if err != nil {
		t.Fatal(err)
	}
	forge("another user's", theirs)
	save(t, f, scope, memory(10))
	if err := os.Rename(file, filepath.Join(dir, "plans", fmt.Sprintf("%x", second))); err != nil {
		t.Fatal(err)
	}
	if f.Load(second, time.Now()) != nil {
		t.Error("a memory of one scope counts for another")
	}
	if err := os.Symlink(filepath.Join(dir, "plans", fmt.Sprintf("%x", second)), file); err != nil {
		t.Fatal(err)
	}
	if f.Load(scope, time.Now()) != nil {
		t.Error("a link counts")
	}
}

func TestFolderThatOthersCanWriteIsRefused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(dir string) error{
		"folder":       func(dir string) error { return os.Chmod(dir, 0o777) },                         //nolint:gosec // that is the point
		"plans":        func(dir string) error { return os.Chmod(filepath.Join(dir, "plans"), 0o770) }, //nolint:gosec // that is the point
		"key is open":  func(dir string) error { return os.Chmod(filepath.Join(dir, "key"), 0o644) },   //nolint:gosec // that is the point
		"key is short": func(dir string) error { return os.WriteFile(filepath.Join(dir, "key"), []byte("short"), 0o600) },
		"key is a folder": func(dir string) error {
			if err := os.Remove(filepath.Join(dir, "key")); err != nil {
				return err
			}
			return os.Mkdir(filepath.Join(dir, "key"), 0o700)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "check")
			open(t, dir)
			if err := spoil(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := recall.Open(dir); err == nil {
				t.Error("the folder was taken")
			}
		})
	}
}

func TestFolderStaysWithinItsBounds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := open(t, dir)
	begin := time.Now().Add(-time.Hour)
	for i := range 100 {
		scope := sha256.Sum256(fmt.Append(nil, i))
		save(t, f, scope, memory(1))
		at := begin.Add(time.Duration(i) * time.Second)
		if err := os.Chtimes(filepath.Join(dir, "plans", fmt.Sprintf("%x", scope)), at, at); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(plans(t, dir)); n != 64 {
		t.Errorf("there are %d memories; wanted: 64", n)
	}
	if f.Load(sha256.Sum256([]byte("99")), time.Now()) == nil || f.Load(sha256.Sum256([]byte("0")), time.Now()) != nil {
		t.Error("the oldest must leave, and the newest stay")
	}
	huge := memory(1)
	huge.Changes[0].Answer = make([]byte, 40<<20)
	scope := sha256.Sum256([]byte("huge"))
	save(t, f, scope, huge)
	if f.Load(scope, time.Now()) != nil {
		t.Error("a memory beyond the limit was kept")
	}
}

// Several processes may write and read at once: what is read is always one of what was written.
func TestMemoryIsNeverHalfWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	scope := sha256.Sum256([]byte("scope"))
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			f, err := recall.Open(dir)
			if err != nil {
				t.Error(err)
				return
			}
			for range 25 {
				if err := f.Save(scope, memory(100+i)); err != nil {
					t.Error(err)
				}
				if f.Load(scope, time.Now()) == nil {
					t.Error("what was saved does not count")
				}
			}
		})
	}
	group.Wait()
	if files, _ := filepath.Glob(filepath.Join(dir, "plans", ".new-*")); len(files) > 0 {
		t.Errorf("left behind: %v", files)
	}
}

// Tags are the same in each run of one user, and tell any two texts apart.
func TestTags(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tagger, again, others := open(t, dir).Tagger(), open(t, dir).Tagger(), open(t, t.TempDir()).Tagger()
	seen := map[recall.Tag]string{}
	for _, text := range []string{"", "\x00", "a", "b", strings.Repeat("a", 16), strings.Repeat("a", 17), strings.Repeat("a", 5000), strings.Repeat("a", 4999) + "b", "b" + strings.Repeat("a", 4999)} {
		tag := tagger.Tag([]byte(text))
		if other, known := seen[tag]; known {
			t.Errorf("%.20q and %.20q have one tag", other, text)
		}
		seen[tag] = text
		if again.Tag([]byte(text)) != tag {
			t.Errorf("%.20q has another tag in the next run", text)
		}
		if others.Tag([]byte(text)) == tag {
			t.Errorf("%.20q has the same tag under another key", text)
		}
	}
}
