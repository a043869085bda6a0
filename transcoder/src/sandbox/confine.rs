//! The layers around the child, put on by itself while it is still alone and has read nothing.

use std::{io, path::Path};

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, Signal, getppid, getrlimit, set_dumpable_behavior,
    set_parent_process_death_signal, setrlimit,
};

use super::{
    capabilities,
    file_rights::restrict_files,
    limits::{ChildLimits, Confinement, Layer},
    syscalls,
};

/// Heaps of the C library's allocator: each claims address space, and there is a limit on that.
const MALLOC_ARENAS: i32 = 2;
/// What is larger than this many bytes is mapped by itself and goes back to the system when it is freed. Left alone
/// the allocator raises this to the largest piece that was freed, and keeps pictures of encoders that are gone.
const MAPPED_BYTES: i32 = 1 << 18;

/// A layer that could not be put on.
#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
    /// The parent went away before the child could tie its life to it.
    #[error("the parent is gone")]
    Orphaned,
    /// Capabilities could not be given up.
    #[error("cannot give up capabilities: {0}")]
    Capabilities(io::Error),
    /// A limit could not be set.
    #[error("cannot set a limit: {0}")]
    Limits(io::Error),
    /// The file system could not be shut off.
    #[error("Landlock is not available: {0}")]
    Landlock(String),
    /// System calls could not be filtered.
    #[error("seccomp is not available: {0}")]
    Seccomp(String),
    /// A test asked for another layer alone.
    #[error("{0:?} is left off")]
    LeftOff(Layer),
}

/// What is not as it should be around a child that works all the same.
#[derive(Debug, Default)]
pub(super) struct Flaws {
    /// Layers that could not be put on: only accepted under [`Confinement::BestEffort`] and in tests of one layer.
    pub(super) missing: Vec<ConfineError>,
    /// What Landlock leaves to the filter of system calls alone.
    pub(super) gaps: Vec<&'static str>,
    /// Capabilities are left, or could be gained: only in tests of another layer.
    pub(super) is_capable: bool,
}

/// Puts on all layers.
pub(super) fn confine(
    job: &Path,
    limits: &ChildLimits,
    confinement: Confinement,
    parent: u32,
) -> Result<Flaws, ConfineError> {
    follow_parent(parent)?;
    close_inherited();
    limit_heaps();
    let mut flaws = Flaws::default();
    for layer in Layer::ALL {
        if layer == Layer::Seccomp {
            // Nobody can ask after that.
            flaws.is_capable = capabilities::holds_none() != Ok(true);
        }
        if !confinement.wants(layer) {
            flaws.missing.push(ConfineError::LeftOff(layer));
            continue;
        }
        match put_on(layer, job, limits) {
            Ok(gaps) => flaws.gaps.extend(gaps),
            Err(error) if confinement == Confinement::BestEffort && layer.may_be_lacking() => flaws.missing.push(error),
            Err(error) => return Err(error),
        }
    }
    Ok(flaws)
}

/// Puts on one layer; what it leaves to another one.
fn put_on(layer: Layer, job: &Path, limits: &ChildLimits) -> Result<Vec<&'static str>, ConfineError> {
    match layer {
        Layer::Capabilities => {
            capabilities::give_up().map_err(|e| ConfineError::Capabilities(e.into())).map(|()| Vec::new())
        }
        Layer::Limits => set_limits(limits).map_err(|e| ConfineError::Limits(e.into())).map(|()| Vec::new()),
        Layer::Landlock => restrict_files(job),
        Layer::Seccomp => syscalls::restrict_system_calls().map(|()| Vec::new()),
    }
}

/// Dies with the parent, and cannot be looked into by others.
fn follow_parent(parent: u32) -> Result<(), ConfineError> {
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|e| ConfineError::Limits(e.into()))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|e| ConfineError::Limits(e.into()))?;
    let now = getppid().map(|pid| pid.as_raw_nonzero().get());
    if now.and_then(|pid| u32::try_from(pid).ok()) == Some(parent) { Ok(()) } else { Err(ConfineError::Orphaned) }
}

#[expect(unsafe_code, reason = "no safe binding exists")]
fn close_inherited() {
    // SAFETY: the process has opened nothing yet beyond the three standard streams, so no value
    // owns a descriptor that is closed here. Kernels before 5.9 answer with an error; descriptors
    // opened by this program are closed on exec anyway.
    unsafe { libc::close_range(3, libc::c_uint::MAX, 0) };
}

#[expect(unsafe_code, reason = "no safe binding exists")]
fn limit_heaps() {
    // SAFETY: sets two numbers of the allocator while there is one thread.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, MALLOC_ARENAS);
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_BYTES);
    }
}

/// Soft equal to hard, so that the child can neither raise nor ignore them; what we were given ourselves may be less.
fn set_limits(limits: &ChildLimits) -> rustix::io::Result<()> {
    for (resource, most) in [
        (Resource::As, limits.memory_bytes),
        (Resource::Cpu, limits.cpu_secs),
        (Resource::Fsize, limits.file_bytes),
        (Resource::Nofile, limits.open_files),
        (Resource::Nproc, limits.tasks),
        (Resource::Core, 0),
    ] {
        let most = Some(getrlimit(resource).maximum.map_or(most, |given| given.min(most)));
        setrlimit(resource, Rlimit { current: most, maximum: most })?;
    }
    Ok(())
}
