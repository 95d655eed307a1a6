//! The connection types, in two generations.
//!
//! The first keeps everything in `ConnectionProperties`; the second has an authentication configuration
//! and properties by compute environment, and answers `ConnectionSchemaVersion` 2.

/// The connection types, and those in use that the model does not list [T].
pub(super) static TYPES: &[&str] = &[
    "JDBC",
    "SFTP",
    "MONGODB",
    "KAFKA",
    "NETWORK",
    "MARKETPLACE",
    "CUSTOM",
    "SALESFORCE",
    "VIEW_VALIDATION_REDSHIFT",
    "VIEW_VALIDATION_ATHENA",
    "GOOGLEADS",
    "GOOGLESHEETS",
    "GOOGLEANALYTICS4",
    "SERVICENOW",
    "MARKETO",
    "SAPODATA",
    "ZENDESK",
    "JIRACLOUD",
    "NETSUITEERP",
    "HUBSPOT",
    "FACEBOOKADS",
    "INSTAGRAMADS",
    "ZOHOCRM",
    "SALESFORCEPARDOT",
    "SALESFORCEMARKETINGCLOUD",
    "ADOBEANALYTICS",
    "SLACK",
    "LINKEDIN",
    "MIXPANEL",
    "ASANA",
    "STRIPE",
    "SMARTSHEET",
    "DATADOG",
    "WOOCOMMERCE",
    "INTERCOM",
    "SNAPCHATADS",
    "PAYPAL",
    "QUICKBOOKS",
    "FACEBOOKPAGEINSIGHTS",
    "FRESHDESK",
    "TWILIO",
    "DOCUSIGNMONITOR",
    "FRESHSALES",
    "ZOOM",
    "GOOGLESEARCHCONSOLE",
    "SALESFORCECOMMERCECLOUD",
    "SAPCONCUR",
    "DYNATRACE",
    "MICROSOFTDYNAMIC365FINANCEANDOPS",
    "MICROSOFTTEAMS",
    "BLACKBAUDRAISEREDGENXT",
    "MAILCHIMP",
    "GITLAB",
    "PENDO",
    "PRODUCTBOARD",
    "CIRCLECI",
    "PIPEDIVE",
    "SENDGRID",
    "AZURECOSMOS",
    "AZURESQL",
    "BIGQUERY",
    "BLACKBAUD",
    "CLOUDERAHIVE",
    "CLOUDERAIMPALA",
    "CLOUDWATCH",
    "CLOUDWATCHMETRICS",
    "CMDB",
    "DATALAKEGEN2",
    "DB2",
    "DB2AS400",
    "DOCUMENTDB",
    "DOMO",
    "DYNAMODB",
    "GOOGLECLOUDSTORAGE",
    "HBASE",
    "KUSTOMER",
    "MICROSOFTDYNAMICS365CRM",
    "MONDAY",
    "MYSQL",
    "OKTA",
    "OPENSEARCH",
    "ORACLE",
    "PIPEDRIVE",
    "POSTGRESQL",
    "SAPHANA",
    "SQLSERVER",
    "SYNAPSE",
    "TERADATA",
    "TERADATANOS",
    "TIMESTREAM",
    "TPCDS",
    "VERTICA",
    // Not in the model [T].
    "SNOWFLAKE",
];

/// The types of the first generation [D].
static FIRST: &[&str] = &[
    "JDBC",
    "SFTP",
    "MONGODB",
    "KAFKA",
    "NETWORK",
    "MARKETPLACE",
    "CUSTOM",
    "VIEW_VALIDATION_REDSHIFT",
    "VIEW_VALIDATION_ATHENA",
];

/// Types of the second generation that are in use without an authentication configuration: their
/// credentials, if any, are named by the properties of an environment [T] for some, [?] for the rest.
static WITHOUT_AUTHENTICATION: &[&str] = &[
    "AZURECOSMOS",
    "AZURESQL",
    "BIGQUERY",
    "CLOUDERAHIVE",
    "CLOUDERAIMPALA",
    "CLOUDWATCH",
    "CLOUDWATCHMETRICS",
    "CMDB",
    "DATALAKEGEN2",
    "DB2",
    "DB2AS400",
    "DOCUMENTDB",
    "DYNAMODB",
    "GOOGLECLOUDSTORAGE",
    "HBASE",
    "OPENSEARCH",
    "SAPHANA",
    "SNOWFLAKE",
    "SYNAPSE",
    "TERADATA",
    "TERADATANOS",
    "TIMESTREAM",
    "TPCDS",
    "VERTICA",
];

/// Tells whether a type is of the first generation.
pub(super) fn is_first(kind: &str) -> bool {
    FIRST.contains(&kind)
}

/// Tells whether a type must have an authentication configuration: [I] for MYSQL and SALESFORCE, [?]
/// for the other databases and services.
pub(super) fn must_authenticate(kind: &str) -> bool {
    !is_first(kind) && !WITHOUT_AUTHENTICATION.contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_is_of_known_types() {
        for kind in FIRST.iter().chain(WITHOUT_AUTHENTICATION) {
            assert!(TYPES.contains(kind), "{kind}");
        }
        assert!(must_authenticate("MYSQL") && must_authenticate("SALESFORCE"));
        assert!(!must_authenticate("JDBC") && !must_authenticate("SNOWFLAKE"));
    }
}
