//! From `sqlparser`'s tree to what the statement says.

use std::ops::Range;
use std::sync::Arc;

use sqlparser::ast::{
    self, AssignmentTarget, BinaryOperator, Expr, FunctionArg, FunctionArgExpr, SelectItem, SetExpr, Spanned as _,
};
use trueup_engine::diagnostic::Diagnostic;
use trueup_engine::manifest::tree::{Node, Yaml};
use trueup_engine::source::Spanned;

use super::mask::{Masked, PLACEHOLDER};
use super::patch::{self, Patch};
use super::select::{self, Column};
use super::table::Table;
use super::{Delete, Insert, Predicate, Refused, Update, Value, json, refused};

/// The prefix of parameters in older pages of the provider.
const PREFIX: &str = "data__";

/// Reads parts of a statement.
pub struct Reader<'m, 't> {
    pub masked: &'m Masked<'t>,
}

impl<'m, 't> Reader<'m, 't> {
    pub fn new(masked: &'m Masked<'t>) -> Self {
        Self { masked }
    }

    /// `INSERT`.
    pub fn insert(&self, insert: &ast::Insert) -> Result<Insert, Refused> {
        let ast::TableObject::TableName(name) = &insert.table else {
            return Err(refused(self.masked.first_word(), "INSERT takes the name of a table"));
        };
        let table = self.table(name)?;
        let mut columns: Vec<Spanned<Arc<str>>> = Vec::new();
        for name in &insert.columns {
            let column = self.column(name)?;
            if let Some(first) = columns.iter().find(|earlier| earlier.value == column.value) {
                return Err(Refused::from(
                    Diagnostic::error("Q113", format!("the column `{}` is given twice", column.value))
                        .labelled(column.span, "given again here")
                        .labelled(first.span, "first given here")
                        .help("keep one of them"),
                ));
            }
            columns.push(column);
        }
        if columns.is_empty() {
            return Err(refused(table.span, "INSERT without a list of columns does not say what it sets")
                .help("name the columns: `INSERT INTO t (Name, region) SELECT …`"));
        }
        let values = self.values(insert)?;
        if values.len() != columns.len() {
            let (names, given) = (columns.len(), values.len());
            let mut diagnostic = Diagnostic::error(
                "Q113",
                format!(
                    "{} and {}",
                    counted(names, "column is", "columns are"),
                    counted(given, "value is", "values are")
                ),
            );
            // The first one without a partner.
            diagnostic = match (columns.get(given), values.get(names)) {
                (Some(column), _) => diagnostic.labelled(column.span, "this column has no value"),
                (_, Some(value)) => diagnostic.labelled(self.place(value), "this value has no column"),
                _ => diagnostic.at(table.span),
            };
            return Err(Refused::from(diagnostic.help("give one value for each column, in the same order")));
        }
        let values: Vec<Value> =
            columns.iter().zip(values).map(|(column, value)| self.set(column, value)).collect::<Result<_, _>>()?;
        let returning = self.returning(insert.returning.as_deref());
        Ok(Insert { table, columns: columns.into_iter().zip(values).collect(), returning })
    }

    /// What SELECT or VALUES gives, in order.
    fn values<'e>(&self, insert: &'e ast::Insert) -> Result<Vec<&'e Expr>, Refused> {
        let not_plain = |why: &str| {
            refused(self.masked.first_word(), format!("an INSERT {why} cannot be lifted"))
                .help("give the values themselves: `INSERT INTO t (Name) SELECT '{{ name }}'`")
        };
        let Some(query) = &insert.source else { return Err(not_plain("without values")) };
        match query.body.as_ref() {
            SetExpr::Values(values) => match values.rows.as_slice() {
                [row] => Ok(row.content.iter().collect()),
                _ => Err(not_plain("of several rows")),
            },
            SetExpr::Select(select) if select.from.is_empty() && select.selection.is_none() => select
                .projection
                .iter()
                .map(|item| match item {
                    SelectItem::UnnamedExpr(value) | SelectItem::ExprWithAlias { expr: value, .. } => Ok(value),
                    _ => Err(not_plain("from another table")),
                })
                .collect(),
            SetExpr::Select(_) => Err(not_plain("from another table")),
            _ => Err(not_plain("from a query")),
        }
    }

    /// `UPDATE`.
    pub fn update(&self, update: &ast::Update) -> Result<Update, Refused> {
        let table = self.factor(&update.table)?;
        let mut result = Update {
            table,
            patch: None,
            columns: Vec::new(),
            predicates: self.predicates(update.selection.as_ref()),
            returning: self.returning(update.returning.as_deref()),
        };
        for assignment in &update.assignments {
            let AssignmentTarget::ColumnName(name) = &assignment.target else {
                return Err(refused(self.masked.first_word(), "an UPDATE of several columns at once cannot be lifted"));
            };
            let column = self.column(name)?;
            if column.value.eq_ignore_ascii_case("PatchDocument") {
                result.patch = Some(self.patch(&assignment.value)?);
            } else {
                let value = self.set(&column, &assignment.value)?;
                result.columns.push((column, value));
            }
        }
        Ok(result)
    }

    /// `DELETE`.
    pub fn delete(&self, delete: &ast::Delete) -> Result<Delete, Refused> {
        let (ast::FromTable::WithFromKeyword(tables) | ast::FromTable::WithoutKeyword(tables)) = &delete.from;
        let [table] = tables.as_slice() else {
            return Err(refused(self.masked.first_word(), "a DELETE from several tables cannot be lifted"));
        };
        Ok(Delete {
            table: self.factor(table)?,
            predicates: self.predicates(delete.selection.as_ref()),
            returning: self.returning(delete.returning.as_deref()),
        })
    }

    fn factor(&self, table: &ast::TableWithJoins) -> Result<Table, Refused> {
        match &table.relation {
            ast::TableFactor::Table { name, .. } if table.joins.is_empty() => self.table(name),
            _ => Err(refused(self.masked.first_word(), "a statement over a join cannot be lifted")),
        }
    }

    /// The AWS table of a name.
    fn table(&self, name: &ast::ObjectName) -> Result<Table, Refused> {
        let span = self.masked.place(self.masked.range(name.span()));
        let Some(table) = self.any_table(name) else {
            let template = name.0.iter().filter_map(|part| part.as_ident()).any(|it| it.value.contains(PLACEHOLDER));
            if template {
                return Err(refused(span, "the name of a table cannot be a template")
                    .noted("the type of a resource must be known before anything is evaluated"));
            }
            return Err(refused(span, "a table has three names: provider, service and resource")
                .help("write it like `awscc.events.connections`"));
        };
        if !table.is_aws() {
            return Err(Refused::from(
                Diagnostic::error("Q112", format!("the provider `{}` is not one of AWS", table.provider))
                    .at(span)
                    .noted(format!("the statement writes `{}`", table.path()))
                    .help("trueup manages AWS; the rest of the stack can be used with `--only`"),
            ));
        }
        Ok(table)
    }

    /// The table of a name, of any provider; `None` where the name is not one of a provider's table.
    pub fn any_table(&self, name: &ast::ObjectName) -> Option<Table> {
        let parts: Vec<&str> =
            name.0.iter().map(|part| part.as_ident().map(|it| it.value.as_str())).collect::<Option<_>>()?;
        if parts.iter().any(|part| part.contains(PLACEHOLDER)) {
            return None;
        }
        Table::of(&parts, self.masked.place(self.masked.range(name.span())))
    }

    fn column(&self, name: &ast::ObjectName) -> Result<Spanned<Arc<str>>, Refused> {
        let span = self.masked.place(self.masked.range(name.span()));
        let last = name.0.last().and_then(|part| part.as_ident()).map(|it| it.value.as_str());
        match last {
            Some(name) if !name.contains(PLACEHOLDER) => Ok(Spanned { value: plain(name), span }),
            _ => Err(refused(span, "the name of a column cannot be a template")),
        }
    }

    /// The columns of RETURNING.
    fn returning(&self, items: Option<&[SelectItem]>) -> Vec<Column> {
        items.unwrap_or_default().iter().filter_map(|item| select::column(self, item)).collect()
    }

    fn place_of(&self, at: sqlparser::tokenizer::Span) -> trueup_engine::source::Span {
        self.masked.place(self.masked.range(at))
    }

    /// The place of an expression.
    pub fn place(&self, value: &Expr) -> trueup_engine::source::Span {
        self.place_of(value.span())
    }

    /// The column that an expression is, without its prefix.
    pub fn column_of(&self, value: &Expr) -> Option<Spanned<Arc<str>>> {
        let name = match value {
            Expr::Identifier(name) => name,
            Expr::CompoundIdentifier(names) => names.last()?,
            Expr::Nested(inner) => return self.column_of(inner),
            _ => return None,
        };
        (!name.value.contains(PLACEHOLDER)).then(|| Spanned { value: plain(&name.value), span: self.place(value) })
    }

    fn set(&self, column: &Spanned<Arc<str>>, value: &Expr) -> Result<Value, Refused> {
        self.value(value).ok_or_else(|| {
            refused(
                self.place(value),
                format!("the value of `{}` is an expression, and cannot be lifted", column.value),
            )
            .noted("only the SQL engine could evaluate it, and there is none")
            .help("write it as a template: '{{ … }}'")
        })
    }

    /// The value that an expression writes; `None` where only an SQL engine could tell.
    pub fn value(&self, value: &Expr) -> Option<Value> {
        match value {
            Expr::Nested(inner) => self.value(inner),
            Expr::Cast { expr, .. } => self.value(expr),
            Expr::Function(function) => {
                let name = function_name(function)?;
                match (name.as_str(), arguments(function).as_slice()) {
                    ("string" | "text" | "json" | "to_json", [inner]) => self.value(inner),
                    _ => None,
                }
            }
            Expr::UnaryOp { op: ast::UnaryOperator::Minus, expr } => {
                let Expr::Value(inner) = expr.as_ref() else { return None };
                let ast::Value::Number(number, _) = &inner.value else { return None };
                self.plain_value(value, Yaml::Number(serde_json::from_str(&format!("-{number}")).ok()?))
            }
            Expr::Value(inner) => match &inner.value {
                ast::Value::SingleQuotedString(_) | ast::Value::DoubleQuotedString(_) => {
                    Some(self.quoted(self.masked.range(inner.span)))
                }
                ast::Value::Number(number, _) => {
                    self.plain_value(value, Yaml::Number(serde_json::from_str(number).ok()?))
                }
                ast::Value::Boolean(flag) => self.plain_value(value, Yaml::Bool(*flag)),
                ast::Value::Null => self.plain_value(value, Yaml::Null),
                _ => None,
            },
            Expr::Identifier(name) if name.quote_style.is_some() => Some(self.quoted(self.masked.range(name.span))),
            Expr::Identifier(name) if name.value.contains(PLACEHOLDER) => {
                let range = self.masked.range(name.span);
                let text = self.masked.text.get(range.clone())?;
                let node = Node { yaml: Yaml::Text(text.into()), span: self.masked.place(range) };
                Some(Value { node, tree: None })
            }
            Expr::Identifier(name) if name.value.eq_ignore_ascii_case("true") => {
                self.plain_value(value, Yaml::Bool(true))
            }
            Expr::Identifier(name) if name.value.eq_ignore_ascii_case("false") => {
                self.plain_value(value, Yaml::Bool(false))
            }
            _ => None,
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "the arms of `value` read alike")]
    fn plain_value(&self, value: &Expr, yaml: Yaml) -> Option<Value> {
        Some(Value { node: Node { yaml, span: self.place(value) }, tree: None })
    }

    /// A text, put together again from what is between the quotes.
    fn quoted(&self, range: Range<usize>) -> Value {
        let written = self.masked.text.get(range.clone()).unwrap_or_default();
        let quote = written.chars().next().unwrap_or('\'');
        let content = written.get(1..written.len().saturating_sub(1)).unwrap_or_default();
        let units = json::units(content, range.start + 1, quote);
        let tree = json::tree(&units, &|range| self.masked.place(range));
        Value { node: Node { yaml: Yaml::Text(json::text(&units)), span: self.masked.place(range) }, tree }
    }

    /// What a patch document is set to.
    fn patch(&self, value: &Expr) -> Result<Patch, Refused> {
        let span = self.place(value);
        let Some(document) = self.value(value) else {
            return Err(refused(span, "the patch is an expression, and cannot be lifted")
                .help("write it as a template: string('{{ { … } | generate_patch_document }}')"));
        };
        patch::read(&document, self.masked)
    }

    /// The equalities that all have to hold.
    pub fn predicates(&self, condition: Option<&Expr>) -> Vec<Predicate> {
        let mut predicates = Vec::new();
        let mut open: Vec<&Expr> = condition.into_iter().collect();
        while let Some(condition) = open.pop() {
            match condition {
                Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                    open.push(right);
                    open.push(left);
                }
                Expr::Nested(inner) => open.push(inner),
                _ => predicates.extend(self.predicate(condition)),
            }
        }
        predicates
    }

    /// `column = value`, `value = column`, `JSON_EQUAL(column, value)` and the like.
    pub fn predicate(&self, condition: &Expr) -> Option<Predicate> {
        match condition {
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
                let (path, value) = match (self.path_of(left), self.path_of(right)) {
                    (Some(path), _) => (path, right),
                    (_, Some(path)) => (path, left),
                    _ => return None,
                };
                let (column, path) = path;
                Some(Predicate { column, path, value: self.value(value) })
            }
            Expr::Function(function) => {
                let name = function_name(function)?;
                if !matches!(name.as_str(), "json_equal" | "aws_policy_equal") {
                    return None;
                }
                let arguments = arguments(function);
                let [one, other] = arguments.as_slice() else { return None };
                let ((column, path), value) = match (self.path_of(one), self.path_of(other)) {
                    (Some(path), _) => (path, other),
                    (_, Some(path)) => (path, one),
                    _ => return None,
                };
                Some(Predicate { column, path, value: self.value(value) })
            }
            _ => None,
        }
    }

    /// A column, and where in its JSON.
    pub fn path_of(&self, value: &Expr) -> Option<(Spanned<Arc<str>>, Vec<String>)> {
        match value {
            Expr::Identifier(name) if name.quote_style.is_some_and(|quote| quote != '`') => None,
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => Some((self.column_of(value)?, Vec::new())),
            Expr::Nested(inner) => self.path_of(inner),
            Expr::BinaryOp { left, op: BinaryOperator::Arrow | BinaryOperator::LongArrow, right } => {
                let (column, mut path) = self.path_of(left)?;
                path.extend(json_path(&self.plain_text(right)?)?);
                Some((column, path))
            }
            Expr::Function(function) if function_name(function)? == "json_extract" => {
                let arguments = arguments(function);
                let [inner, at] = arguments.as_slice() else { return None };
                let (column, mut path) = self.path_of(inner)?;
                path.extend(json_path(&self.plain_text(at)?)?);
                Some((column, path))
            }
            _ => None,
        }
    }

    fn plain_text(&self, value: &Expr) -> Option<Arc<str>> {
        let value = self.value(value)?;
        let text = value.node.as_text()?;
        (!trueup_engine::render::scan::is_template(text)).then(|| Arc::clone(text))
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {} given", if count == 1 { one } else { many })
}

/// A column's name without the prefix of older pages.
fn plain(name: &str) -> Arc<str> {
    match name.get(..PREFIX.len()) {
        Some(prefix) if prefix.eq_ignore_ascii_case(PREFIX) => Arc::from(&name[PREFIX.len()..]),
        _ => Arc::from(name),
    }
}

/// A function's name in lower case.
pub fn function_name(function: &ast::Function) -> Option<String> {
    let name = function.name.0.last()?.as_ident()?;
    Some(name.value.to_ascii_lowercase())
}

/// A function's plain arguments.
pub fn arguments(function: &ast::Function) -> Vec<&Expr> {
    let ast::FunctionArguments::List(list) = &function.args else { return Vec::new() };
    list.args
        .iter()
        .filter_map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Some(value),
            _ => None,
        })
        .collect()
}

/// The members of `$.a.b[0]`, or of a plain name as `->` takes it.
fn json_path(path: &str) -> Option<Vec<String>> {
    let Some(rest) = path.strip_prefix('$') else { return Some(vec![path.to_owned()]) };
    let mut members = Vec::new();
    let mut rest = rest;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            if let Some(quoted) = after.strip_prefix('"') {
                let (name, behind) = quoted.split_once('"')?;
                members.push(name.to_owned());
                rest = behind;
            } else {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                members.push(after[..end].to_owned());
                rest = &after[end..];
            }
        } else {
            let (index, behind) = rest.strip_prefix('[')?.split_once(']')?;
            members.push(index.trim_matches(['"', '\'']).to_owned());
            rest = behind;
        }
    }
    Some(members)
}
