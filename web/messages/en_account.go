package messages

var enAccount = table{
	"signin.title":  {"Sign in"},
	"signin.lead":   {"Good to see you again."},
	"signin.next":   {"Sign in to go on."},
	"signin.submit": {"Sign in"},
	"signin.new":    {"No account yet?"},
	"signin.signup": {"Sign up"},

	"signup.title":  {"Sign up"},
	"signup.lead":   {"An account lets you buy and sell tickets. It takes an e-mail address and a password, nothing else."},
	"signup.submit": {"Sign up"},
	"signup.have":   {"You have an account?"},
	"signup.signin": {"Sign in"},

	"account.title":    {"Your account"},
	"account.since":    {"%s, here since %s"},
	"account.email":    {"E-mail"},
	"account.password": {"Password"},
	"account.long":     {"At least 8 characters. Any characters will do; several words are easy to remember."},
	"account.current":  {"Current password"},
	"account.new":      {"New password"},

	"account.email.title":    {"Change your e-mail"},
	"account.email.submit":   {"Change e-mail"},
	"account.email.done":     {"Your e-mail has been changed."},
	"account.password.title": {"Change your password"},
	"account.password.lead":  {"A new password signs you out everywhere else. To end all other sessions without a new password, enter the current one twice."},
	"account.password.done":  {"Your password has been changed, and all other sessions have ended."},
	"account.submit":         {"Change password"},
	"account.leave":          {"Leave"},
	"account.leave.lead":     {"This ends your session in this browser."},
}
