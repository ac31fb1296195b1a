package messages

var enMarket = table{
	"market.title": {"Tickets from fan to fan"},
	"market.lead":  {"Order a ticket and it is locked for you alone, until you have paid or your time is over."},
	"market.empty": {"Nothing is on sale right now."},
	"market.list":  {"Tickets on sale"},

	"ticket.available": {"Available"},
	"ticket.locked":    {"Locked"},
	"ticket.sold":      {"Sold"},
	"ticket.withdrawn": {"Withdrawn"},
	"ticket.undated":   {"Date not given"},
}
