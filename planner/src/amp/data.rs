//! What AMP's public material says, as numbers: measured layer times, and the logged strategies of its experiments.
//!
//! `data/amp/README.md` says what the columns are. Only facts of the log are read here; the recomputed columns serve tests.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Strategy;
use super::experiment::Experiment;
use crate::time::Picoseconds;

/// Forward times of layers per sample: by model, GPU and tensor-parallel degree.
const PROFILES: &str = include_str!("../../data/amp/amp_layer_profiles.csv");
/// Strategies of the three experiments, in the order of prediction.
const STRATEGIES: &str = include_str!("../../data/amp/amp_strategies.csv");

/// Measured forward times per sample, by layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profiles {
    times: BTreeMap<(String, String, usize), Vec<Picoseconds>>,
}

impl Profiles {
    /// What AMP published: GPT-2 on T4 and V100, TransGAN on V100, with 1, 2 and 4 GPUs to a layer.
    #[must_use]
    pub fn published() -> Self {
        let mut times: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for line in PROFILES.lines().skip(1) {
            let [model, gpu, degree, layer, seconds] = fields(line);
            let gpu = match gpu {
                "G4" => "T4",
                "P3" => "V100",
                other => other,
            };
            let degree = degree.parse().expect("a degree is a whole number");
            let profile = times.entry((model.to_owned(), gpu.to_owned(), degree)).or_default();
            assert_eq!(layer.parse(), Ok(profile.len()), "layers are in order");
            profile.push(decimal_seconds(seconds));
        }
        Self { times }
    }

    /// Times of a model's layers, if they were measured.
    #[must_use]
    pub fn of(&self, model: &str, gpu: &str, degree: usize) -> Option<&[Picoseconds]> {
        self.times.get(&(model.to_owned(), gpu.to_owned(), degree)).map(Vec::as_slice)
    }

    /// GPUs on which a model was measured.
    #[must_use]
    pub fn gpus(&self, model: &str) -> Vec<&str> {
        let mut gpus: Vec<&str> = self.times.keys().filter(|key| key.0 == model).map(|key| key.1.as_str()).collect();
        gpus.dedup();
        gpus
    }
}

/// What became of a strategy when AMP's authors launched it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trial {
    /// Seconds of an iteration, measured.
    Ran(f64),
    /// It could not run.
    Failed,
    /// It was not launched.
    NotLaunched,
}

impl Trial {
    /// The measured seconds, if it ran.
    #[must_use]
    pub fn seconds(self) -> Option<f64> {
        match self {
            Self::Ran(seconds) => Some(seconds),
            Self::Failed | Self::NotLaunched => None,
        }
    }
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Logged {
    /// The experiment.
    pub experiment: Experiment,
    /// Its place in the order of prediction, from 0.
    pub rank: usize,
    /// The strategy.
    pub strategy: Strategy,
    /// How many micro-batches an iteration has.
    pub micro_batches: u64,
    /// Where the stages end, in layers of the profile, beginning with 0.
    pub cuts: Vec<usize>,
    /// The predicted time, which the log prints to four decimals.
    pub predicted: Picoseconds,
    /// What became of it.
    pub trial: Trial,
}

/// The log of an experiment, in the order of prediction.
#[must_use]
pub fn log(experiment: Experiment) -> Vec<Logged> {
    STRATEGIES.lines().skip(1).map(logged).filter(|logged| logged.experiment == experiment).collect()
}

fn logged(line: &str) -> Logged {
    let whole = |text: &str| text.parse().expect("a whole number");
    let columns: [&str; 15] = fields(line);
    let [name, rank, tensor, data, pipeline, micro_batch, micro_batches, cuts, predicted] =
        *columns.first_chunk().expect("15 columns");
    let experiment = match name {
        "homogeneous" => Experiment::Homogeneous,
        "het_cluster" => Experiment::HetCluster,
        "het_model" => Experiment::HetModel,
        other => panic!("no experiment is called {other}"),
    };
    let trial = match columns[14] {
        "fail" => Trial::Failed,
        "" => Trial::NotLaunched,
        seconds => Trial::Ran(seconds.parse().expect("seconds")),
    };
    Logged {
        experiment,
        rank: whole(rank),
        strategy: Strategy {
            tensor: whole(tensor),
            data: whole(data),
            pipeline: whole(pipeline),
            micro_batch: whole(micro_batch) as u64,
        },
        micro_batches: whole(micro_batches) as u64,
        cuts: cuts.split(' ').map(whole).collect(),
        predicted: decimal_seconds(predicted),
        trial,
    }
}

fn fields<const N: usize>(line: &str) -> [&str; N] {
    line.split(',').collect::<Vec<_>>().try_into().expect("every line of the data has all its columns")
}

/// Decimal seconds as picoseconds, exactly; the data have at most twelve decimals.
fn decimal_seconds(text: &str) -> Picoseconds {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{decimals:0<12}");
    Picoseconds::new(digits.parse().expect("decimal seconds"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_seconds_are_read_exactly() {
        assert_eq!(decimal_seconds("0.0002741814"), Picoseconds::new(274_181_400));
        assert_eq!(decimal_seconds("12.5"), Picoseconds::new(12_500_000_000_000));
    }

    #[test]
    fn the_log_has_all_strategies_and_the_profiles_all_layers() {
        let counts = Experiment::ALL.map(|experiment| log(experiment).len());
        assert_eq!(counts, [53, 53, 65]);
        let ran = Experiment::ALL.map(|e| log(e).iter().filter(|logged| logged.trial.seconds().is_some()).count());
        assert_eq!(ran, [47, 43, 19]);
        let failed = Experiment::ALL.map(|e| log(e).iter().filter(|logged| logged.trial == Trial::Failed).count());
        assert_eq!(failed, [5, 10, 46]);
        let profiles = Profiles::published();
        assert_eq!(profiles.gpus("gpt2"), ["T4", "V100"]);
        assert_eq!(profiles.gpus("transgan"), ["V100"]);
        for degree in [1, 2, 4] {
            assert_eq!(profiles.of("gpt2", "T4", degree).map(<[_]>::len), Some(30));
            assert_eq!(profiles.of("transgan", "V100", degree).map(<[_]>::len), Some(56));
        }
        assert_eq!(profiles.of("gpt2", "A100", 1), None);
    }
}
