// Package store is where Gatehouse keeps what must survive: deliveries and the work they lead to, decisions and the facts
// behind them, and the audit log. It is the only package with SQL.
//
// Two databases, SQLite and PostgreSQL, each with its own schema and statements (sqlite*.go, postgres*.go); what happens in
// which order and in which transaction is written once, and storetest holds both to it.
//
// Three rules keep it honest:
//
//   - Whatever must not be lost is durable when the method returns. A method that returned an error may still have stored its
//     change (a connection can break after the commit), so every write can be repeated: deliveries and decisions by their id,
//     audit entries by their key, everything else because writing it twice is writing it once.
//   - What belongs together is one transaction: a delivery and its work; a decision, its audit entry and its publication.
//   - The audit log is only ever appended to a tree that still matches the checkpoint that was signed for it.
package store
