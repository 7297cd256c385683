package config

import "time"

// Least of what a worker process needs to do anything, and most of what makes sense.
const (
	minWorkerMemory = 256 << 20
	maxWorkerMemory = 1 << 40
	minWorkerTime   = time.Second
	maxWorkerTime   = time.Hour
)

// workers checks the limits of worker processes.
func (c *checker) workers(s *Server) {
	if s.WorkerMemory < minWorkerMemory || s.WorkerMemory > maxWorkerMemory {
		c.bad("GATEHOUSE_WORKER_MEMORY", "is %d; it is a number of bytes from %d to %d", s.WorkerMemory, int64(minWorkerMemory), int64(maxWorkerMemory))
	}
	if s.WorkerTime < minWorkerTime || s.WorkerTime > maxWorkerTime {
		c.bad("GATEHOUSE_WORKER_TIME", "is %s; it is a time from %s to %s, such as 4m", s.WorkerTime, minWorkerTime, maxWorkerTime)
	}
}
