//! STS: who calls.

use serde_json::{Value, json};

use crate::operation::{Context, Operation, identity};
use crate::shape::Shape;

/// The operations of STS.
pub(crate) static OPERATIONS: &[Operation] = &[Operation {
    name: "GetCallerIdentity",
    input: &NOTHING,
    subject: &[],
    // [D] needs no permission, and cannot be denied
    resources: |_, _| Vec::new(),
    run: |context, _| Ok(caller_identity(context)),
}];

static NOTHING: Shape = Shape::Struct(&[]);

fn caller_identity(context: &Context<'_>) -> Value {
    json!({
        "UserId": "AIDASANDBOX0000000000",
        "Account": context.caller.account,
        "Arn": identity(context.caller),
    })
}
