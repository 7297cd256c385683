// Package shipping brings every entry of the audit log to where people collect their logs: syslog (RFC 5424 over TCP or TLS),
// OTLP over HTTP, JSON Lines on standard output.
//
// Each destination has a cursor in the database. It moves on only when the receiver has taken the entries, so while a receiver is
// down they wait in the log, in their order, over restarts too; what was under way when something broke is sent again. So every
// entry comes at least once, and one that comes twice is known by its index. Of several replicas one ships to a destination at a
// time.
//
// The log holds text of strangers. Nothing in it can end a message or begin another one: see [Line] and the destinations.
package shipping
