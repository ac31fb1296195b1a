package messages

var enHelp = table{
	"help.title":    {"How it works"},
	"help.lead":     {"Fans sell tickets to fans here. These are the few rules that keep that fair."},
	"help.contents": {"On this page"},

	"help.lock":   {"The lock: why a ticket is yours for a while"},
	"help.lock.1": {"When you order a ticket it is locked for you alone, usually for 15 minutes. Nobody else can order it meanwhile, and its seller can neither change its price nor take it back. Your order shows how much time is left, by our clock, so all your tabs and devices agree."},
	"help.lock.2": {"When the time is over, or you cancel, the ticket is available to everybody again at that moment. Nothing is charged. If you want it after all, order it again, as long as nobody was faster."},

	"help.pay":   {"Paying"},
	"help.pay.1": {"You pay by card, exactly the price that you saw when you ordered. Your card's data go from your browser straight to Stripe; we never see them. On a market for trying out, payments are simulated and take test cards only."},
	"help.pay.2": {"The time is for entering your payment: one that you send in time counts, even if your bank needs a little longer. You cannot pay twice. Not by a double click, not by loading the page again, not from a second tab."},

	"help.step":   {"When your bank wants to see you"},
	"help.step.1": {"Some banks ask you to approve a payment, with their app or a code. You go to the bank's page for that and come back afterwards. The ticket stays locked for you."},
	"help.step.2": {"A payment that is not approved within about two minutes is called off. Nothing is charged then."},

	"help.declined":   {"When a payment fails"},
	"help.declined.1": {"If your bank says no, nothing is charged, and your order says why as far as the bank tells us. Normally the order is cancelled with that, so that the ticket does not wait for nothing."},
	"help.declined.2": {"The order's page offers to order again, with another card or after a word with your bank, if the ticket is available."},

	"help.refund":   {"Getting your money back"},
	"help.refund.1": {"If we ever have your money for an order that came to nothing, because your bank was late for example, it goes back by itself, to the cent. You need not ask for it. Your order shows how far the refund is."},
	"help.refund.2": {"Until your bank shows it, it can take up to ten days. If the bank sends a refund back to us, we try again until it arrives. A ticket that you have paid for in time is yours; it cannot be returned to the seller."},

	"help.sell":   {"Selling"},
	"help.sell.1": {"List a ticket with its price, venue and date, and it is on the market at once. You can change or withdraw it whenever nobody has it locked. While somebody does, they may rely on what they saw."},
	"help.sell.2": {"The first to pay gets it. You cannot order your own ticket, and tickets cannot be ordered any more once their event has begun."},

	"help.earn":   {"What you earn"},
	"help.earn.1": {"The price is yours, less the market's fee if it takes one. Under “My tickets” you see what was sold, what you have earned by it, and what part of that can be paid out already."},
	"help.earn.2": {"A market that pays you out through Stripe holds the money of a sale back for some days first, since a bank can still change its mind."},

	"help.safe":   {"Your account"},
	"help.safe.1": {"An account is an e-mail address and a password. Sellers and buyers do not learn each other's address here."},
	"help.safe.2": {"If you think that somebody else uses your account, set a new password: all other sessions end with that."},
}
