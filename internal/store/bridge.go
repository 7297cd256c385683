package store

import (
	"context"
	"log/slog"

	"github.com/sirupsen/logrus"
)

// bridge hands the queue's warnings and errors to the program's log.
type bridge struct{ entry *logrus.Entry }

// Enabled implements slog.Handler.
func (b bridge) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

// Handle implements slog.Handler.
func (b bridge) Handle(_ context.Context, r slog.Record) error {
	entry := b.entry
	r.Attrs(func(a slog.Attr) bool {
		entry = entry.WithField(a.Key, a.Value.Any())
		return true
	})
	entry.Log(logrusLevel(r.Level), r.Message)
	return nil
}

// WithAttrs implements slog.Handler.
func (b bridge) WithAttrs(attrs []slog.Attr) slog.Handler {
	entry := b.entry
	for _, a := range attrs {
		entry = entry.WithField(a.Key, a.Value.Any())
	}
	return bridge{entry}
}

// WithGroup implements slog.Handler; the queue does not use groups.
func (b bridge) WithGroup(string) slog.Handler { return b }

func logrusLevel(level slog.Level) logrus.Level {
	if level >= slog.LevelError {
		return logrus.ErrorLevel
	}
	return logrus.WarnLevel
}
