//! The statement as SQLite is given it: every table of a provider is another local table, named by its number.
//!
//! Two mentions of one table are two local tables, because each has its own parameters. `*` is written out, so that it
//! does not show a parameter twice under its two spellings.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Ident, Join, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, Spanned as _, TableAlias, TableFactor, Visit as _, VisitMut as _, Visitor,
    VisitorMut,
};
use sqlparser::tokenizer::Span as SqlSpan;

use super::tables::Table;

/// What the names of local tables begin with.
const LOCAL: &str = "live ";

/// A mention of a table.
#[derive(Debug, Clone)]
pub(super) struct Mention {
    /// The table.
    pub(super) table: Table,
    /// Where it is written.
    pub(super) span: SqlSpan,
}

/// The name of a local table.
pub(super) fn local(number: usize) -> String {
    format!("{LOCAL}{number}")
}

/// The number of a local table, where a name is one.
pub(super) fn number_of(name: &str) -> Option<usize> {
    name.strip_prefix(LOCAL)?.parse().ok()
}

/// The words of a name.
pub(super) fn words(name: &ObjectName) -> Vec<&str> {
    name.0.iter().filter_map(|part| part.as_ident().map(|ident| ident.value.as_str())).collect()
}

/// The tables that a statement names: the words of each name that is none of its own, and where it stands.
pub(super) fn names(query: &Query) -> Vec<(Vec<String>, SqlSpan)> {
    #[derive(Default)]
    struct Names {
        own: BTreeSet<String>,
        found: Vec<(Vec<String>, SqlSpan)>,
    }
    impl Visitor for Names {
        type Break = ();

        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
            let own = query.with.iter().flat_map(|with| &with.cte_tables);
            self.own.extend(own.map(|cte| cte.alias.name.value.to_ascii_lowercase()));
            ControlFlow::Continue(())
        }

        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
            if let TableFactor::Table { name, args: None, .. } = factor {
                let words: Vec<String> = words(name).into_iter().map(str::to_owned).collect();
                let own = matches!(words.as_slice(), [one] if self.own.contains(&one.to_ascii_lowercase()));
                // Functions of SQLite that are tables need no arguments.
                if !own {
                    self.found.push((words, name.span()));
                }
            }
            ControlFlow::Continue(())
        }
    }
    let mut names = Names::default();
    let _ = query.visit(&mut names);
    names.found
}

/// Rewrites a statement; gives the mentions by their number.
pub(super) fn rewrite(query: &mut Query, tables: &BTreeMap<String, Table>) -> Vec<Mention> {
    let mut writer = Writer { tables, mentions: Vec::new() };
    let _ = query.visit(&mut writer);
    writer.mentions
}

struct Writer<'a> {
    tables: &'a BTreeMap<String, Table>,
    mentions: Vec<Mention>,
}

impl VisitorMut for Writer<'_> {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, alias, args: None, .. } = factor {
            let words = words(name);
            if let Some(table) = self.tables.get(&words.join(".").to_ascii_lowercase()) {
                if alias.is_none() {
                    let last = words.last().copied().unwrap_or_default();
                    *alias = Some(TableAlias {
                        explicit: true,
                        name: Ident::with_quote('"', last),
                        columns: Vec::new(),
                        at: None,
                    });
                }
                let number = self.mentions.len();
                self.mentions.push(Mention { table: table.clone(), span: name.span() });
                *name = ObjectName(vec![ObjectNamePart::Identifier(Ident::with_quote('"', local(number)))]);
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        // `awscc.events.connections.name`: the last two words are what SQLite knows.
        if let Expr::CompoundIdentifier(parts) = expr
            && parts.len() > 2
        {
            parts.drain(..parts.len() - 2);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let factors = factors(select);
        let joined = select
            .from
            .iter()
            .flat_map(|from| &from.joins)
            .all(|join| !matches!(constraint(join), Some(JoinConstraint::Using(_) | JoinConstraint::Natural)));
        let aliases: Vec<(Ident, Option<usize>)> =
            factors.into_iter().filter_map(|factor| Some((alias_of(factor)?, mention_of(factor)))).collect();
        let all = select.from.iter().map(|from| 1 + from.joins.len()).sum::<usize>();
        let mut projection = Vec::new();
        for item in std::mem::take(&mut select.projection) {
            match &item {
                SelectItem::Wildcard(_) if joined && aliases.len() == all => {
                    projection.extend(aliases.iter().flat_map(|(alias, number)| self.columns(alias, *number)));
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    let last = words(name).last().copied().unwrap_or_default().to_owned();
                    match aliases.iter().find(|(alias, _)| alias.value.eq_ignore_ascii_case(&last)) {
                        Some((alias, Some(number))) => projection.extend(self.columns(alias, Some(*number))),
                        _ => projection.push(item),
                    }
                }
                _ => projection.push(item),
            }
        }
        select.projection = projection;
        ControlFlow::Continue(())
    }
}

impl Writer<'_> {
    /// All that `*` shows of a relation.
    fn columns(&self, alias: &Ident, number: Option<usize>) -> Vec<SelectItem> {
        let Some(mention) = number.and_then(|number| self.mentions.get(number)) else {
            let name = ObjectName(vec![ObjectNamePart::Identifier(alias.clone())]);
            let wildcard = SelectItemQualifiedWildcardKind::ObjectName(name);
            return vec![SelectItem::QualifiedWildcard(wildcard, sqlparser::ast::WildcardAdditionalOptions::default())];
        };
        let shown = mention.table.columns.iter().filter(|column| !column.hidden);
        shown
            .map(|column| {
                let parts = vec![alias.clone(), Ident::with_quote('"', column.name.as_str())];
                SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts))
            })
            .collect()
    }
}

/// The relations of a select that are not nested in parentheses, in order.
pub(super) fn factors(select: &Select) -> Vec<&TableFactor> {
    select
        .from
        .iter()
        .flat_map(|from| std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)))
        .collect()
}

/// What a relation is called in its select.
pub(super) fn alias_of(factor: &TableFactor) -> Option<Ident> {
    match factor {
        TableFactor::Table { alias: Some(alias), .. } | TableFactor::Derived { alias: Some(alias), .. } => {
            Some(alias.name.clone())
        }
        TableFactor::Table { name, alias: None, .. } => name.0.last()?.as_ident().cloned(),
        _ => None,
    }
}

/// The number of the mention that a relation is.
pub(super) fn mention_of(factor: &TableFactor) -> Option<usize> {
    match factor {
        TableFactor::Table { name, .. } => number_of(words(name).first()?),
        _ => None,
    }
}

/// The condition of a join.
pub(super) fn constraint(join: &Join) -> Option<&JoinConstraint> {
    match &join.join_operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::CrossJoin(constraint)
        | JoinOperator::StraightJoin(constraint) => Some(constraint),
        _ => None,
    }
}
