//! Which values are read: neither rows too few, nor one twice.

use super::cloud::Small;
use super::*;

const CONNECTIONS: &str = "awscc.events.connections";

#[test]
fn what_an_outer_join_leaves_out_has_values_too() {
    let cloud = Small::new();
    // No connection is called `none`, so that the second one is found by what stands for a missing name.
    let sql = format!(
        "SELECT l.name, d.name FROM {CONNECTIONS}_list_only l \
         LEFT JOIN {CONNECTIONS} c ON c.Identifier = 'none-' || l.name \
         JOIN {CONNECTIONS} d ON d.Identifier = coalesce(c.name, 'billing') ORDER BY 1"
    );
    assert_eq!(rows(&cloud, &sql), json!([["billing", "billing"], ["orders", "billing"]]));
    // Some rows have a partner and some have none.
    let sql = format!(
        "SELECT l.name, d.name FROM {CONNECTIONS}_list_only l \
         LEFT JOIN {CONNECTIONS} c ON c.Identifier = l.name AND l.name = 'orders' \
         JOIN {CONNECTIONS} d ON d.Identifier = coalesce(c.name, 'headed') ORDER BY 1"
    );
    assert_eq!(rows(&cloud, &sql), json!([["billing", "headed"], ["orders", "orders"]]));
    let sql = format!(
        "SELECT d.name FROM {CONNECTIONS} a JOIN {CONNECTIONS} b ON b.Identifier = a.name AND a.Identifier = 'orders' \
         RIGHT JOIN {CONNECTIONS}_list_only l ON l.name = b.name \
         JOIN {CONNECTIONS} d ON d.Identifier = coalesce(b.name, 'headed') ORDER BY l.name"
    );
    assert_eq!(rows(&cloud, &sql), json!([["headed"], ["orders"]]));
}

#[test]
fn alternatives_of_several_conditions_give_the_values_of_all() {
    let cloud = Small::new();
    let both =
        "(region = 'us-east-1' AND Identifier = 'orders') OR ('eu-west-1' = region AND (Identifier = 'billing'))";
    let sql = format!("SELECT region, name FROM {CONNECTIONS} WHERE {both} ORDER BY 1");
    assert_eq!(rows(&cloud, &sql), json!([["eu-west-1", "billing"], ["us-east-1", "orders"]]));
    let sql = format!("SELECT region, name FROM aws.events.connections WHERE {both} ORDER BY 1");
    assert_eq!(rows(&cloud, &sql), json!([["eu-west-1", "billing"], ["us-east-1", "orders"]]));
}

#[test]
fn a_region_that_cannot_be_made_out_is_asked_for() {
    let cloud = Small::new();
    for condition in
        ["region <> 'us-east-1'", "region LIKE 'eu-%'", "region = 'eu-west-1' OR name = 'orders'", "region = name"]
    {
        let text = refused(&cloud, &format!("SELECT name FROM aws.events.connections WHERE {condition}"));
        assert!(text.contains("error[Q304]: `aws.events.connections` needs `region`"), "{text}");
    }
    let text = refused(
        &cloud,
        "SELECT region, count(*) FROM aws.events.connections GROUP BY region HAVING region = 'eu-west-1'",
    );
    assert!(text.contains("needs `region`"), "{text}");
    assert!(cloud.told().is_empty());
    let sql =
        "SELECT count(*) FROM aws.events.connections WHERE region LIKE 'eu-%' AND region IN ('eu-west-1', 'us-east-1')";
    assert_eq!(rows(&cloud, sql), json!([[2]]));
    let sql = "SELECT count(*) FROM aws.events.connections a JOIN aws.events.connections b ON a.region = b.region";
    assert_eq!(rows(&cloud, sql), json!([[4]]));
}

#[test]
fn a_value_that_is_given_twice_is_read_once() {
    let cloud = Small::new();
    for condition in [
        "Identifier IN ('orders', 'zzz', 'orders')",
        "Identifier = 'orders' OR Identifier = 'zzz' OR Identifier = 'orders'",
        "Identifier = 'orders' AND region IN ('us-east-1', 'eu-west-1', 'us-east-1') AND region LIKE 'us%'",
    ] {
        let sql = format!("SELECT name FROM {CONNECTIONS} WHERE {condition}");
        assert_eq!(rows(&cloud, &sql), json!([["orders"]]), "{condition}");
    }
}

#[test]
fn a_join_goes_through_a_table_function() {
    let cloud = Small::new();
    let sql = format!(
        "SELECT d.name FROM {CONNECTIONS} c, json_each(json_array(c.name, 'headed')) t \
         JOIN {CONNECTIONS} d ON d.Identifier = t.value WHERE c.Identifier = 'orders' ORDER BY 1"
    );
    assert_eq!(rows(&cloud, &sql), json!([["headed"], ["orders"]]));
}
