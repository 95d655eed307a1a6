//! Tables, columns and statements over every type of CloudFormation's registry that the pinned `cfn-lint` wheel carries.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it is")]

mod census;
mod tables;
mod wheel;
