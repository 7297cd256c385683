package config_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/config"
)

func TestLimitsOfWorkers(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string]string{
		"GATEHOUSE_WORKER_MEMORY=1000": "GATEHOUSE_WORKER_MEMORY is 1000; it is a number of bytes from 268435456 to 1099511627776",
		"GATEHOUSE_WORKER_TIME=1ms":    "GATEHOUSE_WORKER_TIME is 1ms; it is a time from 1s to 1h0m0s, such as 4m",
		"GATEHOUSE_WORKER_TIME=soon":   "GATEHOUSE_WORKER_TIME is not what it should be: unable to parse duration: time: invalid duration",
	} {
		_, err := config.Load([]string{setting, "HOME=/home/ann"}, nil)
		var wrong *config.Error
		if !errors.As(err, &wrong) || !strings.Contains(wrong.Error(), want) {
			t.Errorf("%s: %v", setting, err)
		}
	}
}
