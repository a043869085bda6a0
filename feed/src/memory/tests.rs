use std::collections::BTreeSet;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::world::test_clips::{clip, creator, start_of_time};
use crate::world::{Clip, Rankings};

const VIEWER: ViewerId = ViewerId(Uuid::from_u128(0x77));

fn now() -> Time {
    start_of_time() + Duration::days(1)
}

fn memory(clips: u32) -> Memory {
    let memory = Memory::new(1_000, 100, Entropy::from_seed(1));
    {
        let mut world = memory.world_mut();
        (0..clips).for_each(|number| world.put(clip(number, number % 97)));
        let rankings = Rankings::of(&world);
        world.set_rankings(rankings);
    }
    memory
}

fn rows(page: &RankedPage) -> Vec<u32> {
    page.page.picked.iter().map(|picked| picked.entry.row.0).collect()
}

/// What serving does: the page's clips are remembered as served.
fn serve(memory: &Memory, viewer: ViewerId, cursor: Option<SlateCursor>, limit: usize, at: Time) -> RankedPage {
    let held = memory.viewers.get(viewer);
    let page = memory.personal_page(viewer, &held, cursor, limit, at).expect("open");
    let slate_id = page.cursor.slate_id;
    for picked in &page.page.picked {
        lock(&held).state.note_served(picked.entry.row, slate_id, at);
    }
    page
}

/// Scrolls to the end, publishing and doing what `between` does after each page.
fn scroll(
    mut turn: impl FnMut(Option<SlateCursor>) -> RankedPage,
    mut between: impl FnMut(usize),
) -> (Vec<u32>, usize) {
    let (mut seen, mut cursor, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = turn(cursor);
        seen.extend(rows(&page));
        pages += 1;
        cursor = page.next();
        if cursor.is_none() {
            return (seen, pages);
        }
        between(pages);
    }
}

fn assert_each_once(seen: &[u32], expected: impl IntoIterator<Item = u32>) {
    let distinct: BTreeSet<u32> = seen.iter().copied().collect();
    assert_eq!(distinct.len(), seen.len(), "repeats");
    assert_eq!(distinct, expected.into_iter().collect(), "losses");
}

#[test]
fn scrolling_ten_thousand_clips_while_more_are_published_repeats_and_loses_none() {
    let memory = memory(10_000);
    let mut published = 10_000;
    let turn = |cursor| serve(&memory, VIEWER, cursor, 50, now());
    let (seen, pages) = scroll(turn, |pages| {
        if pages <= 200 {
            let mut world = memory.world_mut();
            (published..published + 5).for_each(|number| world.put(clip(number, number % 97)));
            published += 5;
        }
    });
    assert_each_once(&seen, 0..11_000);
    assert_eq!(pages, 220);
}

#[test]
fn losing_every_slate_on_the_way_repeats_and_loses_none() {
    let memory = memory(1_000);
    let turn = |cursor| serve(&memory, VIEWER, cursor, 30, now());
    let (seen, _) = scroll(turn, |pages| {
        if pages % 3 == 0 {
            // Other scrolls push this one out.
            (0..100).for_each(|number| {
                drop(serve(&memory, ViewerId(Uuid::from_u128(number)), None, 1, now() + Duration::seconds(1)));
            });
        }
    });
    assert_each_once(&seen, 0..1_000);
}

#[test]
fn a_scroll_for_everybody_repeats_and_loses_none_even_when_its_slate_is_lost() {
    let memory = memory(1_000);
    let served = std::cell::RefCell::new(HashSet::new());
    let turn = |cursor| {
        let page = memory.shared_page(SharedFeed::ForYou, VIEWER, cursor, served.borrow().clone(), 30, now());
        let page = page.expect("open");
        served.borrow_mut().extend(page.page.picked.iter().map(|picked| picked.entry.row));
        page
    };
    let (seen, _) = scroll(turn, |pages| {
        if pages % 5 == 0 {
            (0..100).for_each(|number| {
                drop(serve(&memory, ViewerId(Uuid::from_u128(number)), None, 1, now() + Duration::seconds(1)));
            });
        }
    });
    assert_each_once(&seen, 0..1_000);
}

#[test]
fn without_profiling_two_viewers_get_the_same_list_whatever_they_watched() {
    let memory = memory(500);
    let (one, two) = (VIEWER, ViewerId(Uuid::from_u128(0x78)));
    let held = memory.viewers.get(one);
    (0..300).for_each(|row| lock(&held).state.note_watched(Row(row)));
    lock(&held).state.set_followed(vec![creator(3)]);
    let list = |viewer| {
        let turn = |cursor| {
            let page = memory.shared_page(SharedFeed::ForYou, viewer, cursor, HashSet::new(), 20, now());
            page.expect("open")
        };
        scroll(turn, |_| ()).0
    };
    assert_eq!(list(one), list(two));
    assert_eq!(list(one).len(), 500);
    let personal = serve(&memory, one, None, 50, now());
    assert!(rows(&personal).iter().all(|&row| row >= 300), "with profiling, what was watched is left out");
}

#[test]
fn a_slate_for_everybody_is_the_same_as_long_as_the_world_is() {
    let memory = memory(300);
    let list = |at| rows(&memory.shared_page(SharedFeed::ForYou, VIEWER, None, HashSet::new(), 50, at).expect("open"));
    let first = list(now());
    assert_eq!(list(now() + Duration::seconds(120)), first, "another slate, the same world");
    memory.world_mut().put(clip(300, 1));
    assert_eq!(list(now() + Duration::seconds(121)), first, "within the renewal time");
    let later =
        memory.shared_page(SharedFeed::ForYou, VIEWER, None, HashSet::new(), 50, now() + Duration::seconds(126));
    assert!(rows(&later.expect("open")).contains(&300));
}

#[test]
fn a_new_scroll_brings_what_never_came_onto_the_screen_but_only_when_nothing_is_new() {
    let memory = memory(6);
    let first = serve(&memory, VIEWER, None, 4, now());
    let held = memory.viewers.get(VIEWER);
    lock(&held).state.note_watched(first.page.picked[0].entry.row);
    let later = now() + Duration::seconds(10);
    let turn = |cursor| serve(&memory, VIEWER, cursor, 10, later);
    let (seen, _) = scroll(turn, |_| ());
    let watched = rows(&first)[0];
    assert_each_once(&seen, (0..6).filter(|&row| row != watched));
    assert!(seen[..2].iter().all(|row| !rows(&first).contains(row)), "new ones first: {seen:?}");
}

#[test]
fn a_hidden_clip_is_gone_from_slates_already_made() {
    let memory = memory(100);
    let first = serve(&memory, VIEWER, None, 10, now());
    let peek = memory.personal_page(VIEWER, &memory.viewers.get(VIEWER), first.next(), 10, now()).expect("open");
    let hidden = rows(&peek)[3];
    memory.world_mut().put(Clip { is_recommendable: false, ..clip(hidden, hidden % 97) });
    let second = serve(&memory, VIEWER, first.next(), 10, now());
    assert!(!rows(&second).contains(&hidden));
    assert_eq!(second.page.picked.len(), 10, "made up for");
}

#[test]
fn trending_ends_after_one_slate() {
    let memory = memory(500);
    let turn =
        |cursor| memory.shared_page(SharedFeed::Trending, VIEWER, cursor, HashSet::new(), 50, now()).expect("open");
    let (seen, pages) = scroll(turn, |_| ());
    assert_eq!((seen.len(), pages), (SLATE_MAX, 4));
}

#[test]
fn following_goes_on_by_key_while_clips_are_published() {
    let memory = memory(97 * 4);
    let relations = Relations { followed: HashSet::from([creator(1), creator(2), creator(3)]), ..Relations::default() };
    let (mut seen, mut before, mut number) = (Vec::new(), None, 97 * 4);
    loop {
        let (clips, has_more) = memory.following_page(&relations, before.as_ref(), 5);
        seen.extend(clips.iter().map(|(_, row)| row.0));
        before = clips.last().map(|(key, _)| key.clone());
        if !has_more {
            break;
        }
        memory.world_mut().put(clip(number, 1));
        number += 1;
    }
    assert_each_once(&seen, (0..97 * 4).filter(|row| (1..=3).contains(&(row % 97))));
    assert!(seen.is_sorted_by(|a, b| a > b), "newest first");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_scroll_gives_each_clip_once(
        clips in 1u32..400,
        limit in 1usize..50,
        publish_every in 1usize..5,
        lose_every in 2usize..6,
    ) {
        let memory = memory(clips);
        let mut published = clips;
        let turn = |cursor| serve(&memory, VIEWER, cursor, limit, now());
        let (seen, _) = scroll(turn, |pages| {
            if pages % publish_every == 0 && published < clips + 40 {
                memory.world_mut().put(clip(published, published % 97));
                published += 1;
            }
            if pages % lose_every == 0 {
                (0..100).for_each(|number| {
                    drop(memory.slates.insert(
                        (SlateId(Uuid::from_u128(number)), None),
                        Slate::new(SlateId(Uuid::from_u128(number)), now(), 0, HashSet::new()),
                        now() + Duration::seconds(1),
                    ));
                });
            }
        });
        assert_each_once(&seen, 0..published);
    }
}
