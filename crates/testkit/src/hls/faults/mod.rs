//! Seeded faults: each breaks a good package in one way, and names the rule that must find it.

mod edit;
mod list;

pub use edit::{with_i_frames, with_subtitles};
pub use list::FAULTS;

use super::{Package, RULES, check};

/// A way to break a good package.
pub struct Fault {
    /// The rule that must find it.
    pub rule: &'static str,
    /// What is broken.
    pub what: &'static str,
    /// Breaks it.
    pub seed: fn(&mut Package),
}

/// What the checker misses: faults that their rule does not find, and rules that no fault tries.
///
/// `good` is a finished package of ours with sound and two rungs, `v360` and `v406`, of 720 × 406 pixels.
pub fn missed(good: &Package) -> Vec<String> {
    let mut missed = Vec::new();
    for fault in FAULTS {
        let mut broken = good.clone();
        (fault.seed)(&mut broken);
        let findings = check(&broken);
        if !findings.iter().any(|finding| finding.rule == fault.rule) {
            missed.push(format!("{}: {} found {findings:?}", fault.rule, fault.what));
        }
    }
    let untried = RULES.iter().filter(|rule| FAULTS.iter().all(|fault| fault.rule != rule.name));
    missed.extend(untried.map(|rule| format!("{}: no fault tries it", rule.name)));
    missed
}
