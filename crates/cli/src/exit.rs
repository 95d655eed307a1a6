//! The exit codes, which pipelines rely on: one table for every command, and one function that decides between them.
//!
//! A run may end in several ways at once: a step failed, another was blocked, a third could not be read. Each part of a
//! run reports its own condition and [`decide`] picks one code, so that no command has an order of its own.

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    /// Done; nothing to do; in sync.
    Done,
    /// Something failed. What failed and what was done is in the report.
    Failed,
    /// `plan --exit-code` found changes.
    Changes,
    /// Something may not be done: protection, the wrong account, the cap on deletions.
    Blocked,
    /// The live state, or the manifest, is not what the plan was made from; nothing was written.
    Stale,
    /// Another run holds the lock, or this one lost it.
    Locked,
    /// Something could not be read, so "no changes" cannot be said.
    Incomplete,
    /// The configuration matches, but something is not usable.
    Unhealthy,
    /// Bad arguments or an invalid manifest; nothing was sent.
    Usage,
    /// Interrupted (SIGINT).
    Interrupted,
    /// Ended from outside (SIGTERM).
    Terminated,
}

/// Every exit in the order in which one wins over the next.
///
/// Bad usage comes first because nothing else can have happened; a signal second, because the shell that sent it wants
/// to see it; then the order that `docs` promise: 1, 3, 4, 5, 2, 6, 7.
pub const PRECEDENCE: [Exit; 11] = [
    Exit::Usage,
    Exit::Interrupted,
    Exit::Terminated,
    Exit::Failed,
    Exit::Blocked,
    Exit::Stale,
    Exit::Locked,
    Exit::Changes,
    Exit::Incomplete,
    Exit::Unhealthy,
    Exit::Done,
];

impl Exit {
    /// The number that the process ends with.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Changes => 2,
            Self::Blocked => 3,
            Self::Stale => 4,
            Self::Locked => 5,
            Self::Incomplete => 6,
            Self::Unhealthy => 7,
            Self::Usage => 64,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

/// The one exit for all conditions that hold; [`Exit::Done`] where none does.
pub fn decide(conditions: impl IntoIterator<Item = Exit>) -> Exit {
    let held: Vec<Exit> = conditions.into_iter().collect();
    PRECEDENCE.into_iter().find(|exit| held.contains(exit)).unwrap_or(Exit::Done)
}

/// The condition, where it holds; for lists that are given to [`decide`].
pub fn when(holds: bool, exit: Exit) -> Exit {
    if holds { exit } else { Exit::Done }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_the_documented_ones() {
        let codes = PRECEDENCE.map(Exit::code);
        assert_eq!(codes, [64, 130, 143, 1, 3, 4, 5, 2, 6, 7, 0]);
    }

    #[test]
    fn nothing_is_done() {
        assert_eq!(decide([]), Exit::Done);
        assert_eq!(decide([when(false, Exit::Failed)]), Exit::Done);
    }

    #[test]
    fn every_set_of_conditions_has_the_first_of_them_in_the_order_of_the_table() {
        for set in 0_u32..1 << PRECEDENCE.len() {
            let held: Vec<Exit> =
                PRECEDENCE.into_iter().enumerate().filter(|(bit, _)| set & (1 << bit) != 0).map(|(_, e)| e).collect();
            let first = held.first().copied().unwrap_or(Exit::Done);
            assert_eq!(decide(held.iter().rev().copied()), first);
            assert_eq!(decide(held), first);
        }
    }
}
