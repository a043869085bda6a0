//! The layers around the child, put on by itself while it is still alone and has read nothing.

use std::{io, path::Path};

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetStatus, Scope,
};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, Signal, getppid, set_dumpable_behavior, set_parent_process_death_signal,
    setrlimit,
};

use super::{
    limits::{ChildLimits, Confinement, Layer},
    syscalls,
};

/// The newest Landlock we know how to use; older kernels enforce what they have.
const LANDLOCK_ABI: ABI = ABI::V6;
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

/// Puts on all layers. What is returned could not be put on, which is only
/// accepted under [`Confinement::BestEffort`] and in tests of one layer.
pub(super) fn confine(
    job: &Path,
    limits: &ChildLimits,
    confinement: Confinement,
    parent: u32,
) -> Result<Vec<ConfineError>, ConfineError> {
    follow_parent(parent)?;
    close_inherited();
    limit_heaps();
    let mut missing = Vec::new();
    for layer in Layer::ALL {
        if !confinement.wants(layer) {
            missing.push(ConfineError::LeftOff(layer));
            continue;
        }
        match put_on(layer, job, limits) {
            Ok(()) => {}
            Err(error) if confinement == Confinement::BestEffort && layer != Layer::Limits => missing.push(error),
            Err(error) => return Err(error),
        }
    }
    Ok(missing)
}

fn put_on(layer: Layer, job: &Path, limits: &ChildLimits) -> Result<(), ConfineError> {
    match layer {
        Layer::Limits => set_limits(limits).map_err(|e| ConfineError::Limits(e.into())),
        Layer::Landlock => restrict_files(job),
        Layer::Seccomp => syscalls::restrict_system_calls(),
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

/// Soft equal to hard, so that the child can neither raise nor ignore them.
fn set_limits(limits: &ChildLimits) -> rustix::io::Result<()> {
    for (resource, most) in [
        (Resource::As, limits.memory_bytes),
        (Resource::Cpu, limits.cpu_secs),
        (Resource::Fsize, limits.file_bytes),
        (Resource::Nofile, limits.open_files),
        (Resource::Nproc, limits.tasks),
        (Resource::Core, 0),
    ] {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

/// Nothing but the job folder, and nothing there may be executed; no TCP, no signals to others.
/// All libraries are loaded by now, so not even `/usr` is needed.
fn restrict_files(job: &Path) -> Result<(), ConfineError> {
    let status = landlock(job).map_err(|e| ConfineError::Landlock(e.to_string()))?;
    if status == RulesetStatus::NotEnforced {
        return Err(ConfineError::Landlock("the kernel does not enforce it".into()));
    }
    Ok(())
}

fn landlock(job: &Path) -> Result<RulesetStatus, Box<dyn std::error::Error>> {
    let inside = AccessFs::ReadFile
        | AccessFs::ReadDir
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile;
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(LANDLOCK_ABI))?
        .handle_access(AccessNet::from_all(LANDLOCK_ABI))?
        .scope(Scope::from_all(LANDLOCK_ABI))?
        .create()?
        .add_rule(PathBeneath::new(PathFd::new(job)?, inside))?
        .restrict_self()?;
    Ok(status.ruleset)
}
