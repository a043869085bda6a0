//! From the uneven times of decoded pictures to an even grid.

use std::ops::Range;

/// A picture and the slots of the grid it fills.
#[derive(Debug, PartialEq, Eq)]
pub struct Shown<T> {
    /// The picture.
    pub picture: T,
    /// Slots it is shown in, never empty.
    pub slots: Range<u64>,
}

/// Decides which pictures are shown in which slots of an even grid.
///
/// A picture is shown from the slot nearest to its time until the next one takes over; of several
/// pictures for one slot the last wins; the first fills the slots before it. Every slot of the
/// range is filled exactly once if there was any picture at all.
#[derive(Debug)]
pub struct Cadence<T> {
    next: u64,
    end: u64,
    held: Option<(T, u64)>,
}

impl<T> Cadence<T> {
    /// A grid of the slots in `range`.
    pub fn new(range: Range<u64>) -> Self {
        Self { next: range.start, end: range.end, held: None }
    }

    /// Takes the picture of `slot` (which may lie outside the range) and gives back
    /// the one before it, if it is shown at all.
    pub fn push(&mut self, picture: T, slot: i64) -> Option<Shown<T>> {
        let slot = u64::try_from(slot).unwrap_or(0);
        match &self.held {
            Some((_, held)) if slot < *held => return None,
            Some((_, held)) if slot == *held => {
                self.held = Some((picture, slot));
                return None;
            }
            _ => {}
        }
        let before = self.held.replace((picture, slot));
        before.and_then(|(picture, _)| self.show(picture, slot.min(self.end)))
    }

    /// Gives out the last picture for all remaining slots.
    pub fn finish(&mut self) -> Option<Shown<T>> {
        let (picture, _) = self.held.take()?;
        self.show(picture, self.end)
    }

    /// Every slot is filled: further pictures change nothing.
    pub fn is_full(&self) -> bool {
        self.next >= self.end
    }

    fn show(&mut self, picture: T, until: u64) -> Option<Shown<T>> {
        let slots = self.next..until;
        if slots.is_empty() {
            return None;
        }
        self.next = until;
        Some(Shown { picture, slots })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(range: Range<u64>, slots: &[i64]) -> Vec<(usize, Range<u64>)> {
        let mut cadence = Cadence::new(range);
        let mut shown: Vec<_> = slots.iter().enumerate().filter_map(|(i, slot)| cadence.push(i, *slot)).collect();
        shown.extend(cadence.finish());
        shown.into_iter().map(|s| (s.picture, s.slots)).collect()
    }

    #[test]
    fn gaps_are_filled_and_crowds_are_thinned() {
        assert_eq!(run(0..6, &[0, 1, 1, 4]), vec![(0, 0..1), (2, 1..4), (3, 4..6)]);
    }

    #[test]
    fn the_first_picture_fills_what_lies_before_it() {
        assert_eq!(run(0..4, &[2, 3]), vec![(0, 0..3), (1, 3..4)]);
    }

    #[test]
    fn a_range_in_the_middle_starts_with_the_picture_shown_there() {
        assert_eq!(run(10..13, &[7, 9, 12, 15]), vec![(1, 10..12), (2, 12..13)]);
    }

    proptest! {
        #[test]
        fn every_slot_is_filled_exactly_once(
            start in 0u64..20, len in 1u64..40, slots in prop::collection::vec(-5i64..80, 1..60)
        ) {
            let range = start..start + len;
            let mut next = range.start;
            for (_, slots) in run(range.clone(), &slots) {
                prop_assert_eq!(slots.start, next);
                prop_assert!(slots.end > slots.start);
                next = slots.end;
            }
            prop_assert_eq!(next, range.end);
        }
    }
}
