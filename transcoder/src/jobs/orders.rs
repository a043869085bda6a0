//! Orders families for clips whose watch time pays for them, from the counters that feeds learn from.

use std::cmp::Ordering;

use estrade_db::DbError;
use estrade_db::families::{self, Candidate, CandidateRung};
use estrade_domain::VersionId;
use estrade_jobs::{Job, Kind, Weight, enqueue};
use tokio_util::sync::CancellationToken;

use super::TranscodeHandler;
use crate::plan::Family;
use crate::worth::{DayClip, Demand, HALF_LIFE, Offer, Price, ROUND, offers};

/// Most watched clips that a round looks at.
const CANDIDATES: i64 = 200;
/// Families that wait or are being made at a time: what waits too long was ordered for yesterday's demand.
const ORDERS_MAX: i64 = 4;
/// The rung that people mostly watch: the largest up to this short edge.
const WATCHED_SHORT_EDGE: i32 = 720;

impl TranscodeHandler {
    /// Counts demand and orders what pays until `stop`, at once and then every five minutes.
    pub async fn keep_families(&self, price: Price, stop: CancellationToken) {
        loop {
            match self.order_families(price).await {
                Ok(0) => {}
                Ok(orders) => tracing::info!(orders, "families are ordered for clips that are watched much"),
                Err(error) => tracing::warn!(error = %error, "families cannot be ordered"),
            }
            let pause = ROUND.mul_f64(0.75 + self.entropy.fraction() / 2.0);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// How many were ordered; none while another worker does the same.
    async fn order_families(&self, price: Price) -> Result<usize, DbError> {
        let now = self.clock.now();
        let half_life_secs = HALF_LIFE.as_secs_f64();
        let mut tx = self.pool.begin().await?;
        if !families::try_hold_orders(&mut tx).await? {
            return Ok(0);
        }
        families::count_demand(&mut tx, now, half_life_secs).await?;
        let room = ORDERS_MAX - families::count_live(&mut tx, Kind::MakeFamily.as_str()).await?;
        let Some(room) = usize::try_from(room).ok().filter(|room| *room > 0) else {
            tx.commit().await?;
            return Ok(0);
        };
        let every = i32::try_from(Family::ALL.len()).unwrap_or(i32::MAX);
        let candidates = families::find_candidates(&mut tx, now, half_life_secs, every, CANDIDATES).await?;
        let mut ordered = 0;
        for (candidate, offer) in best(&candidates, price).into_iter().take(room) {
            let id = VersionId::new(now, &self.entropy);
            if families::insert_family(&mut tx, id, candidate.version_id, offer.family.as_str(), now).await? {
                let job = Job::MakeFamily { clip_id: candidate.clip_id, version_id: id };
                enqueue(&mut tx, &job, Weight::of_house(), now, &self.entropy).await?;
                self.metrics.families.with_label_values(&["ordered"]).inc();
                ordered += 1;
            }
        }
        tx.commit().await?;
        Ok(ordered)
    }
}

/// What pays, the best first; the second family of a clip is judged as if the first were there.
fn best(candidates: &[Candidate], price: Price) -> Vec<(&Candidate, Offer)> {
    let mut found = Vec::new();
    for candidate in candidates {
        let mut demand = demand(candidate);
        while let Some(offer) = offers(&demand).into_iter().next().filter(|offer| offer.is_worth(price)) {
            demand.families.push(offer.family);
            found.push((candidate, offer));
        }
    }
    found.sort_by(|(_, a), (_, b)| better_first(a, b));
    found
}

fn better_first(a: &Offer, b: &Offer) -> Ordering {
    b.bytes_per_cpu_second().total_cmp(&a.bytes_per_cpu_second())
}

fn demand(candidate: &Candidate) -> Demand {
    let clip = clip_of_day(candidate.duration_ms, &candidate.rungs);
    Demand {
        recent_secs: candidate.recent_ms / 1000.0,
        clip_secs: clip.secs,
        bits_per_second: clip.bits_per_second,
        megapixels_per_second: clip.megapixels_per_second,
        families: candidate.families.iter().filter_map(|name| Family::from_name(name)).collect(),
    }
}

/// What the rule knows of a clip: its length, milliseconds, and its renditions, smallest first.
pub fn clip_of_day(duration_ms: i32, rungs: &[CandidateRung]) -> DayClip {
    let pixels = |rung: &CandidateRung| f64::from(rung.width) * f64::from(rung.height) * rung.frame_rate;
    let watched = rungs.iter().rfind(|rung| rung.width.min(rung.height) <= WATCHED_SHORT_EDGE).or(rungs.first());
    DayClip {
        secs: f64::from(duration_ms) / 1000.0,
        bits_per_second: watched.map_or(0.0, |rung| f64::from(rung.average_bandwidth)),
        megapixels_per_second: rungs.iter().map(pixels).sum::<f64>() / 1e6,
    }
}

#[cfg(test)]
mod tests {
    use estrade_domain::ClipId;
    use uuid::Uuid;

    use super::*;

    fn candidate(number: u128, recent_ms: f64, families: &[&str]) -> Candidate {
        let rung =
            |width, height, average_bandwidth| CandidateRung { width, height, frame_rate: 30.0, average_bandwidth };
        Candidate {
            clip_id: ClipId(Uuid::from_u128(number)),
            version_id: VersionId(Uuid::from_u128(number)),
            recent_ms,
            duration_ms: 20_000,
            rungs: vec![rung(360, 640, 500_000), rung(720, 1280, 2_000_000), rung(1080, 1920, 4_000_000)],
            families: families.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn what_people_mostly_watch_counts() {
        let demand = demand(&candidate(1, 5_000.0, &["av1"]));
        assert_eq!((demand.bits_per_second, demand.recent_secs, demand.clip_secs), (2_000_000.0, 5.0, 20.0));
        assert!((demand.megapixels_per_second - 96.8).abs() < 0.1, "{demand:?}");
        assert_eq!(demand.families, [Family::Av1]);
    }

    #[test]
    fn the_most_watched_come_first_and_the_unwatched_not_at_all() {
        let candidates = [candidate(1, 0.0, &[]), candidate(2, 1e9, &[]), candidate(3, 1e10, &[])];
        let price = Price { bytes_per_cpu_second: 1000.0 };
        let found: Vec<u128> = best(&candidates, price).iter().map(|(found, _)| found.clip_id.0.as_u128()).collect();
        assert_eq!(found, [3, 3, 2, 2], "both families of each");
    }
}
