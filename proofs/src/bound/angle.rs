//! cos and sin of public angles in f64 with a proved error.
//!
//! An angle is a 32-bit word, one turn being 2^32. Its four bytes name four unit complex numbers from tables, which MPFR
//! rounds to nearest; their product is the wave. Each complex product errs by at most sqrt(5) 2^-53 (Brent, Percival and
//! Zimmermann, Math. Comp. 76, 2007), each table entry by 2^-53.5, so the result by less than 2^-50; and the k-th power, by
//! repeated multiplication, by less than k 2^-49.

use crate::reference::Enclosure;
use std::sync::OnceLock;

/// cos and sin.
pub(super) type Unit = (f64, f64);

/// The error of the first power, and of each more.
pub(super) const ERROR: f64 = 1.0 / (1u64 << 49) as f64;

fn tables() -> &'static [[Unit; 256]; 4] {
    static TABLES: OnceLock<[[Unit; 256]; 4]> = OnceLock::new();
    TABLES.get_or_init(|| {
        let turn = Enclosure::pi(128).scale(2.0);
        let mut tables = [[(1.0, 0.0); 256]; 4];
        for (level, table) in (1..).zip(&mut tables) {
            for (j, unit) in table.iter_mut().enumerate() {
                let angle = turn.scale(j as f64 / f64::from(256u32).powi(level));
                let (cosine, sine) = angle.cos_sin();
                *unit = (cosine.middle(), sine.middle());
            }
        }
        tables
    })
}

pub(super) fn times(a: Unit, b: Unit) -> Unit {
    (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0)
}

/// cos and sin of the angle of a word.
pub(super) fn unit(word: u32) -> Unit {
    let tables = tables();
    let [a, b, c, d] = word.to_be_bytes().map(usize::from);
    times(times(tables[0][a], tables[1][b]), times(tables[2][c], tables[3][d]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_units_are_waves_to_the_proved_error() {
        for word in [0u32, 1, 0x4000_0000, 0x1234_5678, 0xffff_ffff, 0x8000_0001] {
            let first = unit(word);
            let mut power = first;
            for k in 1..=64u32 {
                let turns = f64::from(word.wrapping_mul(k)) / f64::from(1u32 << 16) / f64::from(1u32 << 16);
                let (cosine, sine) = Enclosure::pi(128).scale(2.0 * turns).cos_sin();
                let bound = f64::from(k) * ERROR;
                assert!((power.0 - cosine.middle()).abs() <= bound && (power.1 - sine.middle()).abs() <= bound);
                power = times(power, first);
            }
        }
    }
}
