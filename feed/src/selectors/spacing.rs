use std::collections::VecDeque;

use estrade_domain::AccountId;

use crate::parameters::{CREATOR_DISTANCE, CREATOR_WINDOW, CREATOR_WINDOW_MAX};

/// Keeps a creator's clips apart: at least [`CREATOR_DISTANCE`] places between two, at most
/// [`CREATOR_WINDOW_MAX`] in any [`CREATOR_WINDOW`] in a row.
#[derive(Debug, Default)]
pub struct Spacing {
    /// Creators of the latest places, latest last.
    latest: VecDeque<AccountId>,
}

impl Spacing {
    /// Goes on after places already filled.
    pub fn after(previous: &[AccountId]) -> Self {
        let mut spacing = Self::default();
        for &creator in previous {
            spacing.push(creator);
        }
        spacing
    }

    /// Whether the creator may have the next place.
    pub fn allows(&self, creator: AccountId) -> bool {
        self.places_since(creator) >= CREATOR_DISTANCE
            && self.latest.iter().filter(|&&other| other == creator).count() < CREATOR_WINDOW_MAX
    }

    /// How far back the creator's last clip stands: 1 for the place just filled.
    pub fn places_since(&self, creator: AccountId) -> usize {
        let since = self.latest.iter().rev().position(|&other| other == creator);
        since.map_or(usize::MAX, |places| places + 1)
    }

    /// The next place goes to this creator.
    pub fn push(&mut self, creator: AccountId) {
        self.latest.push_back(creator);
        if self.latest.len() >= CREATOR_WINDOW {
            self.latest.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::test_clips::creator;

    #[test]
    fn a_creator_waits_four_places_and_has_two_of_ten() {
        let mut spacing = Spacing::after(&[creator(1)]);
        for other in 2..=4 {
            assert!(!spacing.allows(creator(1)), "after {other}");
            spacing.push(creator(other));
        }
        assert!(!spacing.allows(creator(1)));
        spacing.push(creator(5));
        assert!(spacing.allows(creator(1)), "the fifth place");
        spacing.push(creator(1));
        (6..=9).for_each(|other| spacing.push(creator(other)));
        assert!(spacing.allows(creator(1)), "the first clip is ten places back");
        let mut crowded = Spacing::after(&[1, 2, 3, 4, 5, 1, 6, 7].map(creator));
        assert!(!crowded.allows(creator(1)));
        crowded.push(creator(8));
        assert!(!crowded.allows(creator(1)), "two of the last nine");
    }
}
