package messages

var deOrders = table{
	"order.Created":         {"Wird reserviert"},
	"order.AwaitingPayment": {"Zu bezahlen"},
	"order.Completed":       {"Bezahlt"},
	"order.Cancelled":       {"Storniert"},

	"cancelled.expired":            {"die Zeit war abgelaufen"},
	"cancelled.by_buyer":           {"von dir"},
	"cancelled.payment_failed":     {"die Zahlung ist gescheitert"},
	"cancelled.ticket_changed":     {"das Ticket wurde geändert"},
	"cancelled.ticket_unavailable": {"jemand anderes war schneller"},

	"charge.Created":   {"Noch nicht entschieden"},
	"charge.Failed":    {"Gescheitert"},
	"charge.Completed": {"Abgeschlossen"},

	"refund.due":       {"Erstattung steht aus"},
	"refund.pending":   {"Erstattung läuft"},
	"refund.succeeded": {"erstattet"},
	"refund.failed":    {"Erstattung wird wiederholt"},

	"returned.title":    {"Zurück von deiner Bank"},
	"returned.stranger": {"Deine Bank hat deine Antwort. Melde dich an, um zu sehen, was aus deiner Zahlung geworden ist."},
	"returned.nothing":  {"Deine Bank hat deine Antwort. Unter dieser Adresse gibt es keine Bestellung von dir; sieh in deinen Bestellungen nach."},
	"returned.unpaid":   {"Für „%s“ ist keine Zahlung abgeschickt worden."},
	"returned.waiting":  {"Deine Bank hat deine Antwort, und deine Zahlung für „%s“ wird gerade abgeschlossen. Diese Seite sieht von selbst noch einmal nach."},
	"returned.failed":   {"Die Zahlung für „%s“ hat nicht geklappt. Es wurde nichts abgebucht."},
	"returned.refunded": {"Die Bestellung von „%s“ war vor der Zahlung zu Ende, deshalb geht dein Geld zurück."},
	"returned.paid":     {"„%s“ gehört dir. Du hast %s bezahlt."},
	"returned.payment":  {"Zahlung"},
	"returned.order":    {"Bestellung"},

	"countdown.say":   {"Noch eine Minute zum Bezahlen.", "Noch %d Minuten zum Bezahlen."},
	"countdown.over":  {"Deine Zeit zum Bezahlen ist abgelaufen."},
	"countdown.until": {"bis %s Uhr"},
}
