package messages

import (
	"maps"

	"ticketing/kernel/fault"
)

var enProblems = problems(table{
	"problems.title":    {"Problems"},
	"problems.lead":     {"Every answer of the API that is not a success is a problem document (RFC 9457) whose code is one of these."},
	"problems.list":     {"All problems"},
	"problems.code":     {"Code"},
	"problems.status":   {"Status"},
	"problems.meaning":  {"Meaning"},
	"problems.answer":   {"As an answer of the API"},
	"problems.happened": {"…what happened this time…"},
	"problems.path":     {"…the path that was asked for…"},
	"problems.trace":    {"…under which the log has more…"},
})

// problems adds the catalogue of faults, which is written in English.
func problems(others table) table {
	all := maps.Clone(others)
	for _, c := range fault.Catalog {
		all["problem."+c.Name+".title"] = form{c.Title}
		all["problem."+c.Name+".help"] = form{c.Help}
	}
	return all
}
