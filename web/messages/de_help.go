package messages

var deHelp = table{
	"help.title":    {"So funktioniert’s"},
	"help.lead":     {"Hier verkaufen Fans Tickets an Fans. Damit das fair bleibt, gibt es ein paar Regeln."},
	"help.contents": {"Auf dieser Seite"},

	"help.lock":   {"Reserviert: warum ein Ticket eine Weile dir gehört"},
	"help.lock.1": {"Wenn du ein Ticket bestellst, ist es für dich allein reserviert, meistens 15 Minuten lang. Solange kann es niemand sonst bestellen, und wer es anbietet, kann weder den Preis ändern noch das Ticket zurückziehen. Deine Bestellung zeigt, wie viel Zeit bleibt, und zwar nach unserer Uhr: Alle deine Tabs und Geräte sind sich einig."},
	"help.lock.2": {"Ist die Zeit abgelaufen oder stornierst du, ist das Ticket im selben Moment wieder für alle da. Es wird nichts abgebucht. Möchtest du es doch noch, bestelle es einfach noch einmal, solange niemand schneller war."},

	"help.pay":   {"Bezahlen"},
	"help.pay.1": {"Du bezahlst mit Karte, und zwar genau den Preis, den du beim Bestellen gesehen hast. Die Daten deiner Karte gehen von deinem Browser direkt an Stripe; wir sehen sie nie. Auf einem Markt zum Ausprobieren werden Zahlungen nur simuliert, dort gehen nur Testkarten."},
	"help.pay.2": {"Die Zeit ist zum Eingeben der Zahlung da: Eine Zahlung, die du rechtzeitig abschickst, zählt auch dann, wenn deine Bank etwas länger braucht. Doppelt bezahlen kannst du nicht, weder mit einem Doppelklick noch durch Neuladen noch aus einem zweiten Tab."},

	"help.step":   {"Wenn deine Bank dich prüfen will"},
	"help.step.1": {"Manche Banken bitten dich, einer Zahlung zuzustimmen, mit ihrer App oder einem Code. Du kommst dafür auf die Seite der Bank und danach wieder zurück. Das Ticket bleibt so lange für dich reserviert."},
	"help.step.2": {"Eine Zahlung, der du nicht innerhalb von etwa zwei Minuten zustimmst, wird abgebrochen. Dann wird nichts abgebucht."},

	"help.declined":   {"Wenn eine Zahlung scheitert"},
	"help.declined.1": {"Sagt deine Bank nein, wird nichts abgebucht, und deine Bestellung sagt, warum, soweit die Bank es uns verrät. Normalerweise ist die Bestellung damit storniert, damit das Ticket nicht umsonst wartet."},
	"help.declined.2": {"Auf der Seite der Bestellung kannst du noch einmal bestellen, mit einer anderen Karte oder nach einem Wort mit deiner Bank, wenn das Ticket verfügbar ist."},

	"help.refund":   {"Geld zurück"},
	"help.refund.1": {"Falls wir einmal dein Geld für eine Bestellung haben, aus der nichts geworden ist, etwa weil deine Bank zu spät war, geht es von selbst zurück, auf den Cent genau. Du musst nicht danach fragen. Deine Bestellung zeigt, wie weit die Erstattung ist."},
	"help.refund.2": {"Bis deine Bank sie zeigt, kann es bis zu zehn Tage dauern. Schickt die Bank eine Erstattung an uns zurück, versuchen wir es so lange, bis sie ankommt. Ein Ticket, das du rechtzeitig bezahlt hast, gehört dir; zurückgeben kannst du es nicht."},

	"help.sell":   {"Verkaufen"},
	"help.sell.1": {"Biete ein Ticket mit Preis, Ort und Datum an, dann ist es sofort auf dem Markt. Du kannst es ändern oder zurückziehen, solange es für niemanden reserviert ist. Ist es reserviert, gilt, was der andere gesehen hat."},
	"help.sell.2": {"Wer zuerst bezahlt, bekommt es. Das eigene Ticket kann man nicht bestellen, und hat die Veranstaltung begonnen, lässt sich kein Ticket mehr dafür bestellen."},

	"help.earn":   {"Was du verdienst"},
	"help.earn.1": {"Der Preis gehört dir, abzüglich der Gebühr des Marktes, wenn er eine nimmt. Unter „Meine Tickets“ siehst du, was verkauft ist, was du damit verdient hast und was davon schon ausgezahlt werden kann."},
	"help.earn.2": {"Ein Markt, der über Stripe auszahlt, hält das Geld aus einem Verkauf zuerst einige Tage zurück, weil eine Bank es sich noch anders überlegen kann."},

	"help.safe":   {"Dein Konto"},
	"help.safe.1": {"Ein Konto besteht aus einer E-Mail-Adresse und einem Passwort. Wer verkauft und wer kauft, erfährt hier die Adresse des anderen nicht."},
	"help.safe.2": {"Wenn du glaubst, dass jemand anderes dein Konto benutzt, setze ein neues Passwort: Damit enden alle anderen Sitzungen."},
}
