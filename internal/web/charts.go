package web

import (
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// chartDays is how many days the bars show.
const chartDays = 30

// bar is one day of the chart. Heights and places are in the chart's own units.
type bar struct {
	X     int
	Label string
	Parts []part
	Empty bool
}

type part struct {
	Class     string
	Y, Height float64
}

// chart is the verdicts a day as stacked bars, with its summary in words.
type chart struct {
	Bars                     []bar
	Width                    int
	Words                    string
	Pass, Wait, Fail, Errors int
	First, Last              string
}

// Total is how many decisions the chart shows.
func (c chart) Total() int { return c.Pass + c.Wait + c.Fail + c.Errors }

const (
	barStep   = 10
	barHeight = 60.0
)

// chartOf lays out the decisions of the last days. Days without any are shown as such.
func chartOf(days []store.DayCount, now time.Time) chart {
	byDay := map[string]map[string]int{}
	for _, d := range days {
		if byDay[d.Day] == nil {
			byDay[d.Day] = map[string]int{}
		}
		byDay[d.Day][d.Verdict] += d.N
	}
	most := 1
	for _, v := range byDay {
		most = max(most, v["pass"]+v["wait"]+v["fail"]+v["error"])
	}
	c := chart{Width: chartDays * barStep}
	today := now.UTC().Truncate(24 * time.Hour)
	for i := range chartDays {
		date := today.AddDate(0, 0, i-chartDays+1)
		counts := byDay[date.Format(time.DateOnly)]
		b := bar{X: i * barStep, Empty: len(counts) == 0}
		var words []string
		y := barHeight
		for _, verdict := range []string{"pass", "wait", "fail", "error"} {
			n := counts[verdict]
			if n == 0 {
				continue
			}
			height := float64(n) / float64(most) * barHeight
			y -= height
			b.Parts = append(b.Parts, part{Class: verdict, Y: y, Height: height})
			words = append(words, fmt.Sprintf("%d %s", n, verdictWord(verdict)))
		}
		b.Label = date.Format("2 Jan") + ": " + strings.Join(words, ", ")
		if b.Empty {
			b.Label = date.Format("2 Jan") + ": none"
		}
		c.Bars = append(c.Bars, b)
		c.Pass, c.Wait, c.Fail, c.Errors = c.Pass+counts["pass"], c.Wait+counts["wait"], c.Fail+counts["fail"], c.Errors+counts["error"]
	}
	c.First, c.Last = today.AddDate(0, 0, 1-chartDays).Format("2 Jan"), today.Format("2 Jan")
	c.Words = fmt.Sprintf("Decisions a day in the last %d days: %d passed, %d waited, %d were blocked, %d could not be judged.", chartDays, c.Pass, c.Wait, c.Fail, c.Errors)
	return c
}

// chartSince is the first moment that the chart shows.
func chartSince(now time.Time) time.Time {
	return now.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1-chartDays)
}
