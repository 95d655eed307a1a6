//! Looking at a statement's syntax tree: literals, columns, relations and nested selects below a place.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{BinaryOperator, Expr, Query, Select, SetExpr, TableFactor, Value, Visit, Visitor};

use super::rewrite::words;

/// An expression without the parentheses around it.
pub(super) fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Nested(inner) => bare(inner),
        other => other,
    }
}

/// What an expression demands, all of it.
pub(super) fn conjuncts<'a>(expr: &'a Expr, out: &mut Vec<&'a Expr>) {
    match bare(expr) {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            conjuncts(left, out);
            conjuncts(right, out);
        }
        other => out.push(other),
    }
}

/// What an expression allows, any of it.
pub(super) fn disjuncts<'a>(expr: &'a Expr, out: &mut Vec<&'a Expr>) {
    match bare(expr) {
        Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
            disjuncts(left, out);
            disjuncts(right, out);
        }
        other => out.push(other),
    }
}

/// A literal.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Literal {
    /// Nothing is equal to it.
    Null,
    /// A number or a boolean, as it is written.
    Plain(String),
    /// A text.
    Text(String),
}

impl Literal {
    /// As a text, where it is something.
    fn text(self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Plain(text) | Self::Text(text) => Some(text),
        }
    }
}

/// The value of a literal.
fn literal(expr: &Expr) -> Option<Literal> {
    let Expr::Value(value) = bare(expr) else { return None };
    Some(match &value.value {
        Value::Null => Literal::Null,
        Value::Number(number, _) => Literal::Plain(number.clone()),
        Value::Boolean(flag) => Literal::Plain(flag.to_string()),
        value => Literal::Text(value.clone().into_string()?),
    })
}

/// The values of literals, each once; `None` where one is none.
pub(super) fn literals(values: &[&Expr]) -> Option<Vec<String>> {
    let written: Option<Vec<Literal>> = values.iter().map(|value| literal(value)).collect();
    Some(unique(written?.into_iter().filter_map(Literal::text)))
}

/// Texts in their order, each once: what is read twice would be two rows.
pub(super) fn unique(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    texts.filter(|text| seen.insert(text.clone())).collect()
}

/// The columns that something names outside of nested selects: an expression, or the arguments of a table function.
pub(super) fn columns_in(what: &impl Visit) -> Vec<Expr> {
    #[derive(Default)]
    struct Columns {
        depth: usize,
        found: Vec<Expr>,
    }
    impl Visitor for Columns {
        type Break = ();

        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.depth += 1;
            ControlFlow::Continue(())
        }

        fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.depth -= 1;
            ControlFlow::Continue(())
        }

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            if self.depth == 0 && matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) {
                self.found.push(expr.clone());
            }
            ControlFlow::Continue(())
        }
    }
    let mut columns = Columns::default();
    let _ = what.visit(&mut columns);
    columns.found
}

/// The names of the relations below something.
pub(super) fn relations_in(what: &impl Visit) -> Vec<String> {
    #[derive(Default)]
    struct Relations(Vec<String>);
    impl Visitor for Relations {
        type Break = ();

        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
            if let TableFactor::Table { name, args: None, .. } = factor {
                self.0.extend(words(name).last().map(|word| (*word).to_owned()));
            }
            ControlFlow::Continue(())
        }
    }
    let mut relations = Relations::default();
    let _ = what.visit(&mut relations);
    relations.0
}

/// The outermost selects that are nested in something.
pub(super) fn queries_in(what: &impl Visit) -> Vec<Query> {
    #[derive(Default)]
    struct Nested {
        depth: usize,
        found: Vec<Query>,
    }
    impl Visitor for Nested {
        type Break = ();

        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
            if self.depth == 0 {
                self.found.push(query.clone());
            }
            self.depth += 1;
            ControlFlow::Continue(())
        }

        fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.depth -= 1;
            ControlFlow::Continue(())
        }
    }
    let mut nested = Nested::default();
    let _ = what.visit(&mut nested);
    nested.found
}

/// The selects nested in the expressions of a select; those of its relations are looked at by themselves.
pub(super) fn queries_of_select(select: &Select) -> Vec<Query> {
    let mut without = select.clone();
    for from in &mut without.from {
        hide(&mut from.relation);
        from.joins.iter_mut().for_each(|join| hide(&mut join.relation));
    }
    queries_in(&without)
}

/// Takes the select out of a derived relation, which was looked at.
fn hide(factor: &mut TableFactor) {
    if let TableFactor::Derived { subquery, .. } = factor {
        let none = sqlparser::ast::Values { explicit_row: false, value_keyword: false, rows: Vec::new() };
        subquery.with = None;
        subquery.order_by = None;
        *subquery.body = SetExpr::Values(none);
    }
}
