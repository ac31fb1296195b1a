package messages

var deMarket = table{
	"market.title": {"Tickets von Fan zu Fan"},
	"market.lead":  {"Bestell ein Ticket, und es ist nur für dich reserviert, bis du bezahlt hast oder deine Zeit abgelaufen ist."},
	"market.empty": {"Im Moment gibt es nichts zu kaufen."},
	"market.list":  {"Tickets im Verkauf"},

	"ticket.available": {"Verfügbar"},
	"ticket.locked":    {"Reserviert"},
	"ticket.sold":      {"Verkauft"},
	"ticket.withdrawn": {"Zurückgezogen"},
	"ticket.undated":   {"Ohne Datum"},
}
