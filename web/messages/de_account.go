package messages

var deAccount = table{
	"signin.title":  {"Anmelden"},
	"signin.lead":   {"Schön, dass du wieder da bist."},
	"signin.next":   {"Melde dich an, dann geht es weiter."},
	"signin.submit": {"Anmelden"},
	"signin.new":    {"Noch kein Konto?"},
	"signin.signup": {"Registrieren"},

	"signup.title":  {"Registrieren"},
	"signup.lead":   {"Mit einem Konto kannst du Tickets kaufen und verkaufen. Dafür brauchst du nur eine E-Mail-Adresse und ein Passwort."},
	"signup.submit": {"Registrieren"},
	"signup.have":   {"Du hast schon ein Konto?"},
	"signup.signin": {"Anmelden"},

	"account.title":    {"Dein Konto"},
	"account.since":    {"%s, dabei seit %s"},
	"account.email":    {"E-Mail"},
	"account.password": {"Passwort"},
	"account.long":     {"Mindestens 8 Zeichen. Alle Zeichen sind erlaubt; mehrere Wörter kann man sich gut merken."},
	"account.current":  {"Aktuelles Passwort"},
	"account.new":      {"Neues Passwort"},

	"account.email.title":    {"E-Mail ändern"},
	"account.email.submit":   {"E-Mail ändern"},
	"account.email.done":     {"Deine E-Mail ist geändert."},
	"account.password.title": {"Passwort ändern"},
	"account.password.lead":  {"Ein neues Passwort meldet dich überall sonst ab. Um alle anderen Sitzungen ohne neues Passwort zu beenden, gib das aktuelle zweimal ein."},
	"account.password.done":  {"Dein Passwort ist geändert, und alle anderen Sitzungen sind beendet."},
	"account.submit":         {"Passwort ändern"},
	"account.leave":          {"Abmelden"},
	"account.leave.lead":     {"Das beendet deine Sitzung in diesem Browser."},
}
