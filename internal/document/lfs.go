package document

import "bytes"

// isPointer reports whether a file is what Git LFS leaves in place of a large one.
func isPointer(data []byte) bool {
	return len(data) < 1024 && bytes.HasPrefix(data, []byte("version https://git-lfs.github.com/spec/")) && bytes.Contains(data, []byte("\noid sha256:"))
}

func pointerError() *manifestError {
	return &manifestError{
		line: 1, message: "is kept in Git LFS, so its content is not in the repository and cannot be judged",
		remedy: "Commit the file itself: take it out of .gitattributes, and run git add --renormalize on it.",
	}
}
