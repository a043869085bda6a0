//! No capabilities: the child of a root is root in name alone.
//!
//! The kernel's own limits give way to some of them, and so does the ownership of files. None of the layers needs one:
//! Landlock and seccomp take a process that can gain no privileges, and lowering a limit is everybody's right.

use rustix::{
    io::{Errno, Result},
    thread::{
        CapabilitySet, CapabilitySets, capabilities, capability_is_in_ambient_set, capability_is_in_bounding_set,
        clear_ambient_capability_set, no_new_privs, remove_capability_from_bounding_set, set_capabilities,
        set_no_new_privs,
    },
};

/// Empties all sets, for good.
pub(super) fn give_up() -> Result<()> {
    set_no_new_privs(true)?;
    // Whoever lacks this one cannot empty the bounding set, and cannot get at what is in it either.
    if capabilities(None)?.effective.contains(CapabilitySet::SETPCAP) {
        for capability in known() {
            remove_capability_from_bounding_set(capability)?;
        }
    }
    clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?;
    if holds_none()? { Ok(()) } else { Err(Errno::PERM) }
}

/// Holds none, and can gain none by starting a program.
pub(super) fn holds_none() -> Result<bool> {
    let CapabilitySets { effective, permitted, inheritable } = capabilities(None)?;
    let is_ambient = known().any(|capability| capability_is_in_ambient_set(capability) != Ok(false));
    Ok((effective | permitted | inheritable).is_empty() && !is_ambient && no_new_privs()?)
}

/// All that this kernel knows, which may be more than we have names for.
fn known() -> impl Iterator<Item = CapabilitySet> {
    (0..u64::BITS)
        .map(|bit| CapabilitySet::from_bits_retain(1 << bit))
        .take_while(|capability| capability_is_in_bounding_set(*capability) != Err(Errno::INVAL))
}
