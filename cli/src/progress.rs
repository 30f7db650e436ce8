//! Progress on standard error: in a terminal a bar, for what takes over a second; elsewhere a line every ten seconds.

use crate::screen;
use indicatif::{ProgressBar, ProgressStyle};
use std::cell::{Cell, OnceCell};
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

/// Work that takes less than this shows nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// Between lines of a log.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// A bar that appears when the work takes longer than [`PATIENCE`], and disappears when dropped. Standard error that is no
/// terminal gets a line every [`BETWEEN_LINES`].
pub struct Progress {
    started: Instant,
    what: &'static str,
    bar: OnceCell<ProgressBar>,
    /// When a line was last written, where no bar is seen.
    told: Cell<Instant>,
}

impl Progress {
    /// Starts the clock.
    #[must_use]
    pub fn start(what: &'static str) -> Self {
        Self { started: Instant::now(), what, bar: OnceCell::new(), told: Cell::new(Instant::now()) }
    }

    /// Tells how many of how many steps are done.
    pub fn tell(&self, done: usize, of: usize) {
        self.tell_that(done, of, "");
    }

    /// The same, and what there is to say of them.
    pub fn tell_that(&self, done: usize, of: usize, words: &str) {
        if let Some(line) =
            self.line(done, of).map(|line| if words.is_empty() { line } else { format!("{line}, {words}") })
            && !io::stderr().is_terminal()
        {
            screen::note(line);
        }
        if self.bar.get().is_none() && self.started.elapsed() < PATIENCE {
            return;
        }
        let bar = self.bar.get_or_init(|| {
            let style = ProgressStyle::with_template("{msg} {wide_bar} {percent:>3} % after {elapsed}, {eta} to go")
                .expect("the template is valid, as a test checks");
            ProgressBar::new(of as u64).with_message(self.what).with_style(style)
        });
        if !words.is_empty() {
            bar.set_message(format!("{}, {words}", self.what));
        }
        bar.set_position(done as u64);
    }
}

impl Progress {
    /// What a log is told now and then.
    fn line(&self, done: usize, of: usize) -> Option<String> {
        let is_time = self.told.get().elapsed() >= BETWEEN_LINES;
        is_time.then(|| {
            self.told.set(Instant::now());
            let seconds = self.started.elapsed().as_secs();
            let left = seconds * of.saturating_sub(done) as u64;
            let to_go =
                left.checked_div(done as u64).map_or_else(String::new, |left| format!(", about {left} s to go"));
            format!("{}: {done} of {of} after {seconds} s{to_go}", self.what)
        })
    }

    /// Takes the bar away: what follows shows its own.
    pub fn end(&self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

/// A line that moves while work of unknown length goes on.
pub struct Spinner(ProgressBar);

impl Spinner {
    /// Starts to move after [`PATIENCE`].
    #[must_use]
    pub fn start() -> Self {
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(PATIENCE);
        Self(bar)
    }

    /// Says what is going on.
    pub fn tell(&self, what: impl Into<String>) {
        self.0.set_message(what.into());
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_work_shows_nothing_and_long_work_a_bar() {
        let mut progress = Progress::start("testing");
        progress.tell(1, 10);
        assert!(progress.bar.get().is_none());
        progress.started -= 2 * PATIENCE;
        progress.tell(2, 10);
        assert_eq!(progress.bar.get().map(ProgressBar::position), Some(2));
    }

    #[test]
    fn a_log_has_a_line_every_ten_seconds() {
        let mut progress = Progress::start("testing");
        assert_eq!(progress.line(1, 10), None);
        progress.started -= BETWEEN_LINES;
        progress.told.set(progress.told.get() - BETWEEN_LINES);
        assert_eq!(progress.line(2, 10), Some("testing: 2 of 10 after 10 s, about 40 s to go".to_owned()));
        assert_eq!(progress.line(3, 10), None);
        // Of nothing done nothing follows.
        progress.told.set(progress.told.get() - BETWEEN_LINES);
        assert_eq!(progress.line(0, 10), Some("testing: 0 of 10 after 10 s".to_owned()));
    }
}
