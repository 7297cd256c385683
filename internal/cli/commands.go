package cli

import "github.com/spf13/cobra"

func (w *world) commands() []*cobra.Command {
	return []*cobra.Command{
		w.demoCommand(),
		w.serveCommand(),
		w.setupCommand(),
		w.doctorCommand(),
		w.checkCommand(),
		w.planCommand(),
		w.rulesCommand(),
		w.configCommand(),
		w.migrateCommand(),
		w.decideCommand(),
		w.replayCommand(),
		w.backtestCommand(),
		w.auditCommand(),
		w.verifyCommand(),
		w.healthCommand(),
		w.workerCommand(),
	}
}
