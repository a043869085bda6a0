use serde::Serialize;
use utoipa::ToSchema;

use crate::world::Row;

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every value.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name, as stored and shown.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The value with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

named! {
    /// Where a candidate came from.
    SourceKind {
        /// A creator the viewer follows.
        Followed = "followed",
        /// Clips that go with what the viewer liked or finished.
        Neighbours = "neighbours",
        /// Popularity.
        Popular = "popular",
        /// The newest.
        Fresh = "fresh",
        /// Clips on trial.
        Trial = "trial",
    }
}

named! {
    /// A term of the score.
    Term {
        /// Popularity with the short half-life.
        PopularNow = "popular_now",
        /// Popularity with the long half-life.
        PopularLately = "popular_lately",
        /// The share of viewers who reach the end.
        CompletionRate = "completion_rate",
        /// How new it is.
        Fresh = "fresh",
        /// The viewer follows its creator.
        Followed = "followed",
        /// It goes with what the viewer liked or finished.
        Neighbours = "neighbours",
        /// The viewer asked for less of its creator.
        NotInterested = "not_interested",
    }
}

/// The terms of a score; the score is their sum.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Terms([f64; Term::ALL.len()]);

/// A term and its part of the score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
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
    fn names_round_trip() {
        for &source in SourceKind::ALL {
            assert_eq!(SourceKind::from_name(source.as_str()), Some(source));
        }
        for &term in Term::ALL {
            assert_eq!(Term::from_name(term.as_str()), Some(term));
            assert_eq!(serde_json::to_value(term).expect("json"), term.as_str());
        }
    }
}
