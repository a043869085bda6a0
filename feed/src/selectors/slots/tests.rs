use std::collections::HashSet;

use proptest::prelude::*;
use rand::SeedableRng;

use super::*;
use crate::parameters::CREATOR_DISTANCE;
use crate::pipeline::{Nobody, Open, Request, Term};
use crate::world::test_clips::clip;

/// One candidate: creator, score, whether on trial too.
type Case = (u32, i32, bool);

fn world(cases: &[Case]) -> World {
    let mut world = World::default();
    for (number, &(creator, ..)) in (0..).zip(cases) {
        world.put(clip(number, creator));
    }
    world
}

fn candidates(cases: &[Case]) -> Vec<Candidate> {
    let of = |source, row: u32, score: i32| {
        let mut candidate = Candidate::new(Row(row), source);
        candidate.terms.add(Term::PopularNow, score.into());
        candidate
    };
    let ranked = (0..).zip(cases).map(|(row, &(_, score, _))| of(SourceKind::Fresh, row, score));
    let trials = (0..).zip(cases).filter(|(_, case)| case.2).map(|(row, case)| of(SourceKind::Trial, row, case.1));
    ranked.chain(trials).collect()
}

fn select(cases: &[Case], position: u32, limit: usize, seed: u64) -> Vec<Entry> {
    let world = world(cases);
    let served = HashSet::new();
    let request = Request { position, limit, ..Request::example(&served) };
    let query = Query::<Open> { request, viewer: &Nobody };
    Slots.select(&query, &world, candidates(cases), &mut StdRng::seed_from_u64(seed))
}

fn cases() -> impl Strategy<Value = Vec<Case>> {
    prop::collection::vec((0u32..12, -5i32..50, any::<bool>()), 1..120)
}

proptest! {
    #[test]
    fn every_candidate_gets_exactly_one_place(cases in cases(), position in 0u32..100, seed in any::<u64>()) {
        let entries = select(&cases, position, 500, seed);
        let rows: HashSet<Row> = entries.iter().map(|entry| entry.row).collect();
        prop_assert_eq!(entries.len(), cases.len());
        prop_assert_eq!(rows.len(), cases.len());
    }

    #[test]
    fn trials_take_at_most_fifteen_of_a_hundred_places_of_any_scroll(cases in cases(), seed in any::<u64>()) {
        let entries = select(&cases, 0, 500, seed);
        for places in 1..=entries.len() {
            let explored = entries[..places].iter().filter(|entry| entry.source == SourceKind::Trial).count();
            prop_assert!(explored * 100 <= places * 15, "{} of {}", explored, places);
        }
    }

    #[test]
    fn a_creator_comes_early_only_when_nobody_else_was_left(cases in cases(), seed in any::<u64>()) {
        let world = world(&cases);
        let entries = select(&cases, 0, 500, seed);
        let creators: Vec<AccountId> =
            entries.iter().filter_map(|entry| Some(world.catalogue.clip(entry.row)?.creator_id)).collect();
        for (place, &creator) in creators.iter().enumerate() {
            let spacing = Spacing::after(&creators[..place]);
            if !spacing.allows(creator) {
                let could_come: Vec<_> = creators[place..].iter().filter(|&&other| spacing.allows(other)).collect();
                prop_assert!(could_come.is_empty(), "place {}", place);
            }
        }
    }

    #[test]
    fn a_propensity_is_a_probability_and_certain_unless_explored(cases in cases(), seed in any::<u64>()) {
        for entry in select(&cases, 0, 500, seed) {
            prop_assert!(entry.propensity > 0.0 && entry.propensity <= 1.0);
            prop_assert!(entry.source == SourceKind::Trial || (entry.propensity - 1.0).abs() < f32::EPSILON);
        }
    }
}

#[test]
fn creators_stand_apart_when_there_are_enough_of_them() {
    let cases: Vec<Case> =
        (0..60).map(|number| (number % 6, 100 - i32::try_from(number).expect("small"), false)).collect();
    let world = world(&cases);
    let entries = select(&cases, 0, 60, 1);
    let creators: Vec<AccountId> =
        entries.iter().filter_map(|entry| Some(world.catalogue.clip(entry.row)?.creator_id)).collect();
    assert_eq!(creators.len(), 60);
    for (place, creator) in creators.iter().enumerate() {
        let near = creators[place + 1..].iter().take(CREATOR_DISTANCE - 1);
        assert!(!near.into_iter().any(|other| other == creator), "place {place}");
    }
}

#[test]
fn the_logged_propensity_is_how_often_the_clip_is_really_drawn() {
    let mut world = world(&(0..3).map(|number| (number, 0, true)).collect::<Vec<_>>());
    (0..3).for_each(|_| world.count_impression(Row(0)));
    let mut rng = StdRng::seed_from_u64(9);
    let mut drawn = [0u32; 3];
    let mut logged = [0.0f32; 3];
    let rounds = 4000u16;
    for _ in 0..rounds {
        let trials = (0..3).map(|row| Candidate::new(Row(row), SourceKind::Trial)).collect();
        let mut trials: Vec<Contender> = contenders(&world, trials).collect();
        let (chosen, propensity) =
            draw_trial(&mut trials, &[], &Spacing::default(), &mut rng).expect("a clip on trial");
        drawn[chosen.candidate.row.0 as usize] += 1;
        logged[chosen.candidate.row.0 as usize] = propensity;
    }
    for row in 0..3 {
        let share = f64::from(drawn[row]) / f64::from(rounds);
        assert!((share - f64::from(logged[row])).abs() < 0.03, "{row}: {share} {}", logged[row]);
    }
    assert!(logged[0] < logged[1], "the more shown is less likely");
}

#[test]
fn clips_on_trial_get_their_place_even_where_one_creator_made_them_all() {
    let cases: Vec<Case> = (0..30).map(|_| (1, 0, true)).collect();
    let explored: Vec<bool> = select(&cases, 0, 30, 1).iter().map(|entry| entry.source == SourceKind::Trial).collect();
    assert_eq!((explored[7], explored[17], explored[27]), (true, true, true));
    assert_eq!(explored.iter().filter(|&&explored| explored).count(), 3);
}
