//! Statements over a small cloud that counts what it is asked.

mod cloud;
mod limits;
mod parameters;
mod writes;

use futures_util::FutureExt as _;
use serde_json::json;
use trueup_engine::cloud::Place;
use trueup_engine::diagnostic::render;
use trueup_engine::fault::{Fault, FaultKind};

use self::cloud::Small;
use super::*;

fn place() -> Place {
    Place { region: None, role_arn: None }
}

/// The future of a cloud that never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("the small cloud answers at once")
}

fn run(cloud: &Small, sql: &str) -> Result<Rows, QueryError> {
    let script = Script::parse("query", sql)?;
    now(select(cloud, &place(), &script, 0))
}

/// The rows as JSON, each a list.
fn rows(cloud: &Small, sql: &str) -> serde_json::Value {
    let found = run(cloud, sql).unwrap_or_else(|error| panic!("{sql}: {}", said(&error)));
    found.rows.iter().map(|row| row.iter().map(Cell::to_json).collect::<Vec<_>>()).collect()
}

fn said(error: &QueryError) -> String {
    match error {
        QueryError::Rejected(rejected) => rejected
            .diagnostics
            .iter()
            .map(|found| render(found, &rejected.sources, false, 120))
            .collect::<Vec<_>>()
            .join("\n"),
        other => other.to_string(),
    }
}

fn refused(cloud: &Small, sql: &str) -> String {
    said(&run(cloud, sql).expect_err(sql))
}

#[test]
fn one_resource_is_read_by_its_identifier_in_either_spelling() {
    let cloud = Small::new();
    let page = "SELECT region, name, arn, description, authorization_type, auth_parameters
        FROM awscc.events.connections WHERE region = 'eu-west-1' AND data__Identifier = 'orders';";
    let expected = json!([[
        "eu-west-1",
        "orders",
        "arn:orders",
        "Orders",
        "BASIC",
        r#"{"BasicAuthParameters":{"Username":"svc"}}"#
    ]]);
    assert_eq!(rows(&cloud, page), expected);
    assert_eq!(rows(&cloud, &page.replace("data__Identifier", "Identifier")), expected);
    assert_eq!(rows(&cloud, &page.replace("data__Identifier", "name")), expected);
    assert_eq!(cloud.told(), ["observe eu-west-1 orders"; 3]);
    assert_eq!(rows(&cloud, "SELECT name FROM awscc.events.connections WHERE Identifier = 'none'"), json!([]));
}

#[test]
fn identifiers_come_from_lists_alternatives_and_several_regions() {
    let cloud = Small::new();
    let sql = "SELECT name, region FROM awscc.events.connections \
        WHERE Identifier IN ('orders', 'billing', 'none') AND region IN ('eu-west-1', 'us-east-1') ORDER BY 2, 1";
    assert_eq!(
        rows(&cloud, sql),
        json!([["billing", "eu-west-1"], ["orders", "eu-west-1"], ["billing", "us-east-1"], ["orders", "us-east-1"]])
    );
    assert_eq!(cloud.told().len(), 2);
    let sql = "SELECT count(*) FROM awscc.events.connections WHERE (Identifier = 'orders' OR 'billing' = Identifier)";
    assert_eq!(rows(&cloud, sql), json!([[2]]));
}

#[test]
fn a_join_reads_one_table_first_and_the_other_for_what_it_found() {
    let cloud = Small::new();
    let sql = "SELECT c.name, c.description FROM awscc.events.connections_list_only l \
        JOIN awscc.events.connections c ON c.Identifier = l.name WHERE l.name LIKE 'o%'";
    assert_eq!(rows(&cloud, sql), json!([["orders", "Orders"]]));
    // Only what the condition of the first leaves is read.
    assert_eq!(cloud.told(), ["list us-east-1", "observe us-east-1 orders"]);
}

#[test]
fn tables_are_found_in_common_table_expressions_and_nested_selects() {
    let cloud = Small::new();
    let sql = r#"WITH tagged AS (
            SELECT split_part(ResourceARN, '/', 2) AS id FROM awscc.tagging.tagged_resources
            WHERE region = 'us-east-1' AND TagFilters = '[{"Key":"team","Values":["shop"]}]'
        )
        SELECT c.name, (SELECT count(*) FROM awscc.events.connections_list_only x WHERE x.region = c.region) AS many
        FROM tagged t INNER JOIN awscc.events.connections c ON c.Identifier = t.id AND c.region = 'us-east-1'"#;
    assert_eq!(rows(&cloud, sql), json!([["orders", 2]]));
    let told = cloud.told();
    assert_eq!(told[0], r#"tagged us-east-1 [{"Key":"team","Values":["shop"]}]"#);
    assert!(told.contains(&"observe us-east-1 orders".to_owned()), "{told:?}");
    let sql = "SELECT name FROM awscc.events.connections \
        WHERE Identifier IN (SELECT name FROM awscc.events.connections_list_only WHERE name <> 'orders')";
    assert_eq!(rows(&cloud, sql), json!([["billing"]]));
    let sql = "SELECT l.name FROM awscc.events.connections_list_only l WHERE EXISTS \
        (SELECT 1 FROM awscc.events.connections c WHERE c.Identifier = l.name AND c.description IS NULL)";
    assert_eq!(rows(&cloud, sql), json!([["billing"]]));
}

#[test]
fn an_outer_join_keeps_what_has_no_partner() {
    let cloud = Small::new();
    let sql = "SELECT l.name, c.description FROM awscc.events.connections_list_only l \
        LEFT JOIN awscc.events.connections c ON c.Identifier = l.name AND l.name = 'orders' ORDER BY 1";
    assert_eq!(rows(&cloud, sql), json!([["billing", null], ["orders", "Orders"]]));
}

#[test]
fn the_rest_is_sqlite() {
    let cloud = Small::new();
    let sql = "SELECT json_extract(auth_parameters, '$.BasicAuthParameters.Username') AS user, \
        CASE WHEN description LIKE 'Or%' THEN 'yes' ELSE 'no' END, \
        json_equal(auth_parameters, '{\"BasicAuthParameters\": {\"Username\": \"svc\"}}') \
        FROM awscc.events.connections WHERE Identifier = lower('ORDERS')";
    assert_eq!(rows(&cloud, sql), json!([["svc", "yes", 1]]));
    let sql = "SELECT t.value FROM awscc.events.connections c, json_each(c.labels) t WHERE c.Identifier = 'orders' ORDER BY 1";
    assert_eq!(rows(&cloud, sql), json!([["a"], ["b"]]));
    let sql = "SELECT authorization_type, count(*) n FROM aws.events.connections GROUP BY 1 HAVING n > 0";
    assert_eq!(rows(&cloud, sql), json!([["BASIC", 2]]));
    assert_eq!(rows(&cloud, "SELECT 1 + 1, string('x')"), json!([[2, "x"]]));
}

#[test]
fn a_star_shows_each_column_once_and_no_secret() {
    let cloud = Small::new();
    let found = run(&cloud, "SELECT * FROM awscc.events.connections WHERE Identifier = 'orders'").unwrap();
    assert_eq!(
        found.columns,
        ["region", "name", "description", "authorization_type", "auth_parameters", "labels", "arn"]
    );
    assert!(!format!("{found:?}").contains("hunter2"));
    let found = run(&cloud, "SELECT l.* FROM awscc.events.connections_list_only l LIMIT 1").unwrap();
    assert_eq!(found.columns, ["region", "name"]);
}

#[test]
fn a_missing_parameter_is_named_with_its_table_and_nothing_is_read() {
    let cloud = Small::new();
    let text = refused(&cloud, "SELECT name\nFROM awscc.events.connections\nWHERE region = 'us-east-1'");
    assert!(text.contains("error[Q304]: `awscc.events.connections` needs `Identifier`"), "{text}");
    assert!(text.contains("query:2:6") && text.contains("connections_list_only"), "{text}");
    let text = refused(&cloud, "SELECT Properties FROM awscc.cloud_control.resource WHERE TypeName = 'A::B::C'");
    assert!(text.contains("needs `Identifier`"), "{text}");
    // Each would need the other first.
    let sql = "SELECT 1 FROM awscc.events.connections a JOIN awscc.events.connections b ON a.Identifier = b.Identifier";
    assert_eq!(refused(&cloud, sql).matches("needs `Identifier`").count(), 2);
    assert!(cloud.told().is_empty());
}

#[test]
fn unknown_tables_and_columns_are_named_with_what_was_meant() {
    let cloud = Small::new();
    let text = refused(&cloud, "SELECT 1 FROM awscc.events.connektions, connections");
    assert!(text.contains("error[Q302]: there is no table `awscc.events.connektions`"), "{text}");
    assert!(text.contains("did you mean `awscc.events.connections`?"), "{text}");
    assert_eq!(text.matches("did you mean").count(), 2, "{text}");
    let text = refused(
        &cloud,
        "SELECT c.descripton, AuthorizationType FROM awscc.events.connections c WHERE Identifier = 'x'",
    );
    assert!(text.contains("error[Q303]: there is no column `descripton`"), "{text}");
    assert!(
        text.contains("did you mean `description`?") && text.contains("did you mean `authorization_type`?"),
        "{text}"
    );
    let text = refused(&cloud, "SELECT 1 FROM google.compute.instances");
    assert!(text.contains("`google`"), "{text}");
    let text = refused(&cloud, "SELECT nothing(1)");
    assert!(text.contains("error[Q305]"), "{text}");
    assert!(cloud.told().is_empty());
}

#[test]
fn a_secret_is_no_column_and_the_message_says_why() {
    let cloud = Small::new();
    for name in ["SecretString", "secret_string"] {
        let text = refused(&cloud, &format!("SELECT {name} FROM awscc.events.connections WHERE Identifier = 'orders'"));
        assert!(text.contains("error[Q306]") && text.contains("is a secret, and no query shows one"), "{text}");
    }
}

#[test]
fn what_cannot_be_read_is_never_an_empty_result() {
    let cloud = Small::new();
    for kind in [FaultKind::Denied, FaultKind::Throttled, FaultKind::NotFound] {
        cloud.fail_with(Fault::new(kind, "events:DescribeConnection", "no"));
        for sql in [
            "SELECT 1 FROM awscc.events.connections WHERE Identifier = 'orders'",
            "SELECT 1 FROM awscc.events.connections_list_only",
            "SELECT 1 FROM awscc.tagging.tagged_resources",
        ] {
            match run(&cloud, sql) {
                Err(QueryError::Fault(fault)) => assert_eq!(fault.kind, kind),
                other => panic!("{sql}: {other:?}"),
            }
        }
    }
}

#[test]
fn cloud_control_reads_any_type_and_its_requests_without_secrets() {
    let cloud = Small::new();
    let sql = "SELECT Identifier, json_extract(Properties, '$.Description'), Properties \
        FROM awscc.cloud_control.resource WHERE TypeName = 'AWS::Events::Connection' AND data__Identifier = 'orders'";
    let found = rows(&cloud, sql);
    assert_eq!(found[0][0], "orders");
    assert_eq!(found[0][1], "Orders");
    assert!(!found.to_string().contains("hunter2"));
    let sql = "SELECT Identifier FROM awscc.cloud_control.resources WHERE TypeName = 'AWS::Events::Connection'";
    assert_eq!(rows(&cloud, sql), json!([["orders"]]));
    let sql =
        "SELECT OperationStatus, ResourceModel FROM awscc.cloud_control.resource_request WHERE RequestToken = 't-1'";
    assert_eq!(rows(&cloud, sql), json!([["SUCCESS", r#"{"Name":"orders"}"#]]));
    let sql = "SELECT Operation FROM awscc.cloud_control.resource_requests WHERE OperationStatus = 'SUCCESS'";
    assert_eq!(rows(&cloud, sql), json!([["CREATE"]]));
}

#[test]
fn what_cannot_be_read_as_sql_points_at_its_place_and_repeats_no_literal() {
    let cloud = Small::new();
    let text = refused(&cloud, "SELECT name\nFROM awscc.events.connections WHERE 'hunter2' 'x'");
    assert!(text.contains("error[Q301]") && text.contains("query:2:"), "{text}");
    let text = refused(&cloud, "INSERT INTO awscc.events.connections (Name, SecretString) SELECT 'a' 'hunter2';");
    assert!(!text.contains("hunter2"), "{text}");
    let text = refused(&cloud, "INSERT INTO awscc.events.connections (Name) SELECT 'hunter2");
    assert!(text.contains("error[Q301]") && !text.contains("hunter2"), "{text}");
}

#[test]
fn the_first_row_is_a_map_and_a_failed_read_keeps_its_kind() {
    let cloud = Small::new();
    let row = |sql| now(look_up(&cloud, &place(), sql, 1)).map(|mut rows| rows.pop());
    let found = row("SELECT name, 1 AS n FROM aws.events.connections ORDER BY name DESC").unwrap().unwrap();
    assert_eq!(trueup_engine::value::Value::from(found).to_masked_json(), json!({"name": "orders", "n": 1}));
    assert!(row("SELECT 1 WHERE 0").unwrap().is_none());
    assert!(row("SELECT 1; SELECT 2").is_err() && row("DELETE FROM a.b.c").is_err());
    cloud.fail_with(Fault::new(FaultKind::Denied, "events:ListConnections", "no"));
    let fault = row("SELECT 1 FROM aws.events.connections").unwrap_err().into_fault();
    assert_eq!((fault.kind, fault.operation.as_str()), (FaultKind::Denied, "events:ListConnections"));
}

#[test]
fn other_types_are_found_by_the_plural_of_their_name() {
    let cloud = Small::new();
    let table = now(table(&cloud, &place(), "awscc.sqs.queues")).unwrap();
    assert_eq!(table.kind().unwrap().name(), "AWS::SQS::Queue");
    let names = now(table_names(&cloud, &place())).unwrap();
    assert!(names.contains(&"awscc.sqs.queues".to_owned()) && names.contains(&"awscc.sqs.queues_list_only".to_owned()));
    assert!(described(&table).contains("queue_url"));
}
