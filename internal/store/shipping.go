package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// shippingStatements are the SQL of leases and of shipping's cursors.
type shippingStatements struct {
	lease     string // name, owner, microseconds -> 1 when it is the owner's now
	holdLease string // name, owner, microseconds; changes a row only while it is the owner's
	release   string // name, owner
	startShip string // destination, now; changes nothing when it is known
	shipment  string // destination -> next
	shipped   string // destination, next, now
	shipError string // destination, error, now
	shipments string // -> destination, next, error, updated
	setShip   string // destination, next, now
}

func shippingSQLite() shippingStatements {
	expand := strings.NewReplacer("{now}", sqliteNow).Replace
	return shippingStatements{
		lease: expand(`INSERT INTO leases (name, owner, until) VALUES (?1, ?2, {now} + ?3)
			ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until
				WHERE owner = excluded.owner OR until <= {now}
			RETURNING 1`),
		holdLease: expand(`UPDATE leases SET until = {now} + ?3 WHERE name = ?1 AND owner = ?2`),
		release:   `DELETE FROM leases WHERE name = ?1 AND owner = ?2`,
		startShip: `INSERT INTO shipping (destination, next, updated) VALUES (?1, 0, ?2) ON CONFLICT (destination) DO NOTHING`,
		shipment:  `SELECT next FROM shipping WHERE destination = ?1`,
		shipped:   `UPDATE shipping SET next = ?2, error = '', updated = ?3 WHERE destination = ?1`,
		shipError: `UPDATE shipping SET error = ?2, updated = ?3 WHERE destination = ?1`,
		shipments: `SELECT destination, next, error, updated FROM shipping ORDER BY destination`,
		setShip:   `UPDATE shipping SET next = ?2, error = '', updated = ?3 WHERE destination = ?1`,
	}
}

func shippingPostgres() shippingStatements {
	expand := strings.NewReplacer("{now}", postgresNow).Replace
	return shippingStatements{
		lease: expand(`INSERT INTO leases AS l (name, owner, until) VALUES ($1, $2, {now} + $3::bigint * interval '1 microsecond')
			ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until
				WHERE l.owner = excluded.owner OR l.until <= {now}
			RETURNING 1::bigint`),
		holdLease: expand(`UPDATE leases SET until = {now} + $3::bigint * interval '1 microsecond' WHERE name = $1 AND owner = $2`),
		release:   `DELETE FROM leases WHERE name = $1 AND owner = $2`,
		startShip: `INSERT INTO shipping (destination, next, updated) VALUES ($1, 0, $2) ON CONFLICT (destination) DO NOTHING`,
		shipment:  `SELECT next FROM shipping WHERE destination = $1`,
		shipped:   `UPDATE shipping SET next = $2, error = '', updated = $3 WHERE destination = $1`,
		shipError: `UPDATE shipping SET error = $2, updated = $3 WHERE destination = $1`,
		shipments: `SELECT destination, next, error, updated FROM shipping ORDER BY destination`,
		setShip:   `UPDATE shipping SET next = $2, error = '', updated = $3 WHERE destination = $1`,
	}
}

// Lease makes owner the one who may do what name stands for, for the time d of the database's clock, and reports whether that
// succeeded: it does not while another one's time is not over. The owner may ask again, for longer.
func (s *Store) Lease(ctx context.Context, name, owner string, d time.Duration) (ok bool, err error) {
	err = s.write(ctx, func(c conn) error {
		ok, err = first(ctx, c, s.sql.shipping.lease, []any{name, owner, d.Microseconds()}, new(int64))
		return err
	})
	if err != nil {
		return false, fmt.Errorf("taking the lease %s: %w", name, err)
	}
	return ok, nil
}

// Release ends a lease before its time. One that somebody else holds by now stays.
func (s *Store) Release(ctx context.Context, name, owner string) error {
	return s.execOne(ctx, "releasing the lease "+name, s.sql.shipping.release, name, owner)
}

// A Shipment says how far the log has come to a destination.
type Shipment struct {
	Destination string
	Next        int64  // index of the first entry that the destination has not taken
	Error       string // why the last attempt failed; "": it did not
	Updated     time.Time
}

func shipLease(destination string) string { return "shipping " + destination }

// StartShipment makes owner the only one who ships to a destination, for the time d, and returns the index of the first entry to
// ship; ok is false while another one ships. A destination that is new begins with entry 0.
func (s *Store) StartShipment(ctx context.Context, destination, owner string, d time.Duration) (next int64, ok bool, err error) {
	if destination == "" || len(destination) > maxKey {
		return 0, false, fmt.Errorf("shipping the log: a destination's name has 1 to %d bytes", maxKey)
	}
	err = s.write(ctx, func(c conn) (err error) {
		ok, err = first(ctx, c, s.sql.shipping.lease, []any{shipLease(destination), owner, d.Microseconds()}, new(int64))
		if err != nil || !ok {
			return err
		}
		if _, err := c.exec(ctx, s.sql.shipping.startShip, destination, s.now()); err != nil {
			return err
		}
		_, err = first(ctx, c, s.sql.shipping.shipment, []any{destination}, &next)
		return err
	})
	if err != nil {
		return 0, false, fmt.Errorf("starting to ship to %s: %w", destination, err)
	}
	return next, ok, nil
}

// Shipped stores that a destination has taken every entry before next, and prolongs the lease. It is [ErrLeaseLost] when another
// one ships by now: then the entries may come twice, but none is missed.
func (s *Store) Shipped(ctx context.Context, destination, owner string, next int64, d time.Duration) error {
	return s.asShipper(ctx, destination, owner, d, func(c conn) error {
		_, err := c.exec(ctx, s.sql.shipping.shipped, destination, next, s.now())
		return err
	})
}

// ShipmentFailed stores why a destination took nothing, and ends the lease: perhaps another replica reaches it.
func (s *Store) ShipmentFailed(ctx context.Context, destination, owner, reason string) error {
	return s.asShipper(ctx, destination, owner, time.Second, func(c conn) error {
		if _, err := c.exec(ctx, s.sql.shipping.shipError, destination, clip(reason), s.now()); err != nil {
			return err
		}
		_, err := c.exec(ctx, s.sql.shipping.release, shipLease(destination), owner)
		return err
	})
}

// EndShipment ends the lease; there is nothing left to ship.
func (s *Store) EndShipment(ctx context.Context, destination, owner string) error {
	return s.Release(ctx, shipLease(destination), owner)
}

func (s *Store) asShipper(ctx context.Context, destination, owner string, d time.Duration, f func(conn) error) error {
	err := s.write(ctx, func(c conn) error {
		n, err := c.exec(ctx, s.sql.shipping.holdLease, shipLease(destination), owner, d.Microseconds())
		if err != nil {
			return err
		}
		if n != 1 {
			return ErrLeaseLost
		}
		return f(c)
	})
	if err != nil {
		return fmt.Errorf("storing how far %s has come: %w", destination, err)
	}
	return nil
}

// Shipments says how far each destination has come that was ever shipped to.
func (s *Store) Shipments(ctx context.Context) ([]Shipment, error) {
	var list []Shipment
	err := s.engine.read(ctx, func(c conn) (err error) {
		list, err = collect(ctx, c, func(rs rows) (p Shipment, err error) {
			return p, rs.Scan(&p.Destination, &p.Next, &p.Error, &p.Updated)
		}, s.sql.shipping.shipments)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading how far the log was shipped: %w", err)
	}
	return list, nil
}

// SetShipment makes a destination that is known go on with another entry, and leave out what is before it; [ErrNotFound] when it is
// not known. next is at most the log's size.
func (s *Store) SetShipment(ctx context.Context, destination string, next int64) error {
	err := s.write(ctx, func(c conn) error {
		head, err := s.head(ctx, c, s.sql.readHead)
		if err != nil {
			return err
		}
		if next < 0 || next > head.size {
			return errors.New("there is no such entry")
		}
		n, err := c.exec(ctx, s.sql.shipping.setShip, destination, next, s.now())
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("setting how far %s has come: %w", destination, err)
	}
	return nil
}
