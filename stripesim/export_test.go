package stripesim

import "ticketing/test/stripespec"

// APIVersion is the version that the simulator says it speaks.
const APIVersion = apiVersion

// DueQuery is how deliveries that are due are found.
const DueQuery = dueQuery

// Changes are the members of an object that an update changed, as they were.
var Changes = changes

// OnParameter tells which parameters the endpoints read, and how, whether they were sent or not. The route is a method and
// a pattern.
func (s *Sim) OnParameter(told func(route string, p stripespec.Parameter)) {
	s.asked = func(route string, p parameter) {
		told(route, stripespec.Parameter{Name: p.name, Kind: p.kind, Max: p.max, Values: p.values})
	}
}

// Routes are the methods and patterns of the API.
func Routes() (all []string) {
	for _, r := range routes {
		all = append(all, r.method+" "+r.path)
	}
	return all
}
