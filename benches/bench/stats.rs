//! Samples and their medians. Milliseconds, unless the name says otherwise.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::place::Place;

/// What was measured, in the order of the rounds.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    pub fn push(&mut self, sample: f64) {
        self.0.push(sample);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn max(&self) -> f64 {
        self.0.iter().copied().fold(f64::MIN, f64::max)
    }

    /// The value below which this share of them lies.
    pub fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1).expect("something was measured");
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let index = (share * last as f64).round() as usize;
        sorted[index.min(last)]
    }
}

pub fn median(samples: &Samples) -> f64 {
    samples.quantile(0.5)
}

/// Of each round's pair, so that what slows the machine for a while slows both.
pub fn ratio(ours: &Samples, theirs: &Samples) -> f64 {
    let pairs = ours.0.iter().zip(&theirs.0).map(|(ours, theirs)| ours / theirs).collect();
    median(&Samples(pairs))
}

/// Of each round's pair: how much longer ours took.
pub fn differences(ours: &Samples, theirs: &Samples) -> Samples {
    Samples(ours.0.iter().zip(&theirs.0).map(|(ours, theirs)| ours - theirs).collect())
}

pub fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// From before its start to its end. A process that fails ends the benchmark.
pub fn timed(place: &Place, command: &mut Command) -> f64 {
    let began = Instant::now();
    place.run(command);
    ms(began.elapsed())
}
