package cli

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/store"
)

func entryColumns() []string {
	return []string{"index", "time", "type", "verdict", "actor", "repository", "pull_request", "commit", "resources"}
}

func entryRow(e store.Entry) []string {
	return []string{
		strconv.FormatInt(e.Index, 10), e.Time.UTC().Format(time.RFC3339), e.Type, e.Verdict, e.Actor, e.Repository,
		number(e.PullRequest), e.Commit, strings.Join(e.Resources, " "),
	}
}

// printEntries writes at most limit entries, page by page: a log may be larger than the memory. The table for people, whose columns are
// as wide as their widest cell, is the exception.
func (w *world) printEntries(limit int, output string, page func(cursor string, n int) ([]store.Entry, string, error)) error {
	if output != "json" && output != "csv" {
		entries, err := collectPages(limit, page)
		if err != nil {
			return outside(err)
		}
		rows := make([][]string, len(entries))
		for i, e := range entries {
			rows[i] = entryRow(e)
		}
		return w.printTable(output, entries, entryColumns(), rows)
	}
	out := bufio.NewWriterSize(w.out, 64<<10)
	write, end := jsonEntries(out)
	if output == "csv" {
		write, end = csvEntries(out)
	}
	for cursor, left := "", limit; left > 0; {
		entries, next, err := page(cursor, min(left, 1000))
		if err != nil {
			return outside(err)
		}
		for _, e := range entries {
			if err := write(e); err != nil {
				return outside(err)
			}
		}
		left -= len(entries)
		if cursor = next; next == "" {
			break
		}
	}
	if err := end(); err != nil {
		return outside(err)
	}
	if err := out.Flush(); err != nil {
		return outside(err)
	}
	return nil
}

// jsonEntries writes a list as encoding/json indents it.
func jsonEntries(out io.Writer) (write func(store.Entry) error, end func() error) {
	n := 0
	write = func(e store.Entry) error {
		var text bytes.Buffer
		enc := json.NewEncoder(&text)
		enc.SetEscapeHTML(false)
		enc.SetIndent("  ", "  ")
		if err := enc.Encode(e); err != nil {
			return err
		}
		before := ",\n  "
		if n++; n == 1 {
			before = "[\n  "
		}
		_, err := fmt.Fprint(out, before, strings.TrimSuffix(text.String(), "\n"))
		return err
	}
	end = func() error {
		closing := "\n]\n"
		if n == 0 {
			closing = "[]\n"
		}
		_, err := io.WriteString(out, closing)
		return err
	}
	return write, end
}

func csvEntries(out io.Writer) (write func(store.Entry) error, end func() error) {
	table := csv.NewWriter(out)
	begun := false
	begin := func() error {
		if begun {
			return nil
		}
		begun = true
		return table.Write(entryColumns())
	}
	write = func(e store.Entry) error {
		if err := begin(); err != nil {
			return err
		}
		row := entryRow(e)
		for i := range row {
			row[i] = csvSafe(row[i])
		}
		return table.Write(row)
	}
	end = func() error {
		if err := begin(); err != nil {
			return err
		}
		table.Flush()
		return table.Error()
	}
	return write, end
}
