use std::collections::HashSet;

use rand::SeedableRng;
use uuid::Uuid;

use super::*;
use crate::assembly::Pipelines;
use crate::filters::Visibility;
use crate::viewers::ViewerState;
use crate::world::test_clips::{clip, creator};
use crate::world::{Clip, Rankings, Row};

fn world(clips: u32) -> World {
    let mut world = World::default();
    (0..clips).for_each(|number| world.put(clip(number, number % 17)));
    let rankings = Rankings::of(&world);
    world.set_rankings(rankings);
    world
}

fn run<M: Mode>(pipeline: &Pipeline<M>, world: &World, viewer: &M::Viewer) -> Result<Outcome, Closed> {
    let served = HashSet::new();
    let query = Query { request: Request::example(&served), viewer };
    pipeline.run(&query, world, &mut StdRng::seed_from_u64(3))
}

fn rows(outcome: &Outcome) -> Vec<Row> {
    outcome.entries.iter().map(|entry| entry.row).collect()
}

struct Broken(OnFailure);

impl Source<Open> for Broken {
    fn kind(&self) -> SourceKind {
        SourceKind::Followed
    }
    fn on_failure(&self) -> OnFailure {
        self.0
    }
    fn collect(&self, _: &Query<'_, Open>, _: &World) -> Result<Vec<Row>, ComponentError> {
        Err(ComponentError::Inconsistent("this source"))
    }
}

impl Filter<Open> for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }
    fn on_failure(&self) -> OnFailure {
        self.0
    }
    fn is_kept(&self, _: &Query<'_, Open>, _: &World, _: &Candidate) -> Result<bool, ComponentError> {
        Err(ComponentError::Inconsistent("this filter"))
    }
}

#[test]
fn a_broken_component_is_done_without_or_closes_the_feed_as_it_says() {
    let world = world(30);
    for (on_failure, is_open) in [(OnFailure::Degrade, true), (OnFailure::FailClosed, false)] {
        let mut pipeline = Pipelines::default().open;
        pipeline.sources.push(Box::new(Broken(on_failure)));
        let with_source = run(&pipeline, &world, &Nobody);
        assert_eq!(with_source.as_ref().map(|outcome| outcome.entries.len()).ok(), is_open.then_some(30));
        let mut pipeline = Pipelines::default().open;
        pipeline.filters.push(Box::new(Broken(on_failure)));
        let with_filter = run(&pipeline, &world, &Nobody);
        assert_eq!(with_filter.as_ref().map(|outcome| outcome.degraded.len()).ok(), is_open.then_some(1));
    }
}

#[test]
fn the_safety_filters_fail_closed() {
    let on_failure = |filter: &dyn Filter<Open>| filter.on_failure();
    assert_eq!(on_failure(&Visibility), OnFailure::FailClosed);
    for filter in &Pipelines::default().personal.filters {
        assert_eq!(filter.on_failure(), OnFailure::FailClosed, "{}", filter.name());
    }
}

#[test]
fn before_the_first_ranking_the_feed_goes_on_with_what_is_new() {
    let mut world = world(30);
    world.set_rankings(Rankings::default());
    let outcome = run(&Pipelines::default().open, &world, &Nobody).expect("open");
    assert_eq!((outcome.entries.len(), outcome.degraded.len()), (30, 2));
}

#[test]
fn only_recommendable_clips_come_out() {
    let mut world = world(40);
    world.put(Clip { is_recommendable: false, ..clip(3, 3) });
    let hidden = world.intern(clip(3, 3).id);
    // The ranking is older than the decision.
    assert!(world.rankings().lately.as_ref().is_some_and(|ranking| ranking.contains(&hidden)));
    let pipelines = Pipelines::default();
    let personal = run(&pipelines.personal, &world, &ViewerState::default()).expect("open");
    for outcome in [personal, run(&pipelines.trending, &world, &Nobody).expect("open")] {
        assert_eq!(outcome.entries.len(), 39);
        assert!(!rows(&outcome).contains(&hidden));
    }
}

#[test]
fn without_profiling_everybody_gets_the_same() {
    let world = world(100);
    let open = Pipelines::default().open;
    let (one, two) = (run(&open, &world, &Nobody).expect("open"), run(&open, &world, &Nobody).expect("open"));
    assert_eq!(one.entries, two.entries);
}

#[test]
fn following_and_not_interested_move_a_creator_up_and_down() {
    let world = world(170);
    let personal = Pipelines::default().personal;
    let mean_place = |viewer: &ViewerState| {
        let outcome = run(&personal, &world, viewer).expect("open");
        let places = rows(&outcome).into_iter().enumerate();
        let of_creator =
            places.filter(|(_, row)| world.catalogue.clip(*row).is_some_and(|clip| clip.creator_id == creator(5)));
        of_creator.map(|(place, _)| place).sum::<usize>()
    };
    let neutral = mean_place(&ViewerState::default());
    let mut follower = ViewerState::default();
    follower.set_followed(vec![creator(5)]);
    let mut tired = ViewerState::default();
    tired.note_not_interested(creator(5), Request::example(&HashSet::new()).now);
    assert!(mean_place(&follower) < neutral, "{} {neutral}", mean_place(&follower));
    assert!(mean_place(&tired) > neutral, "{} {neutral}", mean_place(&tired));
}

#[test]
fn liking_one_clip_brings_its_neighbours_forward() {
    let mut world = world(300);
    let now = Request::example(&HashSet::new()).now;
    (0..5).for_each(|_| world.count_positive(Row(20), std::iter::once(Row(10)), now));
    let rankings = Rankings::of(&world);
    world.set_rankings(rankings);
    let mut viewer = ViewerState::default();
    viewer.note_positive(Row(10));
    let outcome = run(&Pipelines::default().personal, &world, &viewer).expect("open");
    assert_eq!((outcome.entries[0].row, outcome.entries[0].source), (Row(20), SourceKind::Neighbours));
}

#[test]
fn a_slate_has_at_most_the_places_asked_for() {
    let world = world(900);
    let outcome = run(&Pipelines::default().personal, &world, &ViewerState::default()).expect("open");
    assert_eq!(outcome.entries.len(), 200);
    let served = HashSet::from([Row(0)]);
    let slate_id = estrade_domain::SlateId(Uuid::from_u128(1));
    let request = Request { limit: 5, slate_id, ..Request::example(&served) };
    let query = Query { request, viewer: &ViewerState::default() };
    let five = Pipelines::default().personal.run(&query, &world, &mut StdRng::seed_from_u64(3)).expect("open");
    assert_eq!(five.entries.len(), 5);
}
