package store

import (
	"context"
	"database/sql/driver"

	"modernc.org/sqlite"
)

// sqliteConnector opens connections without going through the registry of drivers by name.
type sqliteConnector struct{ dsn string }

// Connect implements driver.Connector.
func (c sqliteConnector) Connect(context.Context) (driver.Conn, error) { return c.Driver().Open(c.dsn) }

// Driver implements driver.Connector.
func (c sqliteConnector) Driver() driver.Driver { return &sqlite.Driver{} }
