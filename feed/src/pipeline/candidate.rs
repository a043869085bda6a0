use serde::Serialize;

use crate::world::Row;

/// Where a candidate came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SourceKind {
    /// A creator the viewer follows.
    Followed,
    /// Clips that go with what the viewer liked or finished.
    Neighbours,
    /// Popularity.
    Popular,
    /// The newest.
    Fresh,
    /// Clips on trial.
    Trial,
}

impl SourceKind {
    /// Its name, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Followed => "followed",
            Self::Neighbours => "neighbours",
            Self::Popular => "popular",
            Self::Fresh => "fresh",
            Self::Trial => "trial",
        }
    }
}

/// A term of the score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Term {
    /// Popularity with the short half-life.
    PopularNow,
    /// Popularity with the long half-life.
    PopularLately,
    /// The share of viewers who reach the end.
    CompletionRate,
    /// How new it is.
    Fresh,
    /// The viewer follows its creator.
    Followed,
    /// It goes with what the viewer liked or finished.
    Neighbours,
    /// The viewer asked for less of its creator.
    NotInterested,
}

impl Term {
    /// Every term, in the order of their values.
    pub const ALL: [Self; 7] = [
        Self::PopularNow,
        Self::PopularLately,
        Self::CompletionRate,
        Self::Fresh,
        Self::Followed,
        Self::Neighbours,
        Self::NotInterested,
    ];
}

/// The terms of a score; the score is their sum.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Terms([f64; Term::ALL.len()]);

/// A term and its part of the score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TopTerm {
    /// The term.
    pub term: Term,
    /// What it added to the score.
    pub value: f32,
}

/// Terms kept of a serving.
const TOP_TERMS: usize = 3;

impl Terms {
    /// Adds to a term.
    pub fn add(&mut self, term: Term, value: f64) {
        self.0[term as usize] += value;
    }

    /// The score.
    pub fn score(&self) -> f64 {
        self.0.iter().sum()
    }

    /// The terms that moved the score most, up or down; those that did not move it are left out.
    pub fn top(&self) -> [Option<TopTerm>; TOP_TERMS] {
        let mut terms: Vec<TopTerm> = Term::ALL
            .iter()
            .map(|&term| TopTerm { term, value: to_f32(self.0[term as usize]) })
            .filter(|top| top.value.abs() > 0.0)
            .collect();
        terms.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()));
        let mut top = terms.into_iter();
        [top.next(), top.next(), top.next()]
    }
}

#[expect(clippy::cast_possible_truncation, reason = "scores are small; seven digits are plenty for showing them")]
pub fn to_f32(value: f64) -> f32 {
    value as f32
}

/// What scoring looks up of a clip.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Features {
    /// Popularity with the short half-life, now.
    pub popular_now: f64,
    /// Popularity with the long half-life, now.
    pub popular_lately: f64,
    /// Shrunk share of viewers who reach the end.
    pub completion_rate: f64,
    /// 1 when just published, halved by the day.
    pub fresh: f64,
    /// 1 when the viewer follows its creator.
    pub followed: f64,
    /// How much it goes with what the viewer liked or finished.
    pub neighbours: f64,
    /// 1 when the viewer just asked for less of its creator, fading.
    pub not_interested: f64,
}

/// A clip that may be offered.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The clip.
    pub row: Row,
    /// Where it came from.
    pub source: SourceKind,
    /// What was looked up.
    pub features: Features,
    /// What it is worth.
    pub terms: Terms,
}

impl Candidate {
    /// Nothing is known of it yet.
    pub fn new(row: Row, source: SourceKind) -> Self {
        Self { row, source, features: Features::default(), terms: Terms::default() }
    }
}

/// A place of a slate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry {
    /// The clip.
    pub row: Row,
    /// Where it came from; `Trial` when it got the place to be tried.
    pub source: SourceKind,
    /// Probability that this clip was chosen for this place, given the places before.
    pub propensity: f32,
    /// What moved its score most.
    pub terms: [Option<TopTerm>; TOP_TERMS],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_terms_are_those_that_moved_the_score_most() {
        let mut terms = Terms::default();
        terms.add(Term::Fresh, 0.5);
        terms.add(Term::NotInterested, -3.0);
        terms.add(Term::Followed, 1.0);
        terms.add(Term::PopularNow, 0.1);
        let named: Vec<Term> = terms.top().into_iter().flatten().map(|top| top.term).collect();
        assert_eq!(named, [Term::NotInterested, Term::Followed, Term::Fresh]);
        assert!((terms.score() + 1.4).abs() < 1e-9);
    }

    #[test]
    fn every_term_stands_where_its_value_is_kept() {
        for (place, term) in Term::ALL.into_iter().enumerate() {
            assert_eq!(term as usize, place);
        }
        assert_eq!(serde_json::to_value(Term::NotInterested).expect("json"), "not_interested");
    }
}
