use std::collections::{HashSet, VecDeque};

use estrade_domain::{AccountId, SlateId, Time};

use crate::parameters::CREATOR_WINDOW;
use crate::pipeline::Entry;
use crate::world::{Row, World};

/// Places of a scroll kept behind the page being served, for clients that ask again.
const KEPT_BEHIND: usize = 400;
/// Places kept of one slate; a scroll for everybody that comes so far has reached the end.
const PLACES_MAX: usize = 20_000;

/// The ordered clips of a scroll. Only ever made longer: a place once given stays given.
#[derive(Debug)]
pub struct Slate {
    /// Its id, as servings name it.
    pub id: SlateId,
    /// When the scroll began.
    pub started_at: Time,
    /// The place of the first entry kept.
    base: u32,
    entries: VecDeque<Entry>,
    /// Clips that were served before the slate was made anew.
    excluded: HashSet<Row>,
    creators: VecDeque<AccountId>,
}

/// A slate's clip at its place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Picked {
    /// The place.
    pub position: u32,
    /// The clip and why.
    pub entry: Entry,
}

/// A slice of a slate.
#[derive(Debug, Default, PartialEq)]
pub struct Page {
    /// Its clips.
    pub picked: Vec<Picked>,
    /// The place where the next page begins; none at the end.
    pub next: Option<u32>,
}

/// What is needed to make a slate longer.
#[derive(Debug)]
pub struct Extension<'a> {
    /// The slate.
    pub id: SlateId,
    /// When its scroll began.
    pub started_at: Time,
    /// Clips that are part of it.
    pub served: HashSet<Row>,
    /// The creators of its last places, latest last.
    pub previous: &'a [AccountId],
    /// The first place to fill.
    pub position: u32,
}

impl Slate {
    /// An empty slate that goes on at `position`, without the clips `excluded`.
    pub fn new(id: SlateId, started_at: Time, position: u32, excluded: HashSet<Row>) -> Self {
        let (entries, creators) = (VecDeque::new(), VecDeque::new());
        Self { id, started_at, base: position, entries, excluded, creators }
    }

    /// Whether a page at this place can be served from what is kept.
    pub fn holds(&self, position: u32) -> bool {
        (self.base..=self.end()).contains(&position)
    }

    fn end(&self) -> u32 {
        self.base.saturating_add(u32::try_from(self.entries.len()).unwrap_or(u32::MAX))
    }

    fn entry(&self, position: u32) -> Option<Entry> {
        let index = position.checked_sub(self.base)? as usize;
        self.entries.get(index).copied()
    }

    /// At most `limit` clips from `position` on. Clips hidden meanwhile are left out and made up
    /// for from what follows; `extend` brings more places, none when nothing is left.
    pub fn page<E>(
        &mut self,
        world: &World,
        position: u32,
        limit: usize,
        mut extend: impl FnMut(Extension<'_>) -> Result<Vec<Entry>, E>,
    ) -> Result<Page, E> {
        let mut page = Page::default();
        let mut place = position;
        loop {
            match self.entry(place) {
                Some(entry) if is_offered(world, entry.row) && page.picked.len() < limit => {
                    page.picked.push(Picked { position: place, entry });
                }
                // One more after a full page: there is a next one.
                Some(entry) if is_offered(world, entry.row) => {
                    page.next = Some(place);
                    break;
                }
                Some(_) => {}
                None => {
                    if self.extend(world, &mut extend)? {
                        continue;
                    }
                    break;
                }
            }
            place += 1;
        }
        Ok(page)
    }

    fn extend<E>(
        &mut self,
        world: &World,
        extend: &mut impl FnMut(Extension<'_>) -> Result<Vec<Entry>, E>,
    ) -> Result<bool, E> {
        if self.entries.len() >= PLACES_MAX {
            return Ok(false);
        }
        let served = self.entries.iter().map(|entry| entry.row).chain(self.excluded.iter().copied()).collect();
        let position = self.end();
        let entries = extend(Extension {
            id: self.id,
            started_at: self.started_at,
            served,
            previous: self.creators.make_contiguous(),
            position,
        })?;
        for entry in &entries {
            if let Some(clip) = world.catalogue.clip(entry.row) {
                self.creators.push_back(clip.creator_id);
            }
        }
        while self.creators.len() >= CREATOR_WINDOW {
            self.creators.pop_front();
        }
        let is_longer = !entries.is_empty();
        self.entries.extend(entries);
        Ok(is_longer)
    }

    /// Lets go of places far behind `position`. Only for slates whose viewer remembers what was served.
    pub fn forget_before(&mut self, position: u32) {
        let behind = position.saturating_sub(self.base) as usize;
        let dropped = behind.saturating_sub(KEPT_BEHIND).min(self.entries.len());
        self.entries.drain(..dropped);
        self.base = self.base.saturating_add(u32::try_from(dropped).unwrap_or(u32::MAX));
    }
}

fn is_offered(world: &World, row: Row) -> bool {
    world.catalogue.clip(row).is_some_and(|clip| clip.is_recommendable)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use uuid::Uuid;

    use super::*;
    use crate::pipeline::SourceKind;
    use crate::world::Clip;
    use crate::world::test_clips::{clip, start_of_time};

    fn entry(row: u32) -> Entry {
        Entry { row: Row(row), source: SourceKind::Fresh, propensity: 1.0, terms: [None; 3] }
    }

    fn world(clips: u32) -> World {
        let mut world = World::default();
        (0..clips).for_each(|number| world.put(clip(number, number)));
        world
    }

    fn slate() -> Slate {
        Slate::new(SlateId(Uuid::nil()), start_of_time(), 0, HashSet::new())
    }

    /// Rows not served yet, three at a time.
    fn three(total: u32) -> impl FnMut(Extension<'_>) -> Result<Vec<Entry>, Infallible> {
        move |extension| {
            let left = (0..total).filter(|&row| !extension.served.contains(&Row(row)));
            Ok(left.take(3).map(entry).collect())
        }
    }

    fn rows(page: &Page) -> Vec<u32> {
        page.picked.iter().map(|picked| picked.entry.row.0).collect()
    }

    #[test]
    fn asking_again_gives_the_same_page_and_the_end_is_told_with_the_last_clip() {
        let (world, mut slate) = (world(7), slate());
        let first = slate.page(&world, 0, 4, three(7)).expect("page");
        assert_eq!((rows(&first), first.next), (vec![0, 1, 2, 3], Some(4)));
        assert_eq!(slate.page(&world, 0, 4, three(7)).expect("again"), first);
        let last = slate.page(&world, 4, 4, three(7)).expect("page");
        assert_eq!((rows(&last), last.next), (vec![4, 5, 6], None));
    }

    #[test]
    fn a_page_that_ends_where_the_slate_ends_is_the_last() {
        let (world, mut slate) = (world(6), slate());
        assert_eq!(slate.page(&world, 0, 6, three(6)).expect("page").next, None);
    }

    #[test]
    fn hidden_clips_are_made_up_for_from_what_follows() {
        let (mut world, mut slate) = (world(9), slate());
        slate.page(&world, 0, 3, three(9)).expect("page");
        world.put(Clip { is_recommendable: false, ..clip(4, 4) });
        world.remove(clip(3, 3).id);
        let page = slate.page(&world, 3, 3, three(9)).expect("page");
        assert_eq!((rows(&page), page.next), (vec![5, 6, 7], Some(8)));
    }

    #[test]
    fn a_slate_made_anew_goes_on_without_what_was_served() {
        let world = world(6);
        let mut slate = Slate::new(SlateId(Uuid::nil()), start_of_time(), 3, HashSet::from([Row(0), Row(4), Row(5)]));
        assert!(slate.holds(3) && !slate.holds(2) && !slate.holds(4));
        let page = slate.page(&world, 3, 10, three(6)).expect("page");
        assert_eq!((rows(&page), page.next, page.picked[0].position), (vec![1, 2, 3], None, 3));
    }

    #[test]
    fn places_far_behind_are_let_go_of() {
        let (world, mut slate) = (world(1000), slate());
        slate.page(&world, 0, 900, three(1000)).expect("page");
        slate.forget_before(850);
        assert!(!slate.holds(449) && slate.holds(450));
        let page = slate.page(&world, 850, 5, three(1000)).expect("page");
        assert_eq!(rows(&page), [850, 851, 852, 853, 854]);
    }
}
