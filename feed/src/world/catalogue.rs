use std::collections::{BTreeMap, HashMap};

use estrade_domain::{AccountId, Audience, ClipId, PublicId, Time};

use super::{Clip, Row};

/// Where a clip stands in a list by time: newest last, ties by public id.
pub type Key = (Time, PublicId);

/// The clips, by place, by time and by creator.
#[derive(Debug, Default)]
pub struct Catalogue {
    rows: HashMap<ClipId, Row>,
    clips: Vec<Option<Clip>>,
    recommendable: BTreeMap<Key, Row>,
    by_creator: HashMap<AccountId, BTreeMap<Key, Row>>,
    count: usize,
}

impl Catalogue {
    /// The clip at this place, unless it is gone.
    pub fn clip(&self, row: Row) -> Option<&Clip> {
        self.clips.get(row.index())?.as_ref()
    }

    pub(super) fn clip_mut(&mut self, row: Row) -> Option<&mut Clip> {
        self.clips.get_mut(row.index())?.as_mut()
    }

    /// The place of a clip, if it has one.
    pub fn row(&self, id: ClipId) -> Option<Row> {
        self.rows.get(&id).copied()
    }

    /// How many clips there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The recommendable clips, newest first.
    pub fn newest(&self) -> impl Iterator<Item = Row> + '_ {
        self.recommendable.values().rev().copied()
    }

    /// A creator's clips that the creator's followers may see, newest first, only those before `before`.
    pub fn newest_of<'a>(
        &'a self,
        creator: AccountId,
        before: Option<&'a Key>,
    ) -> impl Iterator<Item = (&'a Key, Row)> + 'a {
        let clips = self.by_creator.get(&creator).into_iter();
        clips.flat_map(move |clips| {
            let range = match before {
                Some(key) => clips.range(..key.clone()),
                None => clips.range(..),
            };
            range.rev().map(|(key, &row)| (key, row))
        })
    }

    /// The ids of a creator's clips, whoever may see them.
    pub fn ids_of(&self, creator: AccountId) -> Vec<ClipId> {
        let of_creator = self.clips.iter().flatten().filter(|clip| clip.creator_id == creator);
        of_creator.map(|clip| clip.id).collect()
    }

    pub(super) fn intern(&mut self, id: ClipId) -> Row {
        *self.rows.entry(id).or_insert_with(|| {
            // Four billion clips do not fit into memory.
            let row = Row(u32::try_from(self.clips.len()).unwrap_or(u32::MAX));
            self.clips.push(None);
            row
        })
    }

    pub(super) fn put(&mut self, row: Row, clip: Clip) {
        self.remove(row);
        let key = (clip.published_at, clip.public_id().clone());
        if clip.is_recommendable {
            self.recommendable.insert(key.clone(), row);
        }
        if matches!(clip.audience, Audience::Everyone | Audience::Followers) {
            self.by_creator.entry(clip.creator_id).or_default().insert(key, row);
        }
        if let Some(place) = self.clips.get_mut(row.index()) {
            *place = Some(clip);
            self.count += 1;
        }
    }

    pub(super) fn remove(&mut self, row: Row) {
        let Some(clip) = self.clips.get_mut(row.index()).and_then(Option::take) else { return };
        self.count -= 1;
        let key = (clip.published_at, clip.public_id().clone());
        self.recommendable.remove(&key);
        if let Some(clips) = self.by_creator.get_mut(&clip.creator_id) {
            clips.remove(&key);
            if clips.is_empty() {
                self.by_creator.remove(&clip.creator_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::World;
    use crate::world::test_clips::{clip, creator};

    fn newest_of(world: &World, number: u32) -> Vec<Row> {
        world.catalogue.newest_of(creator(number), None).map(|(_, row)| row).collect()
    }

    #[test]
    fn a_clip_is_listed_where_its_audience_lets_it() {
        let mut world = World::default();
        world.put(clip(1, 7));
        world.put(Clip { audience: Audience::Followers, is_recommendable: false, ..clip(2, 7) });
        world.put(Clip { audience: Audience::Link, is_recommendable: false, ..clip(3, 7) });
        world.put(Clip { audience: Audience::Nobody, is_recommendable: false, ..clip(4, 7) });
        assert_eq!(world.catalogue.newest().collect::<Vec<_>>(), [Row(0)]);
        assert_eq!(newest_of(&world, 7), [Row(1), Row(0)]);
    }

    #[test]
    fn putting_a_clip_again_replaces_it_everywhere() {
        let mut world = World::default();
        world.put(clip(1, 7));
        world.put(Clip { audience: Audience::Nobody, is_recommendable: false, ..clip(1, 7) });
        assert_eq!(world.catalogue.newest().count() + newest_of(&world, 7).len(), 0);
        assert_eq!(world.catalogue.count(), 1);
        world.remove(clip(1, 7).id);
        assert_eq!(world.catalogue.count(), 0);
    }

    #[test]
    fn a_creators_clips_go_on_before_a_key() {
        let mut world = World::default();
        (1..=5).for_each(|number| world.put(clip(number, 7)));
        let key = (clip(3, 7).published_at, clip(3, 7).public_id().clone());
        let rows: Vec<Row> = world.catalogue.newest_of(creator(7), Some(&key)).map(|(_, row)| row).collect();
        assert_eq!(rows, [Row(1), Row(0)]);
    }
}
