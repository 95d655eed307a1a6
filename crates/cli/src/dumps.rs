//! No core dumps: the memory of a run may hold secrets, and a core file would be a copy of it that stays.
//!
//! Whatever ends the process, the system writes nothing of its memory anywhere: the limit on core files is 0, also for
//! the scripts that a run starts, and on Linux the process is marked as one that must not be dumped. By that mark other
//! programs of the same user cannot attach to it or read its memory either, and a dump that is piped to a collector, to
//! which the limit does not apply, is not taken.
//!
//! See `setrlimit(2)`, `PR_SET_DUMPABLE(2const)` and `core(5)`.

/// Switches core dumps off, for the rest of the process. To be called before anything else is.
#[cfg(unix)]
pub fn off() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    // Both only ever take rights away, which needs none. Where a system lacks them, there is nothing else to do.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// Other systems write no core files on their own.
#[cfg(not(unix))]
pub fn off() {}
