package messages

var enOrders = table{
	"order.Created":         {"Being locked"},
	"order.AwaitingPayment": {"To be paid"},
	"order.Completed":       {"Paid"},
	"order.Cancelled":       {"Cancelled"},

	"cancelled.expired":            {"the time was over"},
	"cancelled.by_buyer":           {"by you"},
	"cancelled.payment_failed":     {"the payment failed"},
	"cancelled.ticket_changed":     {"the ticket was changed"},
	"cancelled.ticket_unavailable": {"somebody else was faster"},

	"charge.Created":   {"Not decided yet"},
	"charge.Failed":    {"Failed"},
	"charge.Completed": {"Completed"},

	"refund.due":       {"refund due"},
	"refund.pending":   {"refund under way"},
	"refund.succeeded": {"refunded"},
	"refund.failed":    {"refund tried again"},

	"returned.title":    {"Back from your bank"},
	"returned.stranger": {"Your bank has your answer. Sign in to see what became of your payment."},
	"returned.nothing":  {"Your bank has your answer. There is no order of yours at this address; look at your orders for what became of it."},
	"returned.unpaid":   {"No payment has been submitted for “%s”."},
	"returned.waiting":  {"Your bank has your answer, and your payment for “%s” is being completed. This page looks again by itself."},
	"returned.failed":   {"The payment for “%s” did not go through. Nothing was charged."},
	"returned.refunded": {"The order of “%s” was over before the payment was, so your money goes back."},
	"returned.paid":     {"“%s” is yours. You paid %s."},
	"returned.payment":  {"Payment"},
	"returned.order":    {"Order"},

	"countdown.say":   {"One minute left to pay.", "%d minutes left to pay."},
	"countdown.over":  {"Your time to pay is over."},
	"countdown.until": {"until %s"},
}
