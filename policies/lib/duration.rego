# METADATA
# title: Durations
# description: Durations as Go programs ("8h30m", "7d") and ISO 8601 ("PT8H30M", "P1D") write them.
package gatehouse.lib.duration

# METADATA
# description: The whole duration in minutes; undefined for text that is no duration.
minutes(text) := sum([amount |
	some part in regex.find_all_string_submatch_n(`([0-9]+)([dhms])`, trim_prefix(trim_prefix(lower(text), "p"), "t"), -1)
	amount := to_number(part[1]) * factors[part[2]]
]) / 60 if {
	is_string(text)
	regex.match(`(?i)^p?([0-9]+d)?t?([0-9]+h)?([0-9]+m)?([0-9]+s)?$`, text)
	text != ""
}

factors := {"d": 86400, "h": 3600, "m": 60, "s": 1}
