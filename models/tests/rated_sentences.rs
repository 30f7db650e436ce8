//! The rated sentences as they are fetched: every count that was told of them. Brings 2.5 MB through pip the first time.

use std::path::{Path, PathBuf};
use viewless_models::data::{Label, LabelledTexts, Split, Wanted, load};
use viewless_models::{default_cache_dir, fetch_data};

fn directory() -> PathBuf {
    fetch_data("rated-sentences", &default_cache_dir().unwrap(), &mut |step| eprintln!("{step}")).unwrap()
}

fn numbers(directory: &Path, split: Split) -> Vec<f64> {
    let data = load(&directory.join("regression"), split, Wanted::Numbers).unwrap();
    let number = |label: Label| if let Label::Number(number) = label { number } else { panic!("{label:?}") };
    data.rows().iter().map(|row| number(row.label)).collect()
}

fn classes(directory: &Path, split: Split) -> LabelledTexts {
    load(&directory.join("classification"), split, Wanted::ClassesOfFile).unwrap()
}

fn share(of: usize, all: usize) -> f64 {
    (1000.0 * of as f64 / all as f64).round() / 10.0
}

/// Rows, mean, standard deviation, % nearer than 0.25 to zero, % positive, as measured when the data were found.
const MEASURED: [(&str, usize, f64, f64, f64, f64); 4] = [
    ("movies", 10_605, 0.005, 1.922, 2.2, 49.4),
    ("products", 3_708, 0.382, 1.633, 12.6, 57.4),
    ("editorials", 5_190, -0.141, 0.884, 24.8, 42.5),
    ("tweets", 4_200, 0.505, 1.514, 8.8, 69.0),
];

const SPLITS: [Split; 3] = [Split::Train, Split::Development, Split::Test];

#[test]
fn rows_ratings_and_splits_are_those_that_were_measured() {
    let directory = directory();
    for (domain, rows, mean, deviation, near, positive) in MEASURED {
        let folder = directory.join(domain);
        let splits = if domain == "movies" { &SPLITS[..] } else { &SPLITS[2..] };
        let all: Vec<f64> = splits.iter().flat_map(|&split| numbers(&folder, split)).collect();
        assert_eq!(all.len(), rows, "{domain}");
        let n = all.len() as f64;
        let found = all.iter().sum::<f64>() / n;
        let squares = all.iter().map(|x| (x - found).powi(2)).sum::<f64>();
        let round = |x: f64| (1000.0 * x).round() / 1000.0;
        assert_eq!((round(found), round((squares / (n - 1.0)).sqrt())), (mean, deviation), "{domain}");
        assert_eq!(share(all.iter().filter(|x| x.abs() < 0.25).count(), rows), near, "{domain}");
        assert_eq!(share(all.iter().filter(|x| **x > 0.0).count(), rows), positive, "{domain}");
    }
}

#[test]
fn the_movies_are_split_as_told() {
    let movies = directory().join("movies");
    let data = SPLITS.map(|split| classes(&movies, split));
    let counts = [0, 1, 2].map(|split| data[split].rows().len());
    assert_eq!((counts, counts.iter().sum::<usize>()), ([8066, 1001, 1005], 10_072));
    let positive = data[2].rows().iter().filter(|row| row.label == Label::Class(1)).count();
    assert_eq!(share(positive, 1005), 49.3);
    assert_eq!(data[2].labels(), &viewless_models::data::Labels::Classes(vec!["negative".into(), "positive".into()]));
    // What is in one split of one task is in no other split of the other.
    let words = |data: &LabelledTexts| {
        data.rows().iter().map(|row| row.text.clone()).collect::<std::collections::BTreeSet<_>>()
    };
    for (index, split) in SPLITS.into_iter().enumerate() {
        let rated = words(&load(&movies.join("regression"), split, Wanted::Numbers).unwrap());
        for (other, data) in data.iter().enumerate() {
            assert!(if index == other { words(data).is_subset(&rated) } else { words(data).is_disjoint(&rated) });
        }
    }
    assert!(
        data.iter().all(|data| data.rows().iter().all(|row| !row.text.contains("''") && !row.text.contains('\u{c3}')))
    );
}
