//! STS: who calls.

use serde_json::{Value, json};

use crate::operation::{Context, Operation, identity};
use crate::shape::Shape;
use crate::wire::Refusal;

/// The operations of STS.
pub(crate) static OPERATIONS: &[Operation] = &[Operation {
    name: "GetCallerIdentity",
    input: &NOTHING,
    subject: &[],
    // [D] needs no permission, and cannot be denied
    resources: |_, _| Vec::new(),
    run: get_caller_identity,
}];

static NOTHING: Shape = Shape::Struct(&[]);

fn get_caller_identity(context: &mut Context<'_>, _: &Value) -> Result<Value, Refusal> {
    Ok(json!({
        "UserId": "AIDASANDBOX0000000000",
        "Account": context.caller.account,
        "Arn": identity(context.caller),
    }))
}
