package stripesim_test

import (
	"database/sql"
	"strings"
	"testing"

	"ticketing/stripesim"
	"ticketing/test/postgres"
)

// Looking for deliveries that are due must not get slower with each that ever was, whatever plan PostgreSQL makes for values
// that it does not know.
func TestDueDeliveriesAreFoundByTheirIndex(t *testing.T) {
	db, err := sql.Open("pgx", postgres.Copy(t, "stripesim", makeTables))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // settings are a session's
	for _, statement := range []string{
		"SET search_path = stripesim", "SET plan_cache_mode = force_generic_plan", "PREPARE due AS " + stripesim.DueQuery,
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	rows, err := db.Query("EXPLAIN EXECUTE due (1, 1)")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(line + "\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	const due = "using deliveries_due on deliveries "
	if !strings.Contains(plan.String(), due+"d ") {
		t.Errorf("what is due is not found by its index:\n%s", plan.String())
	}
	if strings.Contains(plan.String(), due+"d_1 ") {
		t.Errorf("what is pending of an event is looked for among what is due of all:\n%s", plan.String())
	}
}
