package cli

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// retainEvery is how often old facts are looked for.
const retainEvery = time.Hour

// retaining drops what decisions were made from once they are older than keep, in one replica at a time.
func retaining(db *store.Store, keep time.Duration, clock func() time.Time, log *logrus.Entry) func(context.Context) {
	const lease = "retention"
	owner := rand.Text()
	return func(ctx context.Context) {
		tick := time.NewTicker(retainEvery)
		defer tick.Stop()
		for {
			// Held until the next look: another replica that looks a minute later need not.
			mine, err := db.Lease(ctx, lease, owner, retainEvery)
			if err == nil && mine {
				var dropped store.Dropped
				if dropped, err = db.Drop(ctx, clock().Add(-keep)); dropped.Blobs > 0 {
					log.WithFields(logrus.Fields{"blobs": dropped.Blobs, "bytes": dropped.Bytes, "entry": dropped.Entry}).Info("dropped what old decisions were made from")
				}
			}
			if err != nil && ctx.Err() == nil {
				log.WithError(err).Warn("old facts could not be dropped; the next attempt is in an hour")
			}
			select {
			case <-ctx.Done():
				ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
				defer cancel()
				if err := db.Release(ending, lease, owner); err != nil {
					log.WithError(err).Warn("ending retention; another replica goes on in an hour")
				}
				return
			case <-tick.C:
			}
		}
	}
}
