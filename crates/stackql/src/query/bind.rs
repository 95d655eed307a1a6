//! Which values a read of each table takes: from the predicates of its select, from joins, and from selects around it.
//!
//! `column = …`, `column IN (…)` and `column = … OR column = …` give a parameter its values. Where the other side is no
//! literal, its values are asked of SQLite when the tables that it needs have been read. That gives rows enough and
//! never too few: the whole statement runs afterwards, with every condition in it.
//!
//! A region that is compared with what gives no values cannot be left to the default: rows of other regions would be
//! missing without a word. Such a read lacks its region.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use sqlparser::ast::{BinaryOperator, Cte, Expr, JoinOperator, Query, Select, SetExpr, TableFactor};

use super::rewrite::{Mention, alias_of, constraint, factors, mention_of, number_of};
use super::tables::{Parameter, REGION};
use super::tree::{
    bare, columns_in, conjuncts, disjuncts, literals, queries_in, queries_of_select, relations_in, unique,
};

/// The values of a parameter.
#[derive(Debug, Clone)]
pub(super) enum Values {
    /// Written in the statement.
    Written(Vec<String>),
    /// The one column of a select, once these mentions have been read.
    Asked {
        /// The select.
        sql: String,
        /// What it reads.
        needs: BTreeSet<usize>,
    },
}

impl Values {
    fn needs(&self) -> Option<&BTreeSet<usize>> {
        match self {
            Self::Written(_) => None,
            Self::Asked { needs, .. } => Some(needs),
        }
    }
}

/// What is known of the parameters of a mention: ways to their values, the best first.
pub(super) type Ways = Vec<(&'static str, Vec<Values>)>;

/// A read: the mention, and where the values of its parameters come from.
#[derive(Debug, Clone)]
pub(super) struct Read {
    pub(super) mention: usize,
    pub(super) parameters: Vec<(&'static str, Values)>,
}

/// A mention whose read lacks a parameter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lacking {
    pub(super) mention: usize,
    pub(super) parameter: &'static str,
}

/// The ways to the parameters of every mention of a rewritten statement.
pub(super) fn ways(query: &Query, mentions: &[Mention]) -> Vec<Ways> {
    let mut binder = Binder { mentions, ways: vec![Ways::new(); mentions.len()], compared: BTreeSet::new() };
    binder.query(query, &Around::default());
    for mention in &binder.compared {
        let ways = &mut binder.ways[*mention];
        if !ways.iter().any(|(name, _)| *name == REGION) {
            ways.push((REGION, Vec::new()));
        }
    }
    for ways in &mut binder.ways {
        for (_, values) in ways {
            values.sort_by_key(|values| matches!(values, Values::Asked { .. }));
        }
    }
    binder.ways
}

/// The reads in an order in which each has what it needs; those of one step may run at once.
pub(super) fn schedule(ways: &[Ways], mentions: &[Mention]) -> Result<Vec<Vec<Read>>, Vec<Lacking>> {
    let mut steps: Vec<Vec<Read>> = Vec::new();
    let mut done: BTreeSet<usize> = BTreeSet::new();
    while done.len() < mentions.len() {
        let step = ready(ways, mentions, &done, true).or_else(|| ready(ways, mentions, &done, false));
        let Some(step) = step else {
            let open = (0..mentions.len()).filter(|mention| !done.contains(mention));
            let lacking = open.flat_map(|mention| {
                let demanded = |parameter: &&Parameter| is_demanded(&ways[mention], parameter);
                let needed = mentions[mention].table.parameters.iter().filter(demanded);
                let lacking = needed.filter(|parameter| chosen(&ways[mention], parameter, &done).is_none());
                lacking.map(move |parameter| Lacking { mention, parameter: parameter.name }).collect::<Vec<_>>()
            });
            return Err(lacking.collect());
        };
        done.extend(step.iter().map(|read| read.mention));
        steps.push(step);
    }
    Ok(steps)
}

/// What can be read now. With `patient` one waits for values that are to come although it could do without.
fn ready(ways: &[Ways], mentions: &[Mention], done: &BTreeSet<usize>, patient: bool) -> Option<Vec<Read>> {
    let mut step = Vec::new();
    'mentions: for (mention, written) in mentions.iter().enumerate().filter(|(it, _)| !done.contains(it)) {
        let mut parameters = Vec::new();
        for parameter in &written.table.parameters {
            match chosen(&ways[mention], parameter, done) {
                Some(values) => parameters.push((parameter.name, values)),
                None if is_demanded(&ways[mention], parameter) || (patient && is_known(&ways[mention], parameter)) => {
                    continue 'mentions;
                }
                None => {}
            }
        }
        step.push(Read { mention, parameters });
    }
    Some(step).filter(|step| !step.is_empty())
}

/// Whether nothing can be read without it: a region that is compared has to be one that is known.
fn is_demanded(ways: &Ways, parameter: &Parameter) -> bool {
    let compared = || ways.iter().any(|(name, values)| *name == parameter.name && values.is_empty());
    parameter.required || (parameter.name == REGION && compared())
}

fn is_known(ways: &Ways, parameter: &Parameter) -> bool {
    ways.iter().any(|(name, _)| *name == parameter.name)
}

fn chosen(ways: &Ways, parameter: &Parameter, done: &BTreeSet<usize>) -> Option<Values> {
    let (_, values) = ways.iter().find(|(name, _)| *name == parameter.name)?;
    values.iter().find(|values| values.needs().is_none_or(|needs| needs.is_subset(done))).cloned()
}

/// What can be seen around a select.
#[derive(Clone, Default)]
struct Around<'a> {
    ctes: Vec<&'a Cte>,
    recursive: bool,
    /// From the outermost to the innermost.
    scopes: Vec<Scope<'a>>,
}

/// The relations of one select, and the conditions that all its rows meet once they are joined.
#[derive(Clone)]
struct Scope<'a> {
    relations: Vec<Relation<'a>>,
    conditions: Vec<&'a Expr>,
}

#[derive(Clone)]
struct Relation<'a> {
    alias: String,
    factor: &'a TableFactor,
    mention: Option<usize>,
    /// A row may lack it: it stands at the other side of an outer join.
    optional: bool,
}

/// A relation by its scope and its place in it.
type At = (usize, usize);

struct Binder<'m> {
    mentions: &'m [Mention],
    ways: Vec<Ways>,
    /// Mentions whose region stands in a condition.
    compared: BTreeSet<usize>,
}

impl Binder<'_> {
    fn query(&mut self, query: &Query, around: &Around<'_>) {
        let mut here = around.clone();
        if let Some(with) = &query.with {
            here.recursive |= with.recursive;
            for cte in &with.cte_tables {
                self.query(&cte.query, &here);
                here.ctes.push(cte);
            }
        }
        self.body(&query.body, &here);
        for nested in queries_in(&query.order_by) {
            self.query(&nested, &here);
        }
    }

    fn body(&mut self, body: &SetExpr, around: &Around<'_>) {
        match body {
            SetExpr::Select(select) => self.select(select, around),
            SetExpr::Query(query) => self.query(query, around),
            SetExpr::SetOperation { left, right, .. } => {
                self.body(left, around);
                self.body(right, around);
            }
            _ => {}
        }
    }

    fn select(&mut self, select: &Select, around: &Around<'_>) {
        let mut relations = Vec::new();
        for factor in factors(select) {
            if let TableFactor::Derived { subquery, .. } = factor {
                self.query(subquery, around);
            }
            let alias = alias_of(factor).map(|alias| alias.value).unwrap_or_default();
            relations.push(Relation { alias, factor, mention: mention_of(factor), optional: false });
        }
        let mut everywhere: Vec<&Expr> = Vec::new();
        if let Some(selection) = &select.selection {
            conjuncts(selection, &mut everywhere);
        }
        let mut met = everywhere.clone();
        let of_rows = met.len();
        // Conditions of an outer join hold for the side that may be missing, and filter nothing of the other.
        let mut of_side: Vec<(&Expr, std::ops::Range<usize>)> = Vec::new();
        let mut at = 0;
        for from in &select.from {
            let first = at;
            for join in &from.joins {
                at += 1;
                let operator = &join.join_operator;
                let full = matches!(operator, JoinOperator::FullOuter(_));
                if full || matches!(operator, JoinOperator::Left(_) | JoinOperator::LeftOuter(_)) {
                    relations[at].optional = true;
                }
                if full || matches!(operator, JoinOperator::Right(_) | JoinOperator::RightOuter(_)) {
                    // To SQLite a comma is a join as well: all that came before may be missing.
                    relations[..at].iter_mut().for_each(|relation| relation.optional = true);
                    met.truncate(of_rows);
                }
                let Some(sqlparser::ast::JoinConstraint::On(condition)) = constraint(join) else { continue };
                let mut conditions = Vec::new();
                conjuncts(condition, &mut conditions);
                match operator {
                    JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => {
                        of_side.extend(conditions.into_iter().map(|it| (it, at..at + 1)));
                    }
                    JoinOperator::Right(_) | JoinOperator::RightOuter(_) => {
                        of_side.extend(conditions.into_iter().map(|it| (it, first..at)));
                    }
                    JoinOperator::FullOuter(_) => {}
                    _ => {
                        met.extend(&conditions);
                        everywhere.extend(conditions);
                    }
                }
            }
            at += 1;
        }
        let mut here = around.clone();
        here.scopes.push(Scope { relations, conditions: met });
        let count = here.scopes.last().map_or(0, |scope| scope.relations.len());
        for condition in everywhere {
            self.condition(condition, &here, &(0..count));
        }
        for (condition, side) in of_side {
            self.condition(condition, &here, &side);
        }
        if let Some(having) = &select.having {
            self.compared_in(having, &here, &(0..count));
        }
        for nested in queries_of_select(select) {
            self.query(&nested, &here);
        }
    }

    /// Takes what a condition says of a parameter of one of the relations in `side`.
    fn condition(&mut self, condition: &Expr, around: &Around<'_>, side: &std::ops::Range<usize>) {
        self.compared_in(condition, around, side);
        match bare(condition) {
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
                self.equal(left, &[right], around, side);
                self.equal(right, &[left], around, side);
            }
            Expr::InList { expr, list, negated: false } => {
                let list: Vec<&Expr> = list.iter().collect();
                self.equal(expr, &list, around, side);
            }
            Expr::InSubquery { expr, subquery, negated: false } => {
                if let Some((mention, parameter)) = self.parameter(expr, around, side) {
                    let nested = Expr::Subquery(subquery.clone());
                    if let Some(values) = self.asked(&nested, mention, around) {
                        self.note(mention, parameter, values);
                    }
                }
            }
            Expr::BinaryOp { op: BinaryOperator::Or, .. } => {
                for ((mention, parameter), values) in self.written(condition, around, side) {
                    self.note(mention, parameter, Values::Written(values));
                }
            }
            _ => {}
        }
    }

    /// Remembers whose region is in a condition.
    fn compared_in(&mut self, condition: &Expr, around: &Around<'_>, side: &std::ops::Range<usize>) {
        let named = columns_in(condition);
        let regions = named.iter().filter_map(|column| self.parameter(column, around, side));
        let regions: Vec<usize> = regions.filter(|(_, name)| *name == REGION).map(|(mention, _)| mention).collect();
        self.compared.extend(regions);
    }

    /// The parameters that a condition holds to values that are written in it, and these: of alternatives only what each
    /// of them says something of.
    fn written(
        &self,
        condition: &Expr,
        around: &Around<'_>,
        side: &std::ops::Range<usize>,
    ) -> BTreeMap<(usize, &'static str), Vec<String>> {
        let one = |column: &Expr, values: &[&Expr]| {
            let (parameter, values) = (self.parameter(column, around, side)?, literals(values)?);
            Some(BTreeMap::from([(parameter, values)]))
        };
        match bare(condition) {
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
                one(left, &[right]).or_else(|| one(right, &[left])).unwrap_or_default()
            }
            Expr::InList { expr, list, negated: false } => {
                one(expr, &list.iter().collect::<Vec<_>>()).unwrap_or_default()
            }
            Expr::BinaryOp { op: BinaryOperator::And, .. } => {
                let mut parts = Vec::new();
                conjuncts(condition, &mut parts);
                parts.into_iter().flat_map(|part| self.written(part, around, side)).collect()
            }
            Expr::BinaryOp { op: BinaryOperator::Or, .. } => {
                let mut parts = Vec::new();
                disjuncts(condition, &mut parts);
                let both = |known: BTreeMap<_, Vec<String>>, mut other: BTreeMap<_, Vec<String>>| {
                    let shared = known.into_iter().filter_map(|(key, values)| {
                        let more = other.remove(&key)?;
                        Some((key, unique(values.into_iter().chain(more))))
                    });
                    shared.collect()
                };
                parts.into_iter().map(|part| self.written(part, around, side)).reduce(both).unwrap_or_default()
            }
            _ => BTreeMap::new(),
        }
    }

    fn equal(&mut self, column: &Expr, values: &[&Expr], around: &Around<'_>, side: &std::ops::Range<usize>) {
        let Some((mention, parameter)) = self.parameter(column, around, side) else { return };
        if let Some(values) = literals(values) {
            return self.note(mention, parameter, Values::Written(values));
        }
        if let [value] = values
            && let Some(values) = self.asked(value, mention, around)
        {
            self.note(mention, parameter, values);
        }
    }

    fn note(&mut self, mention: usize, parameter: &'static str, values: Values) {
        let ways = &mut self.ways[mention];
        match ways.iter_mut().find(|(name, _)| *name == parameter) {
            Some((_, known)) => known.push(values),
            None => ways.push((parameter, vec![values])),
        }
    }

    /// The parameter that a column is, of a relation of the innermost scope.
    fn parameter(
        &self,
        column: &Expr,
        around: &Around<'_>,
        side: &std::ops::Range<usize>,
    ) -> Option<(usize, &'static str)> {
        let inner = around.scopes.len().checked_sub(1)?;
        let name = match bare(column) {
            Expr::Identifier(name) => name,
            Expr::CompoundIdentifier(parts) => parts.last()?,
            _ => return None,
        };
        let (scope, relation) = self.resolve(column, &around.scopes)?;
        if scope != inner || !side.contains(&relation) {
            return None;
        }
        let mention = around.scopes[scope].relations[relation].mention?;
        let parameter = self.mentions[mention].table.parameter(&name.value)?;
        Some((mention, parameter.name))
    }

    /// The relation that a column is of; the innermost scope goes first.
    fn resolve(&self, column: &Expr, scopes: &[Scope<'_>]) -> Option<At> {
        for (at, scope) in scopes.iter().enumerate().rev() {
            let found = match bare(column) {
                Expr::CompoundIdentifier(parts) => {
                    let alias = &parts.get(parts.len().checked_sub(2)?)?.value;
                    scope.relations.iter().position(|relation| relation.alias.eq_ignore_ascii_case(alias))
                }
                Expr::Identifier(name) => {
                    let has = |relation: &Relation<'_>| {
                        relation
                            .mention
                            .is_some_and(|mention| self.mentions[mention].table.column(&name.value).is_some())
                    };
                    let others: Vec<usize> =
                        (0..scope.relations.len()).filter(|it| scope.relations[*it].mention.is_none()).collect();
                    // What a relation of another sort has for columns is not known here; one alone is it.
                    scope.relations.iter().position(has).or(match others.as_slice() {
                        [one] => Some(*one),
                        _ => None,
                    })
                }
                _ => return None,
            };
            if let Some(relation) = found {
                return Some((at, relation));
            }
        }
        None
    }

    /// The select that gives the values of an expression, where none of its columns is of the mention itself.
    fn asked(&self, value: &Expr, mention: usize, around: &Around<'_>) -> Option<Values> {
        let own = |at: &At| around.scopes[at.0].relations[at.1].mention == Some(mention);
        let used = self.used(value, around)?;
        if used.iter().any(own) {
            return None;
        }
        let mut from = String::new();
        for (number, (scope, relation)) in used.iter().enumerate() {
            let Relation { factor, optional, .. } = &around.scopes[*scope].relations[*relation];
            let _ = write!(from, "{}", if number == 0 { " FROM " } else { ", " });
            // What may be missing is there once without a row: `coalesce(x.name, 'none')` is a value, too.
            let _ = if *optional {
                let there = format!("\"there {number}\"");
                let twice = "(SELECT 0 AS \"is\" UNION ALL SELECT 1)";
                write!(from, "{twice} AS {there} LEFT JOIN {factor} ON {there}.\"is\"")
            } else {
                write!(from, "{factor}")
            };
        }
        let mut conditions: Vec<&Expr> = Vec::new();
        if !used.is_empty() {
            for condition in around.scopes.iter().flat_map(|scope| &scope.conditions) {
                let inside = self.used(condition, around).is_some_and(|of| !of.is_empty() && of.is_subset(&used));
                if inside && queries_in(*condition).is_empty() {
                    conditions.push(condition);
                }
            }
        }
        let mut filter = String::new();
        for condition in &conditions {
            let _ = write!(filter, "{}({condition})", if filter.is_empty() { " WHERE " } else { " AND " });
        }
        let mut named = relations_in(value);
        named.extend(conditions.iter().flat_map(|condition| relations_in(*condition)));
        for (scope, relation) in &used {
            named.extend(relations_in(around.scopes[*scope].relations[*relation].factor));
        }
        let (with, needs) = reachable(named, around);
        if needs.contains(&mention) {
            return None;
        }
        let select = match bare(value) {
            Expr::Subquery(query) if used.is_empty() => format!("SELECT * FROM ({query})"),
            value => format!("SELECT DISTINCT {value}{from}{filter}"),
        };
        Some(Values::Asked { sql: format!("{with}{select}"), needs })
    }

    /// The relations whose columns an expression uses; `None` where one is not known, or hides in a nested select.
    fn used(&self, value: &Expr, around: &Around<'_>) -> Option<BTreeSet<At>> {
        if matches!(bare(value), Expr::Subquery(_)) {
            return Some(BTreeSet::new());
        }
        let mut used = BTreeSet::new();
        let mut open: Vec<(Expr, usize)> =
            columns_in(value).into_iter().map(|column| (column, around.scopes.len())).collect();
        while let Some((column, depth)) = open.pop() {
            let (scope, relation) = self.resolve(&column, &around.scopes[..depth])?;
            if used.insert((scope, relation)) {
                // A table function is what it is for the rows that its arguments are of.
                let arguments = columns_in(around.scopes[scope].relations[relation].factor);
                open.extend(arguments.into_iter().map(|column| (column, scope + 1)));
            }
        }
        Some(used)
    }
}

/// The common table expressions behind some names, as a `WITH`, and the mentions behind all of them.
fn reachable(named: Vec<String>, around: &Around<'_>) -> (String, BTreeSet<usize>) {
    let mut needs = BTreeSet::new();
    let mut wanted: BTreeSet<usize> = BTreeSet::new();
    let mut open = named;
    while let Some(name) = open.pop() {
        if let Some(number) = number_of(&name) {
            needs.insert(number);
        } else if let Some(at) = around.ctes.iter().rposition(|cte| cte.alias.name.value.eq_ignore_ascii_case(&name))
            && wanted.insert(at)
        {
            open.extend(relations_in(&around.ctes[at].query));
        }
    }
    if wanted.is_empty() {
        return (String::new(), needs);
    }
    let ctes: Vec<String> = wanted.iter().map(|at| around.ctes[*at].to_string()).collect();
    let recursive = if around.recursive { "RECURSIVE " } else { "" };
    (format!("WITH {recursive}{} ", ctes.join(", ")), needs)
}
