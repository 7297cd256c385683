package gatehouse.lib.duration_test

import data.gatehouse.lib.duration

test_minutes if {
	wanted := {"PT1H": 60, "PT45M": 45, "PT1H30M": 90, "P1D": 1440, "PT12H": 720, "1h0m0s": 60, "8h": 480, "30m": 30, "168h": 10080, "90s": 1.5}
	{text: duration.minutes(text) | some text, _ in wanted} == wanted
}

test_no_duration if {
	every text in ["", "soon", "1 hour", "token:0123", null, 7] {
		not duration.minutes(text)
	}
}
