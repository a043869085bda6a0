//! Landlock: nothing but files of the job folder, and nothing there may be executed; no TCP, no signals to others.
//!
//! What it can hold has grown with the kernel. The first version (Linux 5.13) shuts off the file system, which is what
//! nothing else does: without it the child does not work. What later versions added is forbidden by the filter of
//! system calls as well, so a kernel that lacks it still contains the child, by one layer instead of two; that is told,
//! and never counted as the whole of Landlock.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, LandlockStatus, PathBeneath, PathFd, RestrictionStatus,
    Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
};

use super::confine::ConfineError;

/// The newest Landlock we know how to use.
const NEWEST: ABI = ABI::V6;
/// The oldest that shuts off the file system.
const OLDEST: ABI = ABI::V1;
/// What came later and matters to us, and the first version that has it. Moving files between folders (version 2) is
/// not among it: before that version it is refused altogether.
const LATER: [(ABI, &str); 4] = [
    (ABI::V3, "cutting files by name"),
    (ABI::V4, "TCP"),
    (ABI::V5, "commands to devices"),
    (ABI::V6, "signals to other processes"),
];

/// Puts it on; what this kernel's version leaves to the filter of system calls alone.
///
/// All libraries are loaded by now, so not even `/usr` is needed.
pub(super) fn restrict_files(job: &Path) -> Result<Vec<&'static str>, ConfineError> {
    let status = restrict(job).map_err(|error| ConfineError::Landlock(error.to_string()))?;
    let abi = match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => effective_abi,
        _ => ABI::Unsupported,
    };
    judge(&status.ruleset, abi)
}

/// What a kernel lacks that enforces our rules in this way; an error when it lacks what is essential.
fn judge(enforced: &RulesetStatus, abi: ABI) -> Result<Vec<&'static str>, ConfineError> {
    if *enforced == RulesetStatus::NotEnforced || abi < OLDEST {
        return Err(ConfineError::Landlock("the kernel does not enforce it".into()));
    }
    let gaps: Vec<&'static str> = LATER.into_iter().filter(|(since, _)| abi < *since).map(|(_, what)| what).collect();
    // Nobody knows what is missing then.
    if gaps.is_empty() && *enforced == RulesetStatus::PartiallyEnforced && abi >= NEWEST {
        return Err(ConfineError::Landlock("the kernel enforces only a part of it".into()));
    }
    Ok(gaps)
}

fn restrict(job: &Path) -> Result<RestrictionStatus, Box<dyn std::error::Error>> {
    // Nothing is removed or moved: a file without a name that is still open takes room that nobody sees.
    let inside = AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::MakeReg;
    Ok(Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(OLDEST))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .add_rule(PathBeneath::new(PathFd::new(job)?, inside))?
        .restrict_self()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(enforced: &RulesetStatus, abi: ABI) -> Option<usize> {
        judge(enforced, abi).ok().map(|gaps| gaps.len())
    }

    #[test]
    fn only_a_kernel_that_holds_everything_has_no_gaps() {
        use RulesetStatus::{FullyEnforced, NotEnforced, PartiallyEnforced};
        assert_eq!(judged(&FullyEnforced, ABI::V6), Some(0));
        assert_eq!(judged(&FullyEnforced, ABI::V7), Some(0));
        for (abi, gaps) in [(ABI::V1, 4), (ABI::V2, 4), (ABI::V3, 3), (ABI::V4, 2), (ABI::V5, 1)] {
            assert_eq!(judged(&PartiallyEnforced, abi), Some(gaps), "{abi:?}");
            assert_eq!(judged(&FullyEnforced, abi), Some(gaps), "whatever is said of it: {abi:?}");
        }
        assert_eq!(judged(&PartiallyEnforced, ABI::V6), None, "nobody knows what is missing");
        assert_eq!(judged(&NotEnforced, ABI::V6), None);
        assert_eq!(judged(&NotEnforced, ABI::Unsupported), None);
        assert_eq!(judged(&PartiallyEnforced, ABI::Unsupported), None);
    }
}
