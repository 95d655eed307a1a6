//! Statements that are more than anybody can run end with a word of why.

use super::cloud::Small;
use super::*;

#[test]
fn a_statement_of_many_operators_is_refused_and_one_of_fewer_runs() {
    let cloud = Small::new();
    for link in [" OR 1=2", " AND 1=1", " || 'a'", " UNION ALL SELECT 1", " COLLATE nocase"] {
        let text = refused(&cloud, &format!("SELECT 1 WHERE 'hunter2' = 1{}", link.repeat(60_000)));
        assert!(text.contains("error[Q301]") && text.contains("too deeply") && !text.contains("hunter2"), "{text}");
    }
    let nested = format!("SELECT {}1{}", "(".repeat(5000), ")".repeat(5000));
    assert!(refused(&cloud, &nested).contains("too deeply"));
    // As deep as can be, with all that walks over the tree.
    for (start, link, count) in [
        ("SELECT count(*) FROM aws.events.connections WHERE name IS NULL", " OR name = 'x'", 114),
        ("SELECT count(*) FROM aws.events.connections WHERE name IS NOT NULL", " AND name <> 'x'", 114),
        ("SELECT count(*) FROM aws.events.connections WHERE name <> 'x'", " || 'a'", 114),
        ("SELECT count(*) FROM aws.events.connections", " UNION ALL SELECT 1", 114),
    ] {
        assert!(!rows(&cloud, &format!("{start}{}", link.repeat(count))).as_array().unwrap().is_empty());
    }
}

#[test]
fn an_integer_that_does_not_fit_is_refused() {
    let cloud = Small::new();
    let text = refused(&cloud, "SELECT\n 18446744073709551615, 'hunter2'");
    assert!(text.contains("error[Q301]") && text.contains("64 bits") && text.contains("query:2:2"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    assert_eq!(rows(&cloud, "SELECT 9223372036854775807, 1e30"), json!([[9_223_372_036_854_775_807_i64, 1e30]]));
}

#[test]
fn a_statement_that_does_not_end_is_stopped() {
    let endless = "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n)";
    let store = store::Store::lasting(std::time::Duration::from_millis(50)).unwrap();
    for sql in [format!("{endless} SELECT count(*) FROM n"), format!("{endless} SELECT i FROM n WHERE i < 0")] {
        match store.run(&sql) {
            Err(QueryError::Ended(said)) => assert!(said.contains("took too long"), "{said}"),
            other => panic!("{other:?}"),
        }
    }
    // The time is that of one statement.
    assert_eq!(store.run("SELECT 1").unwrap().rows, [[Cell::Integer(1)]]);
}

#[test]
fn rows_without_end_do_not_fill_the_memory() {
    let sql = "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT hex(zeroblob(4000000)) FROM n";
    match run(&Small::new(), sql) {
        Err(QueryError::Ended(said)) => assert!(said.contains("256 MiB"), "{said}"),
        other => panic!("{:?}", other.map(|rows| rows.rows.len())),
    }
}
