//! One expression between braces, compiled, and the environment in which it is evaluated.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, Expression, UndefinedBehavior, Value as Jinja};

use super::scan;
use super::template::{Problem, check_words, explain, text_of};
use crate::functions;

/// Instructions that one scalar may take.
const FUEL: u64 = 100_000;

/// The one environment: filters and functions are the same for every scalar, everything else comes from the context.
pub(super) static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    // Debug information copies values into errors.
    environment.set_debug(false);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(100);
    if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
        environment.set_syntax(syntax);
    }
    environment.remove_global("debug");
    environment.set_formatter(|output, _, value| {
        let text = text_of(value)?;
        output.write_str(&text).map_err(Error::from)
    });
    functions::register(&mut environment);
    environment
});

/// What the engine makes of an expression.
type Compiled = Arc<Expression<'static, 'static>>;

/// One expression, checked; the same text is one program.
///
/// What the engine makes of it takes 12 KiB however short it is, and a large manifest has thousands that are evaluated a few
/// times: it is kept of the latest ones, and made again for the others.
pub struct Program {
    code: Arc<str>,
    compiled: Mutex<Option<Compiled>>,
    latest: Arc<Latest>,
}

/// The programs whose compiled form is kept, the oldest first.
#[derive(Default)]
struct Latest(Mutex<VecDeque<Weak<Program>>>);

/// Of how many programs the compiled form is kept.
const KEPT: usize = 64;

/// Programs by their text.
#[derive(Default)]
pub struct Programs {
    by_text: Mutex<HashMap<Arc<str>, Arc<Program>>>,
    latest: Arc<Latest>,
}

impl Programs {
    /// The program of an expression that begins at this byte of its scalar.
    ///
    /// # Errors
    ///
    /// It is none.
    pub(super) fn compile(&self, code: &str, offset: usize) -> Result<Arc<Program>, Problem> {
        let mut programs = self.by_text.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(program) = programs.get(code) {
            return Ok(Arc::clone(program));
        }
        let range = offset..offset + code.len();
        check_words(&scan::words(code, offset))?;
        let compiled = Mutex::new(Some(compiled(code, &range)?));
        let code: Arc<str> = Arc::from(code);
        let program = Arc::new(Program { code: Arc::clone(&code), compiled, latest: Arc::clone(&self.latest) });
        self.latest.keep(&program);
        programs.insert(code, Arc::clone(&program));
        Ok(program)
    }
}

impl Program {
    /// Its value in a context.
    ///
    /// # Errors
    ///
    /// It has none; the range is that of its code.
    pub(super) fn run(self: &Arc<Self>, context: &Jinja, code: &Range<usize>) -> Result<Jinja, Problem> {
        let known = self.compiled().clone();
        let expression = if let Some(expression) = known {
            expression
        } else {
            let expression = compiled(&self.code, code)?;
            *self.compiled() = Some(Arc::clone(&expression));
            self.latest.keep(self);
            expression
        };
        expression.eval(context.clone()).map_err(|error| explain(&error, code, true))
    }

    fn compiled(&self) -> MutexGuard<'_, Option<Compiled>> {
        self.compiled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Latest {
    /// Takes a program that was compiled just now, and what is kept of the oldest in its place.
    fn keep(&self, program: &Arc<Program>) {
        let oldest = {
            let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            latest.push_back(Arc::downgrade(program));
            if latest.len() > KEPT { latest.pop_front() } else { None }
        };
        if let Some(oldest) = oldest.and_then(|oldest| oldest.upgrade()) {
            *oldest.compiled() = None;
        }
    }
}

fn compiled(code: &str, range: &Range<usize>) -> Result<Compiled, Problem> {
    let expression = ENVIRONMENT.compile_expression_owned(code.to_owned());
    expression.map(Arc::new).map_err(|error| explain(&error, range, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_that_is_no_longer_kept_is_made_again() {
        let programs = Programs::default();
        let all: Vec<Arc<Program>> =
            (0..3 * KEPT).map(|number| programs.compile(&format!("{number} + n"), 0).unwrap()).collect();
        for round in 0..3 {
            for (number, program) in all.iter().enumerate() {
                let context = minijinja::context! { n => round };
                let value = program.run(&context, &(0..1)).unwrap();
                assert_eq!(value, Jinja::from(number + round));
            }
            assert_eq!(all.iter().filter(|program| program.compiled().is_some()).count(), KEPT);
        }
        // The same text is the same program.
        assert!(Arc::ptr_eq(&all[0], &programs.compile("0 + n", 0).unwrap()));
    }
}
