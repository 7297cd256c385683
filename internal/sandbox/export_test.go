package sandbox

// SparePID is the process id of the worker that was started ahead, 0 when there is none.
func (p *Pool) SparePID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.spare == nil {
		return 0
	}
	return p.spare.cmd.Process.Pid
}
