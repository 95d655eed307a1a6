//! Tables and types, both ways, over every type of the wheel; and the lists of data that the way back needs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use trueup_engine::source::Span;
use trueup_stackql::sql::Table;
use trueup_stackql::sql::column::{column_of, property_of};
use trueup_stackql::sql::table::{likely_type, plainly_spelled, table_of, type_of};

use crate::wheel::{schemas, types};

fn table(path: &str) -> Table {
    let parts: Vec<&str> = path.split('.').collect();
    Table::of(&parts, Span::NOWHERE).unwrap()
}

/// A list of data of the crate: compared, or written where `TRUEUP_WRITE_KINDS=1`.
fn listed(name: &str, lines: impl IntoIterator<Item = String>) {
    let text: String = lines.into_iter().map(|line| line + "\n").collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(name);
    if std::env::var_os("TRUEUP_WRITE_KINDS").is_some_and(|it| it == "1") {
        std::fs::write(&path, &text).unwrap();
        return;
    }
    assert!(std::fs::read_to_string(&path).unwrap() == text, "src/{name} is stale: cargo xtask kinds");
}

#[test]
fn tables_are_named_as_the_provider_names_them() {
    // Names of pages of the provider's documentation.
    let pages = [
        ("AWS::Events::ApiDestination", "awscc.events.api_destinations"),
        ("AWS::Events::Connection", "awscc.events.connections"),
        ("AWS::S3::Bucket", "awscc.s3.buckets"),
        ("AWS::SecretsManager::ResourcePolicy", "awscc.secretsmanager.resource_policies"),
        ("AWS::Lambda::Function", "awscc.lambda.functions"),
        ("AWS::EC2::VPC", "awscc.ec2.vpcs"),
        ("AWS::EC2::EC2Fleet", "awscc.ec2.ec2fleets"),
        ("AWS::EC2::DHCPOptions", "awscc.ec2.dhcp_options"),
        ("AWS::EC2::IPAMResourceDiscovery", "awscc.ec2.ipam_resource_discoveries"),
        ("AWS::EC2::LocalGatewayRouteTableVPCAssociation", "awscc.ec2.local_gateway_route_tablevpc_associations"),
        ("AWS::EC2::NetworkInsightsAnalysis", "awscc.ec2.network_insights_analyses"),
        ("AWS::EC2::SecurityGroupIngress", "awscc.ec2.security_group_ingresses"),
        ("AWS::KMS::Alias", "awscc.kms.aliases"),
        ("AWS::Kendra::Index", "awscc.kendra.indices"),
    ];
    for (name, path) in pages {
        assert_eq!(table_of(name), path);
        assert_eq!(likely_type(&table(path)), name);
    }
}

#[test]
fn what_is_special_of_types_of_the_wheel_is_listed() {
    let Some(schemas) = schemas() else { return };
    let mut services = BTreeSet::new();
    let mut irregular = Vec::new();
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for name in schemas.keys() {
        let path = table_of(name);
        assert_eq!(seen.insert(path.clone(), name), None, "{path}");
        services.insert(name.split("::").nth(1).unwrap().to_owned());
        if plainly_spelled(&table(&path)) != *name {
            irregular.push(name.clone());
        }
    }
    let like_parameters = schemas.iter().flat_map(|(name, schema)| {
        let has = |parameter: &&str| schema["properties"].get(*parameter).is_some();
        let parameters = ["ClientToken", "RoleArn", "TypeName", "TypeVersionId"].into_iter().filter(has);
        parameters.map(move |parameter| format!("{name} {parameter}")).collect::<Vec<_>>()
    });
    listed("sql/services.txt", services);
    listed("sql/irregular_types.txt", irregular);
    listed("lift/named_like_parameters.txt", like_parameters);
}

#[test]
fn every_type_of_the_wheel_is_found_by_its_table() {
    let Some(types) = types() else { return };
    assert!(types.len() > 1800);
    for name in types.keys() {
        let table = table(&table_of(name));
        assert_eq!(type_of(&table, types.keys().map(String::as_str)), Some(name.as_str()));
        assert_eq!(likely_type(&table), *name);
    }
}

#[test]
fn every_property_of_the_wheel_is_found_by_its_column() {
    let Some(schemas) = schemas() else { return };
    let mut ambiguous = Vec::new();
    for (name, schema) in &schemas {
        let Some(properties) = schema["properties"].as_object() else { continue };
        for property in properties.keys() {
            if property_of(&column_of(property), properties.keys().map(String::as_str)) != Some(property) {
                ambiguous.push(format!("{name} {property}"));
            }
        }
    }
    assert_eq!(ambiguous, Vec::<String>::new());
}
