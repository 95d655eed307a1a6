//! Whole files, and what is lifted from them.

use std::fmt::Write as _;

use insta::assert_snapshot;
use proptest::prelude::*;
use trueup_engine::kind::Registry;
use trueup_engine::manifest::tree::{Node, Yaml};

use super::{Lifted, lift};
use crate::iql;
use crate::testing::{KINDS, shown};

fn read(text: &str) -> (Option<Lifted>, String) {
    shown(text, |source, found| {
        let iql = iql::parse(source, text, found);
        lift(&iql, &Registry::new(KINDS), found)
    })
}

/// A node as JSON whose texts are followed by what is written in the file.
fn drawn(node: &Node, text: &str) -> String {
    match &node.yaml {
        Yaml::List(items) => format!("[{}]", items.iter().map(|it| drawn(it, text)).collect::<Vec<_>>().join(", ")),
        Yaml::Map(entries) => {
            let members = entries.iter().map(|it| format!("{}: {}", it.key.value, drawn(&it.value, text)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        Yaml::Text(value) => {
            let written = &text[node.span.start as usize..node.span.end as usize];
            format!("{value:?} <- {written}")
        }
        Yaml::Null => "null".to_owned(),
        Yaml::Bool(flag) => flag.to_string(),
        Yaml::Number(number) => number.to_string(),
        Yaml::Unreadable => "?".to_owned(),
    }
}

/// Everything that was lifted, and what was said.
fn whole(text: &str) -> String {
    let (lifted, mut found) = read(text);
    let Some(lifted) = lifted else { return found };
    let mut out = format!("{}\n", lifted.type_name.value);
    for (name, node) in &lifted.properties {
        let _ = writeln!(out, "  {}: {}", name.value, drawn(node, text));
    }
    let more = [("region", &lifted.region), ("role", &lifted.role_arn), ("identifier", &lifted.identifier)];
    for (name, node) in more {
        if let Some(node) = node {
            let _ = writeln!(out, "{name} {}", drawn(node, text));
        }
    }
    if let Some(query) = &lifted.discovery {
        let columns: Vec<&str> = query.columns.iter().map(|column| &*column.name).collect();
        let _ = writeln!(out, "discovery {columns:?}");
    }
    for export in &lifted.exports {
        let _ = writeln!(out, "export {} {:?}", export.name.value, export.from);
    }
    for returning in &lifted.returning {
        let columns: Vec<&str> = returning.columns.iter().map(|column| &*column.name).collect();
        let _ = writeln!(out, "returning {:?} {columns:?}", returning.operation);
    }
    found.insert_str(0, &out);
    found
}

const PAGE: &str = "\
/*+ create */
INSERT INTO awscc.events.connections (
 Name,
 AuthorizationType,
 AuthParameters,
 region
)
SELECT 
'{{ Name }}',
 'BASIC',
 '{{ AuthParameters }}',
'{{ region }}';

/*+ update */
UPDATE awscc.events.connections
SET data__PatchDocument = string('{{ {
    \"Description\": description,
    \"AuthorizationType\": authorization_type
} | generate_patch_document }}')
WHERE region = '{{ region }}'
AND data__Identifier = '<Name>';

/*+ delete */
DELETE FROM awscc.events.connections
WHERE data__Identifier = '<Name>'
AND region = 'us-east-1';
";

#[test]
fn the_page_is_lifted_and_its_contradictions_are_shown() {
    assert_snapshot!(whole(PAGE), @r#"
    AWS::Events::Connection
      Name: "{{ Name }}" <- '{{ Name }}'
      AuthorizationType: "BASIC" <- 'BASIC'
      AuthParameters: "{{ AuthParameters }}" <- '{{ AuthParameters }}'
      Description: "{{ description }}" <- description
    region "{{ region }}" <- '{{ region }}'
    identifier "<Name>" <- '<Name>'
    note[Q121]: `Description` is set by the update alone
      --> resources/x.iql:17:5
       |
    17 |     "Description": description,
       |     ^^^^^^^^^^^^^
       |
       = note: it counts as a property of the resource, and is set from the start
    warning[Q120]: create and update set `AuthorizationType` to different values
      --> resources/x.iql:18:26
       |
    10 |  '*****',
       |  ------- this one is
    ...
    18 |     "AuthorizationType": authorization_type
       |                          ^^^^^^^^^^^^^^^^^^ this one is not used
       |
       = help: write the same value in both
    "#);
}

#[test]
fn json_becomes_trees_of_templates_with_their_places() {
    let text = "\
/*+ createorupdate, retries=3 */
INSERT INTO awscc.test.things (Name, Tags, Count, Enabled, Note, Document, RoleArn, ClientToken, region)
VALUES (
  'it''s {{ name | sql_escape }}', -- a quote: '
  '[{\"Key\": \"a\", \"Value\": \"{{ v }}\"}, {{ more }}]', /* and another: ' */
  '12', 'true', '{\"a\": \"{{ secret }}\"}',
  {{ document | tojson }},
  '{{ role }}', '{{ idempotency_token }}', '{{ region }}'
)
RETURNING Identifier, OperationStatus AS status;
";
    assert_snapshot!(whole(text), @r#"
    AWS::Test::Thing
      Name: "it's {{ name }}" <- 'it''s {{ name | sql_escape }}'
      Tags: [{ Key: "a" <- "a", Value: "{{ v }}" <- "{{ v }}" }, "{{ more }}" <- {{ more }}]
      Count: 12
      Enabled: true
      Note: "{\"a\": \"{{ secret }}\"}" <- '{"a": "{{ secret }}"}'
      Document: "{{ document }}" <- {{ document | tojson }}
    region "{{ region }}" <- '{{ region }}'
    role "{{ role }}" <- '{{ role }}'
    returning Create ["Identifier", "status"]
    "#);
}

#[test]
fn the_native_dialect_is_lifted() {
    let text = "\
/*+ exists */
SELECT name FROM aws.test.natives WHERE region = '{{ region }}' AND Name = '{{ name }}'
/*+ create */
INSERT INTO aws.test.natives (data__ConnectionInput, region)
SELECT '{\"Name\": \"{{ name }}\", \"ConnectionProperties\": {\"PASSWORD\": \"{{ password }}\"}}', '{{ region }}'
/*+ update */
UPDATE aws.test.natives
SET ConnectionInput = '{\"Name\": \"{{name}}\", \"ConnectionProperties\": {\"PASSWORD\": \"{{ password }}\"}}'
WHERE Name = '{{ name }}' AND region = '{{ region }}'
/*+ delete */
DELETE FROM aws.test.natives WHERE ConnectionName = '{{ name }}' AND region = '{{ region }}'
/*+ exports */
SELECT name, json_extract(connection_input, '$.ConnectionProperties.USERNAME') AS user,
  upper(name) AS loud, region FROM aws.test.natives WHERE Name = '{{ name }}'
";
    assert_snapshot!(whole(text), @r#"
    AWS::Test::Native
      ConnectionInput: { Name: "{{ name }}" <- "{{ name }}", ConnectionProperties: { PASSWORD: "{{ password }}" <- "{{ password }}" } }
    region "{{ region }}" <- '{{ region }}'
    identifier "{{ name }}" <- '{{ name }}'
    discovery ["name"]
    export name Property(["Name"])
    export user Property(["ConnectionInput", "ConnectionProperties", "USERNAME"])
    export loud Other
    export region Region
    note[Q125]: `exists` is not run: trueup reads and compares by itself
     --> resources/x.iql:1:1
      |
    1 | /*+ exists */
      | ^^^^^^^^^^^^^
      |
      = note: options such as `retries` have no effect: waiting follows what the service says
    "#);
}

#[test]
fn parameters_of_an_api_become_properties() {
    let text = "\
/*+ create */
INSERT INTO aws.kms.keys (Policy, Tags, region)
SELECT '{{ policy }}', '[{\"TagKey\": \"team\", \"TagValue\": \"{{ team }}\"}]', '{{ region }}'
";
    assert_snapshot!(whole(text), @r#"
    AWS::KMS::Key
      KeyPolicy: "{{ policy }}" <- '{{ policy }}'
      Tags: [{ Key: "team" <- "team", Value: "{{ team }}" <- "{{ team }}" }]
    region "{{ region }}" <- '{{ region }}'
    "#);
    let text = "\
/*+ create */
INSERT INTO awscc.kms.keys (KeyPolicy, region) SELECT string({{ policy }}), '{{ region }}'
/*+ exists */
SELECT count(*) AS n FROM awscc.kms.keys_list_only WHERE region = '{{ region }}' AND key_id = '{{ this.key_id }}'
";
    assert_snapshot!(whole(text), @r#"
    AWS::KMS::Key
      KeyPolicy: "{{ policy }}" <- {{ policy }}
    region "{{ region }}" <- '{{ region }}'
    note[Q125]: `exists` is not run: trueup reads and compares by itself
     --> resources/x.iql:3:1
      |
    3 | /*+ exists */
      | ^^^^^^^^^^^^^
      |
      = note: options such as `retries` have no effect: waiting follows what the service says
    "#);
}

#[test]
fn checks_that_ask_for_more_are_named() {
    let text = "\
/*+ exists */
SELECT COUNT(*) as count FROM awscc.ec2.vpcs WHERE region = '{{ region }}' AND vpc_id = '{{ vpc_id }}'
/*+ create */
INSERT INTO awscc.ec2.vpcs (CidrBlock, EnableDnsSupport, Tags, region)
SELECT '{{ cidr }}', true, '{{ tags }}', '{{ region }}' RETURNING *
/*+ statecheck, retries=5 */
SELECT COUNT(*) AS count FROM (
  SELECT JSON_EQUAL(tags, '{{ tags }}') AS tags_fit, cidr_block
  FROM awscc.ec2.vpcs
  WHERE region = '{{ region }}' AND Identifier = '{{ this.vpc_id }}'
    AND cidr_block = '10.0.0.0/16' AND instance_tenancy = 'default' AND enable_dns_support = 'true'
) t WHERE tags_fit = 1
/*+ exports */
SELECT vpc_id, Identifier, arn AS vpc_arn FROM awscc.ec2.vpcs WHERE Identifier = '{{ this.vpc_id }}'
";
    assert_snapshot!(whole(text), @r#"
    AWS::EC2::VPC
      CidrBlock: "{{ cidr }}" <- '{{ cidr }}'
      EnableDnsSupport: true
      Tags: "{{ tags }}" <- '{{ tags }}'
    region "{{ region }}" <- '{{ region }}'
    identifier "{{ this.vpc_id }}" <- '{{ this.vpc_id }}'
    export vpc_id Property(["VpcId"])
    export Identifier Identifier
    export vpc_arn Property(["Arn"])
    returning Create ["*"]
    note[Q125]: `exists` and `statecheck` are not run: trueup reads and compares by itself
     --> resources/x.iql:1:1
      |
    1 | /*+ exists */
      | ^^^^^^^^^^^^^
      |
      = note: options such as `retries` have no effect: waiting follows what the service says
    note[Q122]: the project's check of `CidrBlock` is different from what is set
      --> resources/x.iql:11:22
       |
     5 | SELECT '{{ cidr }}', true, '{{ tags }}', '{{ region }}' RETURNING *
       |        ------------ set to this
    ...
    11 |     AND cidr_block = '***********' AND instance_tenancy = '*******' AND enable_dns_support =...
       |                      ^^^^^^^^^^^^^ checked for this
       |
       = note: trueup compares with what is set
    note[Q122]: the project's check is stricter: no statement sets `instance_tenancy`
      --> resources/x.iql:11:40
       |
    11 |     AND cidr_block = '***********' AND instance_tenancy = '*******' AND enable_dns_support =...
       |                                        ^^^^^^^^^^^^^^^^
       |
       = note: trueup compares the properties that are set
       = help: set it in the create statement, or it is not compared
    "#);
}

#[test]
fn discovery_by_tags_is_kept_as_a_query() {
    let text = "\
/*+ exists */
WITH tagged AS (
  SELECT split_part(ResourceARN, '/', 2) AS vpc_id
  FROM awscc.tagging.tagged_resources
  WHERE region = '{{ region }}' AND TagFilters = '{{ global_tags | to_aws_tag_filters }}'
)
SELECT v.vpc_id FROM awscc.ec2.vpcs_list_only v INNER JOIN tagged t ON t.vpc_id = v.vpc_id
WHERE v.region = '{{ region }}'
/*+ create */
REPLACE INTO awscc.ec2.vpcs (CidrBlock, region) SELECT '{{ cidr }}', '{{ region }}'
/*+ update */
UPDATE awscc.ec2.vpcs
SET PatchDocument = '[{\"op\": \"replace\", \"path\": \"/CidrBlock\", \"value\": \"{{ cidr }}\"},
  {\"op\": \"remove\", \"path\": \"/Tags\"}]'
WHERE Identifier = '{{ this.vpc_id }}' AND region = '{{ region }}'
";
    assert_snapshot!(whole(text), @r#"
    AWS::EC2::VPC
      CidrBlock: "{{ cidr }}" <- '{{ cidr }}'
    region "{{ region }}" <- '{{ region }}'
    identifier "{{ this.vpc_id }}" <- '{{ this.vpc_id }}'
    discovery ["vpc_id"]
    note[Q123]: what this patch sets cannot be seen in full
      --> resources/x.iql:13:21
       |
    13 | SET PatchDocument = '******* ********** ******* ************* ******** *{{ cidr }}***
       |                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = note: the resource is compared with what the create statement sets
    note[Q125]: `exists` is not run: trueup reads and compares by itself
     --> resources/x.iql:1:1
      |
    1 | /*+ exists */
      | ^^^^^^^^^^^^^
      |
      = note: options such as `retries` have no effect: waiting follows what the service says
    "#);
}

/// What is said about a file that cannot be lifted.
fn refused(text: &str) -> String {
    let (lifted, found) = read(text);
    assert!(lifted.is_none());
    found
}

#[test]
fn what_cannot_be_lifted_is_said_with_its_place() {
    let create = |statement: &str| refused(&format!("/*+ create */\n{statement}\n"));
    let all = [
        create("INSERT INTO google.compute.networks (name) SELECT '{{ name }}'"),
        create("INSERT INTO aws.ec2.vpcs (CidrBlock) SELECT 'x'"),
        create("EXEC awscc.x.y.z @a = 'b'"),
        create("INSERT INTO awscc.ec2.vpcs (A, B) SELECT '1'"),
        create("INSERT INTO awscc.ec2.vpcs (A) SELECT '1', 'it''s {{ x }}'"),
        create("INSERT INTO awscc.ec2.vpcs (A, B, A) SELECT '1', 2, 3"),
        create("INSERT INTO awscc.ec2.vpcs (A) SELECT upper('{{ a }}')"),
        create("INSERT INTO awscc.ec2.vpcs (A) SELECT a FROM awscc.ec2.subnets"),
        create("INSERT INTO awscc.ec2.vpcs (A{% if b %}, B{% endif %}) SELECT '1'"),
        create("INSERT INTO awscc.ec2.vpcs (A) SELECT '1'; DELETE FROM awscc.ec2.vpcs"),
        create("INSERT INTO awscc.ec2.vpcs (A) SELECT '{{ a'"),
        create("INSERT INTO awscc.ec2.vpcs (A) SELECT 'open"),
        create("INSERT INTO awscc.ec2.vpcs (A) SELEC 'a'"),
        create("INSERT INTO awscc.ec2.vpcs_list_only (A) SELECT 'a'"),
        create("INSERT INTO awscc.{{ service }}.vpcs (A) SELECT 'a'"),
        create("INSERT INTO vpcs (A) SELECT 'a'"),
        create("UPDATE awscc.ec2.vpcs SET PatchDocument = '{}' WHERE Identifier = 'x'"),
        create("DROP TABLE awscc.ec2.vpcs"),
        create("SELECT 1"),
        refused("/*+ delete */\nDELETE FROM awscc.ec2.vpcs WHERE Identifier = 'x'\n"),
        refused(
            "/*+ create */\nINSERT INTO awscc.ec2.vpcs (A) SELECT 'a'\n/*+ delete */\nDELETE FROM awscc.ec2.subnets \
             WHERE Identifier = 'x'\n",
        ),
    ];
    assert_snapshot!(all.join("\n\n"), @r#"
    error[Q112]: the provider `google` is not one of AWS
     --> resources/x.iql:2:13
      |
    2 | INSERT INTO google.compute.networks (name) SELECT '{{ name }}'
      |             ^^^^^^^^^^^^^^^^^^^^^^^
      |
      = note: the statement writes `google.compute.networks`
      = help: trueup manages AWS; the rest of the stack can be used with `--only`

    error[Q112]: the table `aws.ec2.vpcs` of the native dialect is not known
     --> resources/x.iql:2:13
      |
    2 | INSERT INTO aws.ec2.vpcs (CidrBlock) SELECT '*'
      |             ^^^^^^^^^^^^
      |
      = note: of `aws.*`, connections and API destinations of events, Glue connections, secrets, KMS keys and KMS aliases are known
      = help: Cloud Control may have it: `awscc.ec2.vpcs`

    error[Q111]: EXEC calls a method of a provider, and cannot be lifted
     --> resources/x.iql:2:1
      |
    2 | EXEC awscc.x.y.z @a = '*'
      | ^^^^
      |
      = help: write the resource with INSERT, UPDATE and DELETE

    error[Q113]: 2 columns are given and 1 value is given
     --> resources/x.iql:2:32
      |
    2 | INSERT INTO awscc.ec2.vpcs (A, B) SELECT '*'
      |                                ^ this column has no value
      |
      = help: give one value for each column, in the same order

    error[Q113]: 1 column is given and 2 values are given
     --> resources/x.iql:2:44
      |
    2 | INSERT INTO awscc.ec2.vpcs (A) SELECT '*', '**''* {{ x }}'
      |                                            ^^^^^^^^^^^^^^^ this value has no column
      |
      = help: give one value for each column, in the same order

    error[Q113]: the column `A` is given twice
     --> resources/x.iql:2:35
      |
    2 | INSERT INTO awscc.ec2.vpcs (A, B, A) SELECT '*', *, *
      |                             -     ^ given again here
      |                             |
      |                             first given here
      |
      = help: keep one of them

    error[Q111]: the value of `A` is an expression, and cannot be lifted
     --> resources/x.iql:2:39
      |
    2 | INSERT INTO awscc.ec2.vpcs (A) SELECT upper('{{ a }}')
      |                                       ^^^^^^^^^^^^^^^
      |
      = note: only the SQL engine could evaluate it, and there is none
      = help: write it as a template: '{{ … }}'

    error[Q111]: an INSERT from another table cannot be lifted
     --> resources/x.iql:2:1
      |
    2 | INSERT INTO awscc.ec2.vpcs (A) SELECT a FROM awscc.ec2.subnets
      | ^^^^^^
      |
      = help: give the values themselves: `INSERT INTO t (Name) SELECT '{{ name }}'`

    error[Q111]: a statement that a template block makes cannot be lifted
     --> resources/x.iql:2:30
      |
    2 | INSERT INTO awscc.ec2.vpcs (A{% if b %}, B{% endif %}) SELECT '*'
      |                              ^^^^^^^^^^
      |
      = note: what it sets would depend on a condition or on a loop
      = help: choose the value inside of quotes: '{{ a if b else c }}'

    error[Q111]: there are 2 statements here, and one can be lifted
     --> resources/x.iql:2:44
      |
    2 | INSERT INTO awscc.ec2.vpcs (A) SELECT '*'; DELETE FROM awscc.ec2.vpcs
      |                                            ^^^^^^
      |
      = help: give each its own anchor

    error[Q110]: a template is not closed: `}}` is missing
     --> resources/x.iql:2:40
      |
    2 | INSERT INTO awscc.ec2.vpcs (A) SELECT ******
      |                                        ^^

    error[Q110]: the SQL cannot be read
     --> resources/x.iql:2:39
      |
    2 | INSERT INTO awscc.ec2.vpcs (A) SELECT *****
      |                                       ^^^^^ not expected here
      |
      = help: the dialect is SQLite's; a text stands between single quotes

    error[Q110]: the SQL cannot be read
     --> resources/x.iql:2:32
      |
    2 | INSERT INTO awscc.ec2.vpcs (A) SELEC '*'
      |                                ^^^^^ not expected here
      |
      = help: the dialect is SQLite's; a text stands between single quotes

    error[Q111]: `awscc.ec2.vpcs_list_only` can only be read
     --> resources/x.iql:2:13
      |
    2 | INSERT INTO awscc.ec2.vpcs_list_only (A) SELECT '*'
      |             ^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write to `awscc.ec2.vpcs`

    error[Q111]: the name of a table cannot be a template
     --> resources/x.iql:2:13
      |
    2 | INSERT INTO awscc.{{ service }}.vpcs (A) SELECT '*'
      |             ^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = note: the type of a resource must be known before anything is evaluated

    error[Q111]: a table has three names: provider, service and resource
     --> resources/x.iql:2:13
      |
    2 | INSERT INTO vpcs (A) SELECT '*'
      |             ^^^^
      |
      = help: write it like `awscc.events.connections`

    error[Q111]: this is not a patch document
     --> resources/x.iql:2:43
      |
    2 | UPDATE awscc.ec2.vpcs SET PatchDocument = '**' WHERE Identifier = '*'
      |                                           ^^^^
      |
      = help: write string('{{ { "Description": description } | generate_patch_document }}'), or the list of operations

    error[Q111]: a statement that begins with `DROP` cannot be lifted
     --> resources/x.iql:2:1
      |
    2 | DROP TABLE awscc.ec2.vpcs
      | ^^^^
      |
      = help: only INSERT, REPLACE, UPDATE, DELETE and SELECT say what a resource is

    error[Q111]: below `create` stands an INSERT or an UPDATE, and this is SELECT
     --> resources/x.iql:2:1
      |
    2 | SELECT *
      | ^^^^^^
      |
      = help: put the statement below the anchor that it belongs to

    error[Q115]: no statement says how the resource is made
     --> resources/x.iql:1:1
      |
    1 | /*+ delete */
      | ^^^^^^^^^^^^^
      |
      = note: its type and its properties are read from the statement below `create` or `createorupdate`
      = help: add one: `/*+ create */` and an INSERT below it

    error[Q114]: the statements of one resource name two tables
     --> resources/x.iql:4:13
      |
    2 | INSERT INTO awscc.ec2.vpcs (A) SELECT '*'
      |             -------------- and `create` here
    3 | /*+ delete */
    4 | DELETE FROM awscc.ec2.subnets WHERE Identifier = '*'
      |             ^^^^^^^^^^^^^^^^^ `delete` here
      |
      = help: write each resource into a file of its own
    "#);
}

#[test]
fn a_raw_block_is_text_and_other_blocks_stay_in_their_quotes() {
    let text = "\
/*+ create */
INSERT INTO awscc.test.things (Name, Note, Tags)
SELECT '{% raw %}{{ not a template }}, it''s{% endraw %}', '{% if x %}a{% endif %}{# why #}',
  '[{% for t in tags %}\"{{ t }}\"{% endfor %}]'
";
    assert_snapshot!(whole(text), @r#"
    AWS::Test::Thing
      Name: "{% raw %}{{ not a template }}, it's{% endraw %}" <- '{% raw %}{{ not a template }}, it''s{% endraw %}'
      Note: "{% if x %}a{% endif %}{# why #}" <- '{% if x %}a{% endif %}{# why #}'
      Tags: "[{% for t in tags %}\"{{ t }}\"{% endfor %}]" <- '[{% for t in tags %}"{{ t }}"{% endfor %}]'
    warning[Q124]: `Tags` is JSON that a template block makes
     --> resources/x.iql:4:3
      |
    4 |   '*{% for t in tags %}*{{ t }}*{% endfor %}*'
      |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = note: it is a text until it is rendered, so that nothing of it can be compared by itself
      = help: build the value in the manifest, and write '{{ value }}' here
    "#);
}

#[test]
fn a_variable_may_hold_the_patch_of_an_update_but_not_of_a_create() {
    let patch = "UPDATE awscc.test.things SET PatchDocument = '{{ patch }}' WHERE Identifier = 'x'";
    let create = "/*+ create */\nINSERT INTO awscc.test.things (Name) SELECT 'n'\n";
    assert_snapshot!(whole(&format!("{create}/*+ update */\n{patch}\n")), @r#"
    AWS::Test::Thing
      Name: "n" <- 'n'
    identifier "x" <- 'x'
    note[Q123]: what this patch sets cannot be seen in full
     --> resources/x.iql:4:46
      |
    4 | UPDATE awscc.test.things SET PatchDocument = '{{ patch }}' WHERE Identifier = '*'
      |                                              ^^^^^^^^^^^^^
      |
      = note: the resource is compared with what the create statement sets
    "#);
    assert_snapshot!(whole(&format!("/*+ createorupdate */\n{patch}\n")), @r#"
    error[Q123]: what this patch sets cannot be seen
     --> resources/x.iql:2:46
      |
    2 | UPDATE awscc.test.things SET PatchDocument = '{{ patch }}' WHERE Identifier = '*'
      |                                              ^^^^^^^^^^^^^
      |
      = note: it is made elsewhere, or it goes into a property, and nothing else says what the resource should be
      = help: name the properties: string('{{ { "Description": description } | generate_patch_document }}')
    "#);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "/*+ create */\n", "/*+ update, retries=x */\n", "/*+ exists */\n", "\n/*+ ", "*/", "INSERT INTO ",
                "awscc.test.things", "REPLACE", " (Name, Tags)", " SELECT ", "VALUES (", ")", "'", "''", "\"", "`", "{{ ",
                " }}", "{% if x %}", "{% raw %}", "{% endraw %}", "{# ", " #}", "-- ", "/* ", "\n", "\r\n", ",", ";", "=",
                "UPDATE ", " SET PatchDocument = ", "string(", "{", "}", "[", "]", ":", "\"a\"", "| generate_patch_document",
                " WHERE ", " AND ", "Identifier", "json_extract(a, '$.b[0')", "DELETE FROM ", "RETURNING *", "é", "\u{e000}",
                "\u{1f511}", "\\", "\\u", "-", "1", " ",
            ]),
            0..40,
        )
    ) {
        let text = pieces.concat();
        let (_, found) = read(&text);
        prop_assert!(found.len() < 1_000_000);
    }

    #[test]
    fn what_is_in_quotes_comes_back_whatever_it_is(value in "[^{}\u{e000}]{0,24}") {
        let text = format!("/*+ create */\nINSERT INTO awscc.test.things (Name) SELECT '{}'\n", value.replace('\'', "''"));
        let (lifted, found) = read(&text);
        prop_assert!(lifted.is_some(), "{found}");
        let node = &lifted.unwrap().properties[0].1;
        prop_assert_eq!(&**node.as_text().unwrap(), value.as_str());
    }
}
